"""What the API says of itself when it begins to listen: one block of the log."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from services.api.access.exposure import is_on
from shared.logs import log_start
from shared.version import version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.settings import Settings

__all__ = ["log_begin", "urls"]

log = logging.getLogger("services.api")


def log_begin(settings: Settings, listening: Sequence[object], workers: int) -> None:
    """Log what runs here.

    Args:
        settings: All of them.
        listening: Address of each listener, as ``getsockname`` gives it.
        workers: Worker processes.
    """
    api, limits = settings.api, settings.api.limits
    per_address = limits.max_streams_per_address
    cameras = [f"{name} (ring {ring})" for name, ring in settings.camera_segments().items()]
    if settings.legacy:
        cameras[0] = "video (captured by the API: legacy mode)"
    if api.discover_cameras:
        cameras.append(f"and what is found in {settings.video.shared_memory_directory}")
    facts = {
        "version": version(),
        "url": ", ".join(urls(listening, secure=api.tls.certificate_file is not None)),
        "workers": workers,
        "cameras": ", ".join(cameras),
        "authentication": f"{'on' if is_on(api.auth) else 'off'} (api.auth.mode={api.auth.mode})",
        "streams": f"at most {limits.max_streams}"
        + (f", {per_address} per address" if per_address else ""),
        "variants": f"at most {limits.max_variants} per camera",
    }
    log_start(log, "the API", facts)


def urls(listening: Sequence[object], *, secure: bool) -> list[str]:
    """Spell the addresses of listeners.

    Args:
        listening: Host and port of each, with more for IPv6; a path for a Unix socket.
        secure: Whether they speak TLS.
    """
    return [_url(address, "https" if secure else "http") for address in listening]


def _url(address: object, scheme: str) -> str:
    if not isinstance(address, tuple):
        return f"unix:{address}"
    host, port = address[:2]
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/"
