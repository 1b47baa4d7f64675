"""A WebSocket client of ``/ws``: wsproto's other half over a plain socket.

::

    with WsClient(f"{api.url}/ws") as client:
        client.say(subscribe="video", id=1)
        client.told("subscribed")
        picture = client.picture()
        client.say(ack=1, number=picture.number)
"""

from __future__ import annotations

import json
import socket
import struct
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Ping,
    Pong,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from wsproto.events import Event

__all__ = ["Closed", "Picture", "WsClient"]

_HEADER: Final = struct.Struct("<BBBBIQQQ")
_RECEIVE_BYTES: Final = 1 << 18


class Closed(Exception):  # noqa: N818 - a normal outcome for some tests
    """The server has ended the connection, or never began it.

    Attributes:
        code: Of the close frame, or the HTTP status of the refusal; 0: no word of it.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason


@dataclass(frozen=True)
class Picture:
    """A binary message."""

    version: int
    id: int
    flags: int
    reserved: int
    age_ms: int
    epoch: int
    number: int
    captured_us: int
    jpeg: bytes

    @classmethod
    def read(cls, data: bytes) -> Self:
        """Take a message apart."""
        fields: tuple[int, int, int, int, int, int, int, int] = _HEADER.unpack_from(data)
        return cls(*fields, data[_HEADER.size :])


class WsClient:
    """One connection.

    Args:
        url: ``http://host:port/ws?query``.
        headers: Further ones of the request.
        tls: How to speak TLS; None: in plain.
        acknowledging: Whether each picture is acknowledged as it is taken by ``picture``.
        answering: Whether it answers the server's pings.
        receive_buffer_bytes: Of the kernel; a small one makes a slow client.

    Attributes:
        protocol: The subprotocol that was agreed on.
        socket: The connection, for tests that want to misbehave.
        texts: What was told and nobody has asked for yet.
        pongs: How many came.
    """

    def __init__(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
        acknowledging: bool = True,
        answering: bool = True,
        receive_buffer_bytes: int | None = None,
    ) -> None:
        target = urlsplit(url)
        self._acknowledging = acknowledging
        self._answering = answering
        self._events = WSConnection(ConnectionType.CLIENT)
        self._pieces: list[bytes] = []
        self._words: list[str] = []
        self._pictures: deque[Picture] = deque()
        self.texts: deque[dict[str, Any]] = deque()
        self.pongs = 0
        self.protocol: str | None = None
        self._open = False
        self._refused = b""
        self._status = 0
        self.socket = socket.socket()
        if receive_buffer_bytes is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        self.socket.settimeout(15.0)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket)
        self.socket.connect((target.hostname, target.port))
        path = target.path + (f"?{target.query}" if target.query else "")
        fields = [(name.encode(), text.encode()) for name, text in (headers or {}).items()]
        request = Request(target.netloc, path, subprotocols=["ringcast.v1"], extra_headers=fields)
        self.socket.sendall(self._events.send(request))
        try:
            while not self._open:
                self._receive()
        except BaseException:
            self.socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.socket.close()

    def say(self, **message: object) -> None:
        """Send a JSON message."""
        self.send_text(json.dumps(message))

    def send_text(self, text: str) -> None:
        """Send a text message."""
        self.socket.sendall(self._events.send(TextMessage(text)))

    def send_bytes(self, data: bytes) -> None:
        """Send a binary message."""
        self.socket.sendall(self._events.send(BytesMessage(data)))

    def ping(self) -> None:
        """Ask for a pong."""
        self.socket.sendall(self._events.send(Ping(b"are you there")))

    def close(self) -> None:
        """Say goodbye and wait for the answer."""
        self.socket.sendall(self._events.send(CloseConnection(1000)))
        try:
            while True:
                self._receive()
        except Closed:
            return

    def told(self, kind: str) -> dict[str, Any]:
        """Wait for a text message of a kind: ``subscribed``, ``ended`` or ``error``."""
        while True:
            for text in self.texts:
                if kind in text:
                    self.texts.remove(text)
                    return text
            self._receive()

    def picture(self, name: int | None = None) -> Picture:
        """Wait for the next picture, of one subscription or of any."""
        while True:
            for picture in self._pictures:
                if name is None or picture.id == name:
                    self._pictures.remove(picture)
                    if self._acknowledging:
                        self.say(ack=picture.id, number=picture.number)
                    return picture
            self._receive()

    def pictures(self, duration_s: float) -> list[Picture]:
        """All that come within a time."""
        deadline, found = time.monotonic() + duration_s, []
        self.socket.settimeout(0.1)
        try:
            while time.monotonic() < deadline:
                try:
                    found.append(self.picture())
                except TimeoutError:
                    continue
        finally:
            self.socket.settimeout(15.0)
        return found

    def wait_pong(self) -> None:
        """Wait for one more pong."""
        before = self.pongs
        while self.pongs == before:
            self._receive()

    def _receive(self) -> None:
        data = self.socket.recv(_RECEIVE_BYTES)
        if not data:
            raise Closed(0, "closed without a word")
        self._events.receive_data(data)
        for event in self._events.events():
            if self._open:
                self._take(event)
            else:
                self._take_answer(event)

    def _take_answer(self, event: Event) -> None:
        """What is answered to the request."""
        if isinstance(event, AcceptConnection):
            self._open, self.protocol = True, event.subprotocol
        elif isinstance(event, RejectConnection):
            self._status = event.status_code
        elif isinstance(event, RejectData):
            self._refused += event.data
            if event.body_finished:
                raise Closed(self._status, self._refused.decode())

    def _take(self, event: Event) -> None:
        """What comes afterwards."""
        if isinstance(event, Ping) and self._answering:
            self.socket.sendall(self._events.send(event.response()))
        elif isinstance(event, Pong):
            self.pongs += 1
        elif isinstance(event, CloseConnection):
            raise Closed(event.code, event.reason or "")
        elif isinstance(event, TextMessage):
            self._words.append(event.data)
            if event.message_finished:
                self.texts.append(json.loads("".join(self._words)))
                self._words = []
        elif isinstance(event, BytesMessage):
            self._pieces.append(bytes(event.data))
            if event.message_finished:
                self._pictures.append(Picture.read(b"".join(self._pieces)))
                self._pieces = []
