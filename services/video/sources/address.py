"""Reading the ``video.source`` setting: what kind of source it names, and how to speak of it.

::

    pattern://1920x1080@30             PATTERN
    0   v4l2:/dev/video0   v4l2:0      DEVICE    a bare number is /dev/video<number>
    /dev/video0   /dev/v4l/by-id/…     DEVICE
    /clips/a.mp4   file:/clips/a.mp4   FILE
    rtsp:// rtsps:// http:// https://  NETWORK
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

__all__ = [
    "Address",
    "Kind",
    "classify",
    "host_and_port",
    "split_authority",
    "user_and_password",
    "without_secrets",
]

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(.*)", re.DOTALL)
_DEVICE: Final = re.compile(r"/dev/(video\d+|v4l/.+)")
_DEFAULT_PORTS: Final = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
_AUTHORITY_END: Final = re.compile(r"[/?#]")
_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.%a-z]+\]|[^:\[\]]+)(?::(\d{1,5}))?")
_MAX_LABEL: Final = 120
_PORTS: Final = range(1, 65536)


class Kind(enum.Enum):
    """Which class of source an address is for."""

    PATTERN = enum.auto()
    DEVICE = enum.auto()
    FILE = enum.auto()
    NETWORK = enum.auto()


@dataclass(frozen=True, slots=True)
class Address:
    """One source.

    Attributes:
        kind: What it is.
        target: URL, path of a file, or path of a device. May hold a password.
    """

    kind: Kind
    target: str


def classify(source: str) -> Address:
    """Find out what a ``video.source`` setting means.

    Raises:
        ValueError: Nothing that we know; a sentence without the address's secrets.
    """
    name, source = source, source.strip()
    if source.isdecimal() or _DEVICE.fullmatch(source):
        return Address(Kind.DEVICE, _path_of_device(source))
    match = _SCHEME.fullmatch(name.lstrip())
    if match is None:
        return Address(Kind.FILE, _path_of_file(name))
    scheme, rest = match[1].lower(), match[2]
    if scheme == "file":
        return Address(Kind.FILE, _path_of_file(rest))
    rest = rest.rstrip()
    if scheme == "pattern":
        return Address(Kind.PATTERN, source)
    if scheme == "v4l2":
        return Address(Kind.DEVICE, _path_of_device(rest))
    if scheme in _DEFAULT_PORTS:
        url = f"{scheme}:{rest}"
        host_and_port(url)
        return Address(Kind.NETWORK, url)
    msg = (
        f"{without_secrets(source)!r} is no source we know: pattern://WIDTHxHEIGHT@FPS, the path "
        "of a file (file:PATH if it holds a colon), v4l2:/dev/video0, a camera's number, rtsp://… "
        "or http://…"
    )
    raise ValueError(msg)


def _path_of_device(name: str) -> str:
    return f"/dev/video{int(name)}" if name.isdecimal() else name


def _path_of_file(name: str) -> str:
    """The path, spaces and all; of a ``file://`` URL without the host, which can only be this one.

    Raises:
        ValueError: There is no name.
    """
    if not name.strip():
        msg = "no file is named: write the path of a file, or the address of another source"
        raise ValueError(msg)
    name = name.removeprefix("//localhost") if name.startswith("//localhost/") else name
    return "/" + name.lstrip("/") if name.startswith("//") else name


def without_secrets(url: str) -> str:
    """The address for people: no user, no password, no query (it may hold a token).

    An ``@`` behind the host is allowed, but is more often the end of a password whose ``/``, ``?``
    or ``#`` was not escaped. Then the host is shown, which is asked for in any case, and neither
    port nor path; or what is behind the last ``@``, where the part before names no host at all.
    """
    match = _SCHEME.fullmatch(url)
    if match is None:
        return url[:_MAX_LABEL]
    scheme, rest = match[1].lower(), match[2]
    place, behind = split_authority(rest)
    host = _HOST.fullmatch(place)
    if host is None:
        place, behind = split_authority(rest.removeprefix("//").rpartition("@")[2])
    elif "@" in behind:
        place, behind = host[1], "/…"
    behind = re.split(r"[?#]", behind, maxsplit=1)[0]
    return f"{scheme}://{place}{behind}"[:_MAX_LABEL]


def split_authority(rest: str) -> tuple[str, str]:
    """What is behind a URL's scheme, as (host and port, everything after them).

    User and password, before the last ``@`` of the authority, are left out.

    Source: RFC 3986, section 3.2: it ends at the first slash, question mark or number sign.
    """
    authority, behind = _split_at(rest.removeprefix("//"), _AUTHORITY_END)
    return authority.rpartition("@")[2], behind


def user_and_password(url: str) -> str:
    """``user:password`` of a network address, decoded; empty when it has none. A secret."""
    rest = url.partition(":")[2].removeprefix("//")
    return unquote(_split_at(rest, _AUTHORITY_END)[0].rpartition("@")[0])


def host_and_port(url: str) -> tuple[str, int]:
    """Whom a network address points to; the scheme's usual port when it names none.

    Raises:
        ValueError: There is no host in it, or no possible port.
    """
    scheme, _, rest = url.partition(":")
    match = _HOST.fullmatch(split_authority(rest)[0])
    port = int(match[2] or _DEFAULT_PORTS[scheme]) if match else 0
    if match is None or port not in _PORTS:
        label = without_secrets(url)
        msg = f"{label!r} names no host, or no possible port: write {scheme}://HOST:PORT/PATH"
        raise ValueError(msg)
    return match[1].strip("[]"), port


def _split_at(text: str, pattern: re.Pattern[str]) -> tuple[str, str]:
    match = pattern.search(text)
    return (text, "") if match is None else (text[: match.start()], text[match.start() :])
