"""A strict MJPEG client over a raw socket.

Real clients forgive a lot, each something else; this one forgives nothing. It refuses a missing
leading boundary, a missing or wrong Content-Length, a byte between two parts, a chunked body,
a part that is not a whole JPEG. Who passes here passes with every client of our research.

::

    with MjpegClient("http://127.0.0.1:8000/stream/video/shm") as client:
        for part in client.parts(30):
            part.number, part.epoch, part.online, part.jpeg, part.received_at

The parser is the product's own, ``shared/multipart.py``. Nothing here needs more than the
standard library.
"""

from __future__ import annotations

import contextlib
import socket
import time
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit

from shared.multipart import MultipartReader, Part, ProtocolViolation, parse_headers

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator, Mapping

__all__ = ["EndOfStream", "MjpegClient", "MultipartReader", "Part", "ProtocolViolation", "get"]

RECEIVE_BYTES: Final = 1 << 20


class EndOfStream(Exception):  # noqa: N818 - a normal outcome for some tests
    """The server closed the connection.

    Attributes:
        clean: True if the closing boundary ``--frame--`` was the last thing sent.
    """

    def __init__(self, *, clean: bool) -> None:
        super().__init__("closing boundary" if clean else "connection closed without a boundary")
        self.clean = clean


class MjpegClient:
    """One HTTP client of one stream.

    Args:
        url: ``http://host:port/path?query``; ``advance_headers=1`` in it is understood.
        http: ``"1.1"`` or ``"1.0"``, as sent in the request line.
        timeout_s: How long any single receive may take.
        receive_buffer_bytes: Size of the kernel's receive buffer (a small one makes a slow client).
        tls: How to speak TLS; None: in plain.
        headers: Further header fields of the request.

    Attributes:
        status: The HTTP status code.
        headers: The response's header fields, names in lower case.
        parts_seen: Number of parts taken so far.
        socket: The connection, for tests that want to misbehave.
    """

    def __init__(
        self,
        url: str,
        *,
        http: str = "1.1",
        timeout_s: float = 15.0,
        receive_buffer_bytes: int | None = None,
        tls: ssl.SSLContext | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._fields = headers or {}
        self._target = urlsplit(url)
        self._http = http
        self._advance = "advance_headers=1" in self._target.query
        self._raw = self._target.path.endswith("/raw")
        self._reader: MultipartReader | None = None
        self.parts_seen = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer_bytes is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        self.socket.settimeout(timeout_s)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket)
        try:
            self._request()
        except BaseException:
            self.socket.close()
            raise

    def __enter__(self) -> Self:
        """Use as a context manager to close the connection at the end."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Close the connection."""
        self.close()

    def close(self) -> None:
        """Close the connection the ordinary way (FIN)."""
        self.socket.close()

    def abort(self) -> None:
        """Close the connection with a reset, as a killed browser tab does."""
        with contextlib.suppress(OSError):
            linger = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.socket.close()

    def _request(self) -> None:
        host, port = self._target.hostname or "127.0.0.1", self._target.port or 80
        self.socket.connect((host, port))
        path = self._target.path or "/"
        if self._target.query:
            path += "?" + self._target.query
        lines = _lines({"Host": f"{host}:{port}", "Accept": "*/*", **self._fields})
        request = f"GET {path} HTTP/{self._http}\r\n{lines}\r\n"
        self.socket.sendall(request.encode("ascii"))
        data = b""
        while b"\r\n\r\n" not in data:
            more = self.socket.recv(RECEIVE_BYTES)
            if not more:
                raise ProtocolViolation(f"closed within the response's headers: {data!r}")
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        status_line, _, fields = head.partition(b"\r\n")
        self.status_line = status_line.decode("ascii")
        self.status = int(self.status_line.split(" ", 2)[1])
        self.headers = parse_headers(fields)
        self.body = body
        if self.status == 200:
            self._start(body)
        else:
            self._read_rest()

    def _read_rest(self) -> None:
        wanted = int(self.headers.get("content-length", -1))
        while wanted < 0 or len(self.body) < wanted:
            more = self.socket.recv(RECEIVE_BYTES)
            if not more:
                break
            self.body += more

    def _start(self, body: bytes) -> None:
        content_type = self.headers.get("content-type", "")
        kind, _, boundary = content_type.partition("; boundary=")
        if kind != "multipart/x-mixed-replace":
            raise ProtocolViolation(f"Content-Type of the stream: {content_type!r}")
        if not boundary.isalnum():
            raise ProtocolViolation(f"boundary is no bare token: {boundary!r}")
        if "transfer-encoding" in self.headers:
            raise ProtocolViolation("the stream is chunked: raw MJPEG readers break on that")
        if "content-length" in self.headers:
            raise ProtocolViolation("an endless stream has no Content-Length")
        self._reader = MultipartReader(
            boundary.encode("ascii"),
            advance_headers=self._advance,
            kinds=("application/octet-stream",) if self._raw else ("image/jpeg",),
        )
        self._reader.feed(body)

    def next_part(self) -> Part:
        """Wait for the next part.

        Raises:
            EndOfStream: The server closed the stream.
            ProtocolViolation: It sent something wrong.
            TimeoutError: Nothing came within ``timeout_s``.
        """
        if self._reader is None:
            raise ProtocolViolation(f"no stream: {self.status_line} {self.body[:300]!r}")
        while True:
            part = self._reader.next_part()
            if part is not None:
                self.parts_seen += 1
                return part
            if self._reader.ended:
                raise EndOfStream(clean=True)
            try:
                data = self.socket.recv(RECEIVE_BYTES)
            except ConnectionResetError:
                data = b""
            if not data:
                raise EndOfStream(clean=False)
            self._reader.feed(data)

    def sip(self, size_bytes: int) -> Part | None:
        """Receive at most ``size_bytes`` and return the part they complete, if any."""
        assert self._reader is not None
        self._reader.feed(self.socket.recv(size_bytes))
        part = self._reader.next_part()
        self.parts_seen += part is not None
        return part

    def parts(self, count: int | None = None, duration_s: float | None = None) -> Iterator[Part]:
        """Yield ``count`` parts, or all that come within ``duration_s``, or without end."""
        deadline = None if duration_s is None else time.monotonic() + duration_s
        seen = 0
        while (count is None or seen < count) and (deadline is None or time.monotonic() < deadline):
            yield self.next_part()
            seen += 1


def _lines(fields: Mapping[str, str]) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in fields.items())


def get(
    url: str,
    *,
    method: str = "GET",
    http: str = "1.0",
    timeout_s: float = 15.0,
    headers: Mapping[str, str] | None = None,
    tls: ssl.SSLContext | None = None,
) -> tuple[int, dict[str, str], bytes]:
    """Ask for something that ends, over a raw socket.

    Args:
        url: ``http://host:port/path?query``.
        method: Of the request.
        http: As sent in the request line.
        timeout_s: How long any single receive may take.
        headers: Header fields; a ``Host`` among them replaces the right one.
        tls: How to speak TLS; None: in plain.

    Returns:
        Status code, header fields (names in lower case), body.
    """
    target = urlsplit(url)
    host, port = target.hostname or "127.0.0.1", target.port or 80
    path = (target.path or "/") + (f"?{target.query}" if target.query else "")
    lines = _lines({"Host": f"{host}:{port}", "Connection": "close", **(headers or {})})
    request = f"{method} {path} HTTP/{http}\r\n{lines}\r\n"
    data = b""
    connection = socket.create_connection((host, port), timeout=timeout_s)
    with connection if tls is None else tls.wrap_socket(connection) as connection:
        connection.sendall(request.encode("ascii"))
        while more := connection.recv(RECEIVE_BYTES):
            data += more
    head, _, body = data.partition(b"\r\n\r\n")
    status_line, _, fields = head.partition(b"\r\n")
    if not status_line:
        raise ProtocolViolation("the server closed the connection without an answer")
    return int(status_line.split(b" ", 2)[1]), parse_headers(fields), body
