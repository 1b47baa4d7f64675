"""``multipart/x-mixed-replace`` read strictly: bytes in, parts out, no socket.

Refuses a missing leading boundary, a missing or wrong Content-Length, a single byte between two
parts, a part that is not a whole JPEG.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Final

from .errors import ProtocolError

__all__ = ["MultipartReader", "Part", "ProtocolViolation", "parse_headers"]

HEADERS_LIMIT: Final = 65536
JPEG: Final = "image/jpeg"
LARGEST_BYTES: Final = 1 << 30
_MOST_DIGITS: Final = 12


class ProtocolViolation(ProtocolError):  # noqa: N818 - named after the mishap
    """The server sent something that RFC 2046 or our own wire format does not allow."""


@dataclass(frozen=True)
class Part:
    """One part of the stream.

    Attributes:
        headers: Its header fields, names in lower case.
        jpeg: The body: one whole JPEG image, or whatever else the reader takes.
        received_at: ``time.monotonic()`` when its last byte had arrived.
    """

    headers: dict[str, str]
    jpeg: bytes = field(repr=False)
    received_at: float = 0.0

    @property
    def number(self) -> int:
        """``X-Frame-Number``: sequence of the frame within its epoch."""
        return int(self.headers["x-frame-number"])

    @property
    def epoch(self) -> int:
        """``X-Epoch``: the life of the writer the number belongs to."""
        return int(self.headers["x-epoch"])

    @property
    def timestamp(self) -> float:
        """``X-Timestamp``: when the frame was captured, wall clock, seconds."""
        return float(self.headers["x-timestamp"])

    @property
    def online(self) -> bool:
        """``X-Online``: false for a blank."""
        return self.headers["x-online"] == "1"


def parse_headers(block: bytes) -> dict[str, str]:
    """Read header lines strictly: CRLF, ``Name: value``, no name twice.

    Raises:
        ProtocolViolation: Anything else.
    """
    headers: dict[str, str] = {}
    for line in block.split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if not colon or not name or name != name.strip() or b"\n" in line or b"\r" in line:
            raise ProtocolViolation(f"bad header line {line!r}")
        key = name.decode("ascii").lower()
        if key == "www-authenticate" and key in headers:  # RFC 9110: a line for each challenge
            value = f"{headers.pop(key)}, ".encode() + value.strip()
        if key in headers:
            raise ProtocolViolation(f"header {key!r} twice in one part")
        headers[key] = value.decode("latin-1").strip()
    return headers


class MultipartReader:
    """The parser: feed it the body's bytes, take parts out. Holds no socket.

    Args:
        boundary: As the ``Content-Type`` header gave it, without leading dashes.
        advance_headers: The server was asked for ``advance_headers=1``: parts carry no
            Content-Length and end at the next boundary.
        kinds: Media types of parts that are taken; of JPEGs only whole ones.
        largest_bytes: Most that a part may claim to hold.

    Attributes:
        ended: The closing boundary was read: there are no more parts.
    """

    def __init__(
        self,
        boundary: bytes,
        *,
        advance_headers: bool = False,
        kinds: tuple[str, ...] = (JPEG,),
        largest_bytes: int = LARGEST_BYTES,
    ) -> None:
        self._boundary = boundary
        self._delimiter = b"--" + boundary
        self._advance = advance_headers
        self._kinds = kinds
        self._largest_bytes = largest_bytes
        self._data = bytearray()
        self._at_part = False  # a boundary line was read, a part's headers follow
        self.ended = False

    def feed(self, data: bytes) -> None:
        """Add bytes of the body, as they came from the socket."""
        if self.ended and data.strip(b"\r\n"):
            raise ProtocolViolation(f"bytes after the closing boundary: {data[:60]!r}")
        self._data += data

    def next_part(self) -> Part | None:
        """Take the next whole part out.

        Returns:
            The part, or None if its last byte has not come yet.

        Raises:
            ProtocolViolation: The bytes break the format.
        """
        if not self._take_boundary():
            return None
        end = self._data.find(b"\r\n\r\n")
        if end < 0:
            if len(self._data) > HEADERS_LIMIT:
                raise ProtocolViolation("no end of a part's headers within 64 KiB")
            return None
        headers = parse_headers(bytes(self._data[:end]))
        body = self._take_body(headers, end + 4)
        if body is None:
            return None
        kind = headers.get("content-type")
        if kind not in self._kinds:
            raise ProtocolViolation(f"Content-Type of a part: {kind!r}")
        if kind == JPEG and not (body.startswith(b"\xff\xd8") and body.endswith(b"\xff\xd9")):
            raise ProtocolViolation(f"part is no whole JPEG: {body[:8]!r} … {body[-8:]!r}")
        return Part(headers, body, time.monotonic())

    def _take_boundary(self) -> bool:
        """Consume ``--boundary CRLF``; notice ``--boundary--``. False: not all of it here yet."""
        closing = self._delimiter + b"--"
        if self._at_part and not closing.startswith(bytes(self._data[: len(closing)])):
            return True
        if self._data.startswith(closing):
            self.ended = True
            if bytes(self._data[len(closing) :]).strip(b"\r\n"):
                raise ProtocolViolation("bytes after the closing boundary")
            return False
        if self._at_part:
            return False
        line = self._delimiter + b"\r\n"
        if self._data.startswith(line):
            del self._data[: len(line)]
            self._at_part = True
            return self._take_boundary() if self._data else False
        if not line.startswith(bytes(self._data[: len(line)])):
            raise ProtocolViolation(f"expected {line!r}, got {bytes(self._data[:60])!r}")
        return False

    def _take_body(self, headers: dict[str, str], start: int) -> bytes | None:
        """Cut the part's body out, with the CRLF that ends it; None: not all of it here yet."""
        if self._advance:
            end = self._data.find(b"\r\n" + self._delimiter, start)
            if end < 0:
                return None
            if end == start and self._data.startswith(self._delimiter + b"--", end + 2):
                del self._data[: end + 2]  # the part announced in advance never came: the end
                self._take_boundary()
                return None
        else:
            length = headers.get("content-length", "")
            if not length.isascii() or not length.isdigit():
                raise ProtocolViolation(f"Content-Length of a part: {length[:80]!r}")
            if len(length) > _MOST_DIGITS or int(length) > self._largest_bytes:
                raise ProtocolViolation(
                    f"a part claims {length[:80]} bytes; {self._largest_bytes} are the most"
                )
            end = start + int(length)
            tail = b"\r\n" + self._delimiter
            if len(self._data) < end + len(tail):
                return None
            if bytes(self._data[end : end + len(tail)]) != tail:
                got = bytes(self._data[end : end + 40])
                raise ProtocolViolation(f"no boundary after Content-Length bytes, but {got!r}")
        body = bytes(self._data[start:end])
        del self._data[: end + 2]
        self._at_part = False
        return body
