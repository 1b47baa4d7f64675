"""A node of ours as a relay sees it: a server on the loopback that says exactly what a test wants.

It knows nothing of the product but the wire format, so that a test of the relay tests the relay.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import queue
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

__all__ = ["FakeNode", "part"]

CLOSING: Final = b"--frame--\r\n"


def part(
    jpeg: bytes,
    number: int,
    *,
    epoch: int = 7,
    stamp: str = "1700000000.000001",
    online: bool = True,
    hops: str = "",
    **changed: str,
) -> bytes:
    """One part with the boundary that follows it; ``changed`` replaces headers, ``_`` for ``-``."""
    headers = {
        "Content-Type": "image/jpeg",
        "Content-Length": str(len(jpeg)),
        "X-Frame-Number": str(number),
        "X-Epoch": str(epoch),
        "X-Timestamp": stamp,
        "X-Online": "1" if online else "0",
    }
    if hops:
        headers["X-Hops"] = hops
    headers |= {name.replace("_", "-"): value for name, value in changed.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value)
    return f"{lines}\r\n".encode() + jpeg + b"\r\n--frame\r\n"


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, node: FakeNode, *args: Any) -> None:  # noqa: ANN401 - the library's
        self._node = node
        super().__init__(*args)

    def do_GET(self) -> None:
        node = self._node
        node.requests.append((self.path, dict(self.headers)))
        path = self.path.partition("?")[0]
        if node.status != 200:
            self._answer_problem(node.status)
        elif path.endswith("/clock"):
            self._answer_clock()
        else:
            self._stream()

    def _answer_problem(self, status: int) -> None:
        text = self._node.garbage or json.dumps({"detail": self._node.detail}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/problem+json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _answer_clock(self) -> None:
        told = self._node.clock
        told = told if told is not None else self._node.now()
        text = self._node.garbage or json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _stream(self) -> None:
        node = self._node
        self.close_connection = True
        with contextlib.suppress(OSError), node.listening() as said:  # before it knows of an answer
            self.send_response(200)
            self.send_header("Connection", "close")
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            if node.hops:
                self.send_header("X-Hops", node.hops)
            self.end_headers()
            self.wfile.write(b"--frame\r\n")
            while (data := said.get()) is not None:
                self.wfile.write(data)

    def log_message(self, *_args: object) -> None:
        """Keep quiet."""


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True


class FakeNode:
    """A node; a context manager.

    Args:
        hops: Its ``X-Hops``; empty: it is no node of ours.
        port: 0 takes a free one.
        tls: Of its certificate; None: plain HTTP.

    Attributes:
        hops: Its ``X-Hops``.
        status: What it answers; other than 200 with a problem document.
        detail: Of the problem.
        clock: What it answers at ``/clock``; None: the time, shifted.
        garbage: What it sends instead of JSON; empty: nothing.
        ahead_us: How far its clock is ahead of this machine's.
        reason: Why it shows blanks.
        requests: Path and headers of each request.
    """

    def __init__(
        self, hops: str = "gate/cam", port: int = 0, tls: ssl.SSLContext | None = None
    ) -> None:
        self._scheme = "http" if tls is None else "https"
        self.hops = hops
        self.status = 200
        self.detail = "no"
        self.clock: object = None
        self.garbage = b""
        self.ahead_us = 0
        self.reason = ""
        self.requests: list[tuple[str, dict[str, str]]] = []
        self._streams: list[queue.SimpleQueue[bytes | None]] = []
        self._over = False
        self._joined = threading.Condition()
        self._server = _Server(("127.0.0.1", port), partial(_Handler, self))
        if tls is not None:  # each connection is greeted by its own thread
            listening = self._server.socket
            self._server.socket = tls.wrap_socket(
                listening, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Of its stream."""
        return f"{self._scheme}://127.0.0.1:{self.port}/stream/cam"

    def now(self) -> dict[str, object]:
        """What it says at ``/clock``."""
        now_us = time.time_ns() // 1000 + self.ahead_us
        return {"now_us": now_us, "doubt_us": 100, "hops": [], "reason": self.reason}

    def stamp(self, age_s: float = 0.0) -> str:
        """``X-Timestamp`` of a frame captured so long ago, by its clock."""
        seconds, micros = divmod(time.time_ns() // 1000 + self.ahead_us - int(age_s * 1e6), 10**6)
        return f"{seconds}.{micros:06d}"

    @contextlib.contextmanager
    def listening(self) -> Iterator[queue.SimpleQueue[bytes | None]]:
        """For the handler: what is to be sent."""
        said: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        with self._joined:
            self._streams.append(said)
            if self._over:
                said.put(None)
            self._joined.notify_all()
        try:
            yield said
        finally:
            with self._joined:
                self._streams.remove(said)

    def send(self, *data: bytes) -> None:
        """Send to every stream, once there is one."""
        with self._joined:
            assert self._joined.wait_for(lambda: self._streams, 10.0), "nobody asked for a stream"
            for said in self._streams:
                for each in data:
                    said.put(each)

    def cut(self, *last: bytes) -> None:
        """Close every stream, after the last bytes."""
        with self._joined:
            for said in self._streams:
                for each in (*last, None):
                    said.put(each)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._over = True
        self.cut()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
