"""The settings of the API: name, type, default, allowed range and what each is for.

See ``settings_schema.py``, whose sections these continue. Needs the extra ``settings`` (pydantic).
"""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path  # noqa: TC003 - pydantic reads the annotations
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator

from .settings_mosaic import MosaicSettings
from .settings_schema import Section
from .settings_stream import StreamSettings

__all__ = [
    "ApiSettings",
    "AuthSettings",
    "HttpSettings",
    "LimitsSettings",
    "TlsSettings",
]

_ORIGIN: Final = re.compile(
    r"https?://[A-Za-z0-9._~-]+(:[0-9]{1,5})?|https?://\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?"
)
_HOST: Final = re.compile(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]")
_MIN_SECRET: Final = 16


def _words(value: object) -> object:
    """A list may be written as text, its items separated by commas or spaces."""
    return value.replace(",", " ").split() if isinstance(value, str) else value


Words = Annotated[list[str], BeforeValidator(_words)]


def _or_none(value: object) -> object:
    """An empty text is none: so Compose writes a variable that is not set."""
    return None if value == "" else value


Unset = BeforeValidator(_or_none)


class LimitsSettings(Section):
    """``api.limits``: what clients may take together."""

    max_streams: int = Field(
        1000,
        ge=1,
        le=100_000,
        description="Streams open at a time, over all workers; who comes then gets 503 with "
        "Retry-After.",
    )
    max_streams_per_address: int = Field(
        0,
        ge=0,
        le=100_000,
        description="Streams open at a time from one client address (of IPv6: from one /64 "
        "network), over all workers; more get 503; 0: as many as max_streams. Behind a proxy set "
        "api.http.trusted_proxies as well.",
    )
    max_variants: int = Field(
        16,
        ge=1,
        le=1000,
        description="Different sizes and qualities streamed at a time, per camera and worker, "
        "beside the default one; who asks for a further one gets 429 and the list of those there "
        "are.",
    )
    max_raw_mb: int = Field(
        512,
        ge=1,
        le=100_000,
        description="MiB that the clients of uncompressed frames (/raw, /frame/raw, PNG) may hold "
        "together, per camera and worker: each holds one frame, of 5.9 MiB in 1080p; more clients "
        "get 503.",
    )
    max_stream_age_sec: float = Field(
        0.0,
        ge=0.0,
        le=604_800.0,
        description="A stream that is so old, give or take a tenth, ends with its closing "
        "boundary, a WebSocket with code 1001, so that who comes back may get to another server. "
        "Recorders and an <img> of other pages do not come back. 0: never; otherwise at least 1.",
    )
    max_request_line_bytes: int = Field(
        4094, ge=256, le=8190, description="Longest request line; a longer one gets 414."
    )
    max_header_fields: int = Field(
        64, ge=8, le=1000, description="Most header fields of a request; more get 431."
    )
    max_header_bytes: int = Field(
        8190, ge=256, le=65536, description="Longest header field; a longer one gets 431."
    )

    @field_validator("max_stream_age_sec")
    @classmethod
    def _streams_begin_before_they_end(cls, age_sec: float) -> float:
        if 0.0 < age_sec < 1.0:
            msg = "must be 0 or 1 to 604800"
            raise ValueError(msg)
        return age_sec


class AuthSettings(Section):
    """``api.auth``: who may see what; see docs/security.md."""

    mode: Literal["auto", "none", "required"] = Field(
        "auto",
        description="auto: required where a token or a credentials file is given, off otherwise, "
        "which is refused when the API can be reached from other machines; none: off, whatever "
        "can reach it; required: on.",
    )
    token: Annotated[SecretStr | None, Unset] = Field(
        None,
        description="One secret that opens everything, as bearer token or as the password of any "
        "user, at least 16 characters; more, and of narrower scope, stand in the credentials file. "
        "Empty: none.",
    )
    credentials_file: Annotated[Path | None, Unset] = Field(
        None,
        description="File of tokens, passwords and signing keys with their scopes; read anew when "
        "it changes.",
    )

    @field_validator("token")
    @classmethod
    def _token_is_long_enough(cls, token: SecretStr | None) -> SecretStr | None:
        if token is not None and len(token.get_secret_value()) < _MIN_SECRET:
            msg = f"must have at least {_MIN_SECRET} characters"
            raise ValueError(msg)
        return token


class HttpSettings(Section):
    """``api.http``: which names, proxies and web pages the API knows."""

    allowed_hosts: Words = Field(
        default_factory=list,
        description="Host names under which the API may be asked, beside localhost, this "
        "machine's name and any address; .example.org takes every name below it too, * every "
        "name. Others get 421, against DNS rebinding.",
    )
    trusted_proxies: Words = Field(
        default_factory=list,
        description="Addresses or networks of reverse proxies whose X-Forwarded-For is believed; "
        "nobody else's is.",
    )
    cors_origins: Words = Field(
        default_factory=list,
        description="Origins (https://example.org) of web pages whose scripts may read answers; * "
        "takes every one, without credentials.",
    )
    resource_policy: Literal["same-origin", "same-site", "cross-origin"] = Field(
        "same-site",
        description="Cross-Origin-Resource-Policy of pictures: which web pages may show them in "
        "an <img>. Other hosts' pages need cross-origin.",
    )

    @field_validator("allowed_hosts")
    @classmethod
    def _hosts_are_possible(cls, hosts: list[str]) -> list[str]:
        for host in hosts:
            if host != "*" and _HOST.fullmatch(host) is None:
                msg = f"{host!r} is not a host name (without scheme and port) or *"
                raise ValueError(msg)
        return [host.lower() for host in hosts]

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies_are_networks(cls, proxies: list[str]) -> list[str]:
        for proxy in proxies:
            try:
                ipaddress.ip_network(proxy)
            except ValueError:
                msg = f"{proxy!r} is not an address or a network such as 172.16.0.0/12"
                raise ValueError(msg) from None
        return proxies

    @field_validator("cors_origins")
    @classmethod
    def _origins_are_origins(cls, origins: list[str]) -> list[str]:
        for origin in origins:
            if origin != "*" and _ORIGIN.fullmatch(origin) is None:
                msg = f"{origin!r} is not an origin such as https://example.org:8443 (no path) or *"
                raise ValueError(msg)
        return [origin.lower() for origin in origins]


class TlsSettings(Section):
    """``api.tls``: HTTPS by gunicorn itself; docs/security.md has the command for a certificate."""

    certificate_file: Path | None = Field(
        None,
        description="PEM file of the certificate with its chain; with key_file: HTTPS instead of "
        "HTTP.",
    )
    key_file: Path | None = Field(None, description="PEM file of the certificate's key.")

    @model_validator(mode="after")
    def _both_or_none(self) -> TlsSettings:
        if (self.certificate_file is None) != (self.key_file is None):
            msg = "certificate_file and key_file must be given together"
            raise ValueError(msg)
        return self


class ApiSettings(Section):
    """``api``: the HTTP server."""

    host: str = Field("127.0.0.1", min_length=1, description="Address to listen on.")
    published_host: Annotated[str | None, Unset] = Field(
        None,
        description="Address at which others reach the API where that is not host, such as that "
        "of a container's published port; like host it decides whether authentication must be "
        "chosen.",
    )
    port: int = Field(8000, ge=0, le=65535, description="TCP port; 0 takes a free one.")
    workers: int = Field(
        0,
        ge=0,
        le=64,
        description="Worker processes; 0: one for every two cores, 1 to 4. A frame is encoded "
        "once for all of them.",
    )
    drain_timeout_sec: int = Field(
        8, ge=1, le=600, description="How long SIGTERM waits for answers under way, seconds."
    )
    discover_cameras: bool = Field(
        default=False,
        description="Also serve every camera whose ring is found in video.shared_memory_directory, "
        "under the ring's name, from when it appears until it has been gone for "
        "api.stream.video_loss_grace_sec and nobody watches it. Whoever may write there then "
        "decides what is served: see docs/security.md.",
    )
    drain_spread_sec: int = Field(
        0,
        ge=0,
        le=3600,
        description="After SIGTERM the API listens on for so long, with /readyz and new streams "
        "answering 503, and ends the open streams one by one; drain_timeout_sec comes after it. 0: "
        "all end at once.",
    )
    stream: StreamSettings = StreamSettings()
    mosaic: MosaicSettings = MosaicSettings()
    limits: LimitsSettings = LimitsSettings()
    auth: AuthSettings = AuthSettings()
    http: HttpSettings = HttpSettings()
    tls: TlsSettings = TlsSettings()
