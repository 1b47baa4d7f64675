"""Reading the ``video.source`` setting: what kind of source it names, and how to speak of it.

::

    pattern://1920x1080@30             PATTERN
    0   v4l2:/dev/video0   v4l2:0      DEVICE    a bare number is /dev/video<number>
    /clips/a.mp4   file:/clips/a.mp4   FILE
    rtsp:// rtsps:// http:// https://  NETWORK
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import Final

__all__ = ["Address", "Kind", "classify", "host_and_port", "without_secrets"]

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(.*)", re.DOTALL)
_DEFAULT_PORTS: Final = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
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
    source = source.strip()
    if source.isdecimal():
        return Address(Kind.DEVICE, f"/dev/video{int(source)}")
    match = _SCHEME.fullmatch(source)
    if match is None:
        return Address(Kind.FILE, source)
    scheme, rest = match[1].lower(), match[2]
    if scheme == "pattern":
        return Address(Kind.PATTERN, source)
    if scheme == "v4l2":
        return Address(Kind.DEVICE, f"/dev/video{int(rest)}" if rest.isdecimal() else rest)
    if scheme == "file":
        return Address(Kind.FILE, rest.removeprefix("//"))
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


def without_secrets(url: str) -> str:
    """The address for people: no user, no password, no query (it may hold a token).

    Everything before the last ``@`` goes, because passwords are often not escaped as they should
    be; the worst that happens is a label that is too short.
    """
    match = _SCHEME.fullmatch(url)
    if match is None:
        return url[:_MAX_LABEL]
    place = match[2].removeprefix("//").rpartition("@")[2]
    place = re.split(r"[?#]", place, maxsplit=1)[0]
    return f"{match[1].lower()}://{place}"[:_MAX_LABEL]


def host_and_port(url: str) -> tuple[str, int]:
    """Whom a network address points to; the scheme's usual port when it names none.

    Raises:
        ValueError: There is no host in it, or no possible port.
    """
    label = without_secrets(url)
    scheme, _, place = label.partition("://")
    match = re.fullmatch(r"(\[[0-9A-Fa-f:.%a-z]+\]|[^:\[\]]+)(?::(\d+))?", place.split("/")[0])
    port = int(match[2] or _DEFAULT_PORTS[scheme]) if match else 0
    if match is None or port not in _PORTS:
        msg = f"{label!r} names no host, or no possible port: write {scheme}://HOST:PORT/PATH"
        raise ValueError(msg)
    return match[1].strip("[]"), port
