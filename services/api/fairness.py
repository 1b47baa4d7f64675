"""Workers that take their share of the clients, and no more while another has fewer.

All workers listen on one socket, and whoever looks first accepts: the one with less to do, more
often the one that is lucky. 300 clients became 123 and 177 on two workers. So each worker notes how
many connections it has where all can read it, and one that is ahead looks away for a moment. Just a
moment: the other may hang, and nobody is to wait for it.
"""

from __future__ import annotations

import os
import struct
import weakref
from typing import TYPE_CHECKING, Any, Final

import gevent
from gevent.server import StreamServer

if TYPE_CHECKING:
    from gevent.socket import socket

__all__ = ["Board", "FairServer"]

_PLACES: Final = 256
_COUNTS: Final = struct.Struct(f"={_PLACES}I")
_PLACE: Final = struct.Struct("=I")

_PAUSE_S: Final = 0.01
"""How long a worker that is ahead leaves new connections to the others."""

_BATCH: Final = 8
"""Most connections accepted at one look. A worker with 500 streams looks 10 to 20 times a second;
with one connection a look, as gunicorn has it, the last of 1,000 clients waited 5 to 20 s."""

_SLACK: Final = 20
"""A worker may be ahead by this fraction (1/20), or by two connections."""


class Board:
    """How many connections each worker has; made before the fork, in memory all of them share.

    A place is named by the worker's age, which gunicorn counts up from 1; 0 stands for nobody.
    """

    def __init__(self) -> None:
        self._fd = os.memfd_create("ringcast-board")
        weakref.finalize(self, os.close, self._fd)
        os.write(self._fd, bytes(_COUNTS.size))

    def note(self, age: int, connections: int) -> None:
        """Say how many connections a worker has."""
        self._write(age, connections + 1)

    def forget(self, age: int) -> None:
        """Free the place of a worker that has ended."""
        self._write(age, 0)

    def fewest(self) -> int:
        """Connections of the worker that has the fewest; 0: there is no worker."""
        counts = _COUNTS.unpack(os.pread(self._fd, _COUNTS.size, 0))
        return min((count - 1 for count in counts if count), default=0)

    def _write(self, age: int, value: int) -> None:
        os.pwrite(self._fd, _PLACE.pack(value), age % _PLACES * _PLACE.size)


class FairServer(StreamServer):
    """gevent's server, which leaves a connection to the other workers while it is ahead.

    Args:
        listener: The listening socket.
        board: What all workers have.
        age: Of this worker.
        more: What ``StreamServer`` takes.
    """

    def __init__(self, listener: socket, *, board: Board, age: int, **more: Any) -> None:  # noqa: ANN401 - gevent's
        self._board = board
        self._age = age
        self._connections = 0
        self._unclaimed = 0
        super().__init__(listener, **more)
        board.note(age, 0)  # from the first connection on the others know that there is this worker

    def start(self) -> None:
        """Begin to accept, several at a look: what is fair is decided for each of them."""
        self.max_accept = _BATCH  # gunicorn has set 1 by now
        super().start()

    def do_read(self) -> Any:  # noqa: ANN401 - whatever gevent's returns
        """Accept a connection, unless it is another worker's turn."""
        mine = self._connections
        if mine <= self._board.fewest() + max(2, mine // _SLACK):
            self._unclaimed = 0
        elif self._unclaimed:  # nobody took what was left to the others
            self._unclaimed -= 1
        else:
            self.stop_accepting()
            gevent.spawn_later(_PAUSE_S, self._look_again)
            return None
        accepted = super().do_read()
        if accepted is not None:
            self._count(1)
        return accepted

    def do_close(self, *connection: Any) -> None:  # noqa: ANN401 - whatever gevent's takes
        """Close a connection; the others are not to think that this worker still has it."""
        super().do_close(*connection)
        self._count(-1)

    def _count(self, more: int) -> None:
        self._connections += more
        self._board.note(self._age, self._connections)

    def _look_again(self) -> None:
        self._unclaimed = _BATCH
        if self.started:
            self.start_accepting()
