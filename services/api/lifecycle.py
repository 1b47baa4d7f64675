"""Whether this worker is shutting down, and what gunicorn's hooks do; knows no Flask.

gunicorn tells its handlers nothing about SIGTERM: it sets ``worker.alive`` and waits for them, the
whole graceful timeout if need be, then kills them without a ``finally``. So every stream asks here.

Where ``api.drain_spread_sec`` is set, SIGTERM first makes the worker *leave*: it listens on,
refuses new streams, and ends the open ones one by one. After that it *drains*: all else ends.
"""

from __future__ import annotations

import logging
import math
import re
import resource
import signal
import time
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import unquote

import gevent

from shared.meter import Throttle

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "LARGEST_BODY",
    "Leaving",
    "Lifecycle",
    "allow_descriptors",
    "close_after_large_body",
    "close_delimited",
    "quieten",
]

log = logging.getLogger(__name__)

_STREAM_PATH: Final = re.compile(r"/stream(?:/(?:video/shm|[^/]+)(?:/raw)?)?/?\Z")
_STREAM_ACTION: Final = re.compile(r"(?:^|&)action=stream(?:_[0-9]+)?(?:&|\Z)")
"""mjpg-streamer's address of its stream: ``/?action=stream``, of the Nth ``stream_N``."""

_WEBSOCKET_PATH: Final = "/ws"

LARGEST_BODY: Final = 65_536
"""Bytes of a request's body that are read and thrown away, so that another request may follow."""

_ENOUGH: Final = 200
"""Characters of a complaint about a client that the log gets."""

_QUOTED: Final = re.compile(r""":?\s*['"].*""", re.DOTALL)
"""What gunicorn quotes of a client. The log has none of it: it could read like a line of ours, and
what watches the log would shut out whoever the client names."""

_ASKED_BEFORE_S: Final = 0.5
"""For so long after a worker has begun to leave, streams begin here all the same: they were asked
for before anybody could know."""

_NOTICED_S: Final = 5.0
"""So long, or a quarter of the time there is, whoever balances has to notice that this server is
not ready; a stream that ended before would come back to it."""

_OTHER_DESCRIPTORS: Final = 100
"""Rings, notification sockets, libraries, logs."""


class Worker(Protocol):
    """The part of a gunicorn worker that matters here.

    Attributes:
        alive: False once the worker is to end.
    """

    alive: bool


class Leaving(Exception):  # noqa: N818 - named after the state
    """This server is shutting down, and no stream begins any more."""

    def __init__(self) -> None:
        super().__init__("This server is shutting down. Ask again: another one may answer.")


class Lifecycle:
    """Knows whether the worker is shutting down. Before ``attend``: it is not.

    Args:
        clock: A steady clock, seconds.
        spread_s: How long it takes to leave; 0: everything ends at once.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, *, spread_s: float = 0.0
    ) -> None:
        self._clock = clock
        self._spread_s = spread_s
        self._worker: Worker | None = None
        self._left_at = math.inf

    def attend(self, worker: Worker) -> None:
        """Keep the worker whose end is to be noticed."""
        self._worker = worker

    def leave_at_sigterm(self) -> None:
        """Have SIGTERM make the worker leave before it ends; in the worker process."""
        if self._spread_s:
            signal.signal(signal.SIGTERM, lambda *_: self.leave())

    def leave(self) -> None:
        """Begin to leave, and end when that is over; again is harmless."""
        if self.leaving():
            return
        self._left_at = self._clock()
        gevent.spawn_later(self._spread_s, self._end)

    def leaving(self) -> bool:
        """Whether clients are for another worker, or server, from now on."""
        return self._left_at < math.inf or self.draining()

    def draining(self) -> bool:
        """Whether streams are to end now."""
        return self._worker is not None and not self._worker.alive

    def check(self) -> None:
        """Let a stream begin, or not.

        Raises:
            Leaving: The worker is shutting down.
        """
        if self.draining() or self._clock() - self._left_at >= _ASKED_BEFORE_S:
            raise Leaving

    def turn(self, share: float) -> float:
        """When a stream is to end because the worker leaves, by the clock; infinite: it does not.

        Args:
            share: Where its turn is among all, from 0, the first, to 1.
        """
        first = min(_NOTICED_S, self._spread_s / 4)
        return self._left_at + first + share * (self._spread_s - first)

    def _end(self) -> None:
        if self._worker is not None:
            self._worker.alive = False


def close_delimited(request: Any) -> None:  # noqa: ANN401 - gunicorn has no types
    """Have an endless stream answered as HTTP/1.0: raw bytes until the connection closes.

    gunicorn sends every HTTP/1.1 response without a length in chunks, and readers of raw MJPEG
    take the chunk sizes for picture bytes (motioneye#2267). Other paths stay as they are. Flask
    routes the percent-decoded path, whatever stands before it: so does this.
    """
    path = unquote(request.path, "latin-1")
    acts = path.strip("/") == "" and _STREAM_ACTION.search(unquote(request.query or "", "latin-1"))
    if acts or _STREAM_PATH.search(path):
        request.version = (1, 0)
        request.must_close = True
    elif path == _WEBSOCKET_PATH:
        request.must_close = True  # what follows is no request: HTTP/1.1 all the same


def close_after_large_body(request: Any) -> None:  # noqa: ANN401 - gunicorn has no types
    """Have the connection closed where a request's body is large or may be: nobody reads it."""
    for name, value in request.headers:
        if name == "TRANSFER-ENCODING" or (name == "CONTENT-LENGTH" and int(value) > LARGEST_BODY):
            request.must_close = True


def allow_descriptors(connections: int) -> None:
    """Raise the soft limit of open files to the hard one: 1024, the usual one, ends clients.

    Args:
        connections: Most that this worker accepts. Each takes a descriptor, and a second one while
            it is late and holds a part that nobody else has.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 2 * connections + _OTHER_DESCRIPTORS
    if hard != resource.RLIM_INFINITY and hard < needed:
        log.warning(
            "This worker may open %d files, and needs up to %d for %d connections: raise the hard "
            "limit of open files (ulimit -Hn, LimitNOFILE, --ulimit nofile).",
            *(hard, needed, connections),
        )
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class _Calm(logging.Filter):
    """Lets gunicorn's error records pass, but not all that clients can cause at will.

    That one has left is no error. That one sent garbage is said once a second, and not all of it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._complaint = Throttle()

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        if message.startswith("Invalid request"):
            withheld = self._complaint.ready(time.monotonic())
            told = _QUOTED.sub("", message)[:_ENOUGH]
            record.msg, record.args = "%s (%d more withheld)", (told, withheld)
            return withheld is not None
        error = record.exc_info[1] if record.exc_info else None
        left = isinstance(error, (TimeoutError, ConnectionError))
        return not (left and message.startswith("Socket error"))


def quieten(logger: logging.Logger) -> None:
    """Keep a client that vanished or sends garbage from filling the log with errors.

    Args:
        logger: gunicorn's, ``gunicorn.error``.
    """
    if not any(isinstance(known, _Calm) for known in logger.filters):
        logger.addFilter(_Calm())
