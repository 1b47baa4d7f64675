"""A small MJPEG server on the loopback: a source for tests, whose pictures and manners they choose.

Ours serves streams too, but a test of the source that used it would test two things at once.
"""

from __future__ import annotations

import contextlib
import http.server
import itertools
import threading
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MjpegServer"]

_BOUNDARY = "test"


@dataclass(frozen=True)
class _Manners:
    picture: Callable[[int], bytes]
    fps: float
    pictures: int | None
    stall_after: int | None
    authorization: str | None
    stopping: threading.Event
    requests: list[str]


class _Handler(http.server.BaseHTTPRequestHandler):
    def __init__(self, manners: _Manners, *args: Any) -> None:  # noqa: ANN401 - the library's
        self._manners = manners
        super().__init__(*args)

    def do_GET(self) -> None:
        manners = self._manners
        manners.requests.append(self.path)
        if self.path.partition("?")[0] != "/stream":
            self.send_error(404)
            return
        if manners.authorization not in (None, self.headers.get("Authorization")):
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="test"')
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={_BOUNDARY}")
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # the client may go when it likes
            self._send_parts()

    def _send_parts(self) -> None:
        manners = self._manners
        count = manners.pictures
        has_lengths = not self.path.endswith("?lengths=no")
        kind = "jpg" if self.path.endswith("?type=jpg") else "jpeg"
        for number in itertools.count() if count is None else range(count):
            if manners.stopping.wait(1.0 / manners.fps):
                return
            jpeg = manners.picture(number)
            length = f"Content-Length: {len(jpeg)}\r\n" if has_lengths else ""
            head = f"--{_BOUNDARY}\r\nContent-Type: image/{kind}\r\n{length}\r\n"
            part = head.encode() + jpeg + b"\r\n"
            if number == manners.stall_after:
                if self.path.endswith("?stall=inside"):
                    self.wfile.write(part[: len(part) // 2])
                manners.stopping.wait()
                return
            self.wfile.write(part)

    def log_message(self, *_args: object) -> None:
        """Keep quiet."""


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True


class MjpegServer:
    """Serves ``/stream`` to any number of clients; a context manager.

    ``/stream?lengths=no`` gives parts without a Content-Length, ``?type=jpg`` calls them image/jpg;
    with ``?stall=inside`` the silence begins in the middle of a picture.

    Args:
        picture: Gives the JPEG of picture 0, 1, 2 …
        fps: Pictures per second.
        port: 0 takes a free one; give the same again to come back after ``stop``.
        pictures: End the stream after so many; None: never.
        stall_after: Keep silent after so many pictures, with the connection open; None: never.
        authorization: Answer 401 to whoever does not send this header; None: to nobody.
    """

    def __init__(
        self,
        picture: Callable[[int], bytes],
        *,
        fps: float = 30.0,
        port: int = 0,
        pictures: int | None = None,
        stall_after: int | None = None,
        authorization: str | None = None,
    ) -> None:
        self._stopping = threading.Event()
        self.requests: list[str] = []
        manners = _Manners(
            picture, fps, pictures, stall_after, authorization, self._stopping, self.requests
        )
        self._server = _Server(("127.0.0.1", port), partial(_Handler, manners))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Of the stream."""
        return f"http://127.0.0.1:{self.port}/stream"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """End all streams and close the port; more than once is harmless."""
        self._stopping.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()
