"""Workers that take their share of the clients, and no more while another has fewer.

All workers listen on one socket, and whoever looks first accepts: the one with less to do, more
often the one that is lucky. 300 clients became 123 and 177 on two workers. So each worker notes how
many connections it has where all can read it, and one that is ahead looks away for a moment. Just a
moment: the other may hang, and nobody is to wait for it.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

import gevent
from gevent.server import StreamServer

if TYPE_CHECKING:
    from gevent.socket import socket

    from services.api.ledger import Place
    from services.api.lifecycle import Lifecycle

__all__ = ["FairServer"]

log = logging.getLogger(__name__)

_PAUSE_S: Final = 0.01
"""How long a worker that is ahead leaves new connections to the others."""

_BATCH: Final = 8
"""Most connections accepted at one look. A worker with 500 streams looks 10 to 20 times a second;
with one connection a look, as gunicorn has it, the last of 1,000 clients waited 5 to 20 s."""

_SLACK: Final = 20
"""A worker may be ahead by this fraction (1/20), or by two connections."""

_HANDSHAKE_S: Final = 5.0
"""How long a client may take to agree on TLS; nothing else ends one that says nothing."""


class FairServer(StreamServer):
    """gevent's server, which leaves a connection to the other workers while it is ahead.

    Args:
        listener: The listening socket.
        place: Of this worker in the ledger of all.
        lifecycle: Says whether the worker is shutting down. When it drains, gunicorn closes the
            server up to a second later, and who came meanwhile had a stream that ended at once.
            While it leaves it accepts, to say so, but not where another worker does not leave.
        more: What ``StreamServer`` takes.
    """

    def __init__(
        self,
        listener: socket,
        *,
        place: Place,
        lifecycle: Lifecycle,
        **more: Any,  # noqa: ANN401 - gevent's
    ) -> None:
        self._place = place
        self._lifecycle = lifecycle
        self._connections = 0
        self._unclaimed = 0
        super().__init__(listener, **more)

    def start(self) -> None:
        """Begin to accept, several at a look: what is fair is decided for each of them."""
        self.max_accept = _BATCH  # gunicorn has set 1 by now
        super().start()
        self._place.listen()

    def do_read(self) -> Any:  # noqa: ANN401 - whatever gevent's returns
        """Accept a connection, unless it is another worker's turn."""
        if self._lifecycle.draining():
            self.stop_accepting()  # what waits is for another worker
            return None
        if self._lifecycle.leaving():
            self._place.retire()
            if self._place.others_listen():
                self._look_away()
                return None
        mine = self._connections
        if mine <= self._place.fewest() + max(2, mine // _SLACK):
            self._unclaimed = 0
        elif self._unclaimed:  # nobody took what was left to the others
            self._unclaimed -= 1
        else:
            self._look_away()
            return None
        accepted = super().do_read()
        if accepted is not None:
            self._count(1)
        return accepted

    def do_close(self, *connection: Any) -> None:  # noqa: ANN401 - whatever gevent's takes
        """Close a connection; the others are not to think that this worker still has it."""
        super().do_close(*connection)
        self._count(-1)

    def wrap_socket_and_handle(self, client_socket: socket, address: object) -> None:
        """Agree on TLS in a bounded time, then handle the connection; quietly give up otherwise."""
        handle = self.handle  # closing the server takes it away
        wrap = vars(self)["wrap_socket"]  # a method of the context, not of this server
        tls = wrap(client_socket, do_handshake_on_connect=False, **(self.ssl_args or {}))
        with tls:
            try:
                with gevent.Timeout(_HANDSHAKE_S, TimeoutError):
                    tls.do_handshake()
            except OSError as error:  # garbage, silence, a client that has left
                log.debug("no TLS with %s: %s", address, error)
                return
            handle(tls, address)

    def _count(self, more: int) -> None:
        self._connections += more
        self._place.note(self._connections)

    def _look_away(self) -> None:
        """Leave what waits to the other workers for a moment."""
        self.stop_accepting()
        gevent.spawn_later(_PAUSE_S, self._look_again)

    def _look_again(self) -> None:
        self._unclaimed = _BATCH
        if self.started:
            self.start_accepting()
