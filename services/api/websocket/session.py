"""One WebSocket client: reads what it says, keeps its subscriptions, and knows when it is over."""

from __future__ import annotations

import json
import logging
import secrets
import time
from typing import TYPE_CHECKING, Any, Final

import gevent
from wsproto.connection import Connection as Protocol
from wsproto.connection import ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import LocalProtocolError

from services.api.adaptive import Adaptation
from services.api.breath import breathe
from services.api.cameras import UnknownCamera
from services.api.client import Client
from services.api.lifespan import LEAVING
from services.api.seat import TooManyStreams
from services.api.variant import BadParameter, BadParameters, parse_options
from services.api.variant_ring import suffix_of
from services.api.watched import TooManyVariants
from services.api.websocket.line import Line
from services.api.websocket.messages import Ack, NotUnderstood, Unsubscribe, refusal, understand
from services.api.websocket.subscription import Subscription

if TYPE_CHECKING:
    from collections.abc import Callable

    from wsproto.events import Event

    from services.api.camera import Camera
    from services.api.cameras import Cameras
    from services.api.connection import Connection
    from services.api.seat import Seat
    from services.api.variant import StreamOptions
    from services.api.websocket.messages import Subscribe

__all__ = ["Session"]

log = logging.getLogger(__name__)

_LARGEST_TEXT: Final = 65_536
"""Characters of one message; the longest that makes sense has some hundred."""
_MOST_SUBSCRIPTIONS: Final = 32
_READ_BYTES: Final = 4096
"""Taken at a time: this many bytes of the smallest messages take wsproto some milliseconds."""
_LOOK_S: Final = 0.25
_MESSAGES_PER_S: Final = 4000
"""More are left in the kernel until a later second; 32 cameras at 60 fps send 1920."""
_ANSWERED_COUNT: Final = 40
"""What is answered, or is to look for a camera, takes as long as so many acknowledgements."""
_UNUSED_S: Final = 60.0
_NOTICE_S: Final = 2.0
"""How long before its end a client is told of it, so that it can open another connection first."""
_FAREWELL_S: Final = 1.0


class Session:
    """One connection, from after the handshake to its end.

    Args:
        connection: The client's socket.
        cameras: Of this worker.
        address: Of the client.
        clock: A steady clock, seconds.
    """

    def __init__(
        self,
        connection: Connection,
        cameras: Cameras,
        address: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._cameras = cameras
        self._address = address
        self._clock = clock
        self._stall_s = cameras.settings.api.stream.stall_timeout_sec
        self._line = Line(connection, self._stall_s, clock)
        self._protocol = Protocol(ConnectionType.SERVER)
        self._subscriptions: dict[int, Subscription] = {}
        self._text: list[str] = []
        self._heard_at = self._used_at = clock()
        self._pinged = False
        self._second, self._messages = 0, 0
        self._lifespan = cameras.lifespan(secrets.token_hex(8))
        self._warned = False
        self._over = ""

    def run(self) -> str:
        """Serve the client; afterwards the socket may be closed.

        Returns:
            Why it is over, for the log.
        """
        writer = gevent.spawn(self._line.run)
        try:
            while not self._over and not self._line.failed:
                self._read()
                self._look()
            for subscription in tuple(self._subscriptions.values()):
                self._drop(subscription, self._over)
            self._say_goodbye()
        finally:
            for subscription in tuple(self._subscriptions.values()):
                self._drop(subscription)
            self._line.fail("over")
            writer.join()
        return self._over or self._line.failed

    def _look(self) -> None:
        """Now and then: is it time to end, or to ask whether the client is still there?"""
        now = self._clock()
        self._line.look()
        if self._subscriptions:
            self._used_at = now
        ends_at, why = self._lifespan.end()
        if self._cameras.lifecycle.draining():
            self._close(CloseReason.GOING_AWAY, LEAVING)
        elif now >= ends_at:
            self._close(CloseReason.GOING_AWAY, why)
        elif now >= ends_at - _NOTICE_S and not self._warned:
            self._warned = True
            self._tell(going=why, in_ms=round((ends_at - now) * 1000))
        elif now - self._used_at > _UNUSED_S:
            self._close(CloseReason.NORMAL_CLOSURE, f"nothing subscribed for {_UNUSED_S:g} s")
        elif now - self._heard_at > 2 * self._stall_s:
            self._close(CloseReason.GOING_AWAY, "the client has answered no ping")
        elif now - self._heard_at > self._stall_s and not self._pinged:
            self._pinged = True
            self._send(Ping())

    def _read(self) -> None:
        """Wait a moment for something the client says, and do it."""
        if self._line.backlogged or self._too_fast():
            gevent.sleep(_LOOK_S)
            return
        self._connection.wait_readable(_LOOK_S)
        try:
            data = self._connection.receive(_READ_BYTES)
        except OSError:
            data = b""
        if data is None:
            return
        self._heard_at, self._pinged = self._clock(), False
        if not data:
            self._over = "the client has left"
            return
        self._take(data)
        breathe()

    def _too_fast(self) -> bool:
        second = int(self._clock())
        paid = (second - self._second) * _MESSAGES_PER_S
        self._second, self._messages = second, max(0, self._messages - paid)
        return self._messages > _MESSAGES_PER_S

    def _take(self, data: bytes) -> None:
        self._protocol.receive_data(data)
        for event in self._protocol.events():
            before = self._messages
            self._handle(event)
            self._messages += 1
            if self._over:
                return
            if self._messages > before + 1:
                breathe()

    def _handle(self, event: Event) -> None:
        if isinstance(event, Ping):
            self._messages += _ANSWERED_COUNT
            self._send(event.response())
        elif isinstance(event, CloseConnection):
            if self._protocol.state is ConnectionState.REMOTE_CLOSING:
                self._send(event.response())
                self._over = "the client has closed the connection"
            else:  # wsproto's way to say that what came is no WebSocket
                self._close(event.code, event.reason or "")
        elif isinstance(event, TextMessage):
            self._take_text(event)
        elif isinstance(event, BytesMessage):
            self._close(CloseReason.UNSUPPORTED_DATA, "only text messages are understood")

    def _take_text(self, event: TextMessage) -> None:
        if event.data:
            self._text.append(event.data)
        if sum(map(len, self._text)) > _LARGEST_TEXT:
            self._close(
                CloseReason.MESSAGE_TOO_BIG, f"a message has at most {_LARGEST_TEXT} characters"
            )
        elif event.message_finished:
            text, self._text = "".join(self._text), []
            self._obey(text)

    def _obey(self, text: str) -> None:
        name: int | None = None
        try:
            said = understand(text)
            name = said.id
            if isinstance(said, Ack):
                subscription = self._subscriptions.get(said.id)
                if subscription is not None:  # else it was on its way when that one ended
                    subscription.acknowledge(said.number)
                return
            if isinstance(said, Unsubscribe):
                self._unsubscribe(said.id)
            else:
                self._subscribe(said)
        except (BadParameters, UnknownCamera, TooManyStreams, TooManyVariants) as error:
            meant = error.id if isinstance(error, NotUnderstood) else name
            self._tell(error=refusal(error), id=meant)
        self._messages += _ANSWERED_COUNT

    def _unsubscribe(self, name: int) -> None:
        subscription = self._subscriptions.get(name)
        if subscription is not None:
            self._drop(subscription)
            self._tell(ended=name, why=subscription.ended)

    def _subscribe(self, asked: Subscribe) -> None:
        camera = self._cameras.named(asked.camera)
        options = parse_options(asked.query, self._cameras.settings.api.stream)
        before = self._subscriptions.get(asked.id)
        if before is not None:
            self._drop(before)
        if len(self._subscriptions) >= _MOST_SUBSCRIPTIONS:
            allowed = f"one of at most {_MOST_SUBSCRIPTIONS} subscriptions of a connection"
            raise BadParameters([BadParameter("id", str(asked.id), allowed)])
        client = Client(secrets.token_hex(8), self._address, "websocket", options)
        subscription = Subscription(asked, camera, self._line, client, ended=self._has_ended)
        try:
            seat, way = self._admit(camera, options)
        except (TooManyStreams, TooManyVariants) as error:
            if before is not None:
                self._tell(ended=asked.id, why=str(error))
            raise
        self._subscriptions[asked.id] = subscription
        self._tell(subscribed=asked.id, camera=camera.name, variant=suffix_of(way.variant))
        subscription.begin(seat, way, adaptive=bool(options.ladder))

    def _admit(self, camera: Camera, options: StreamOptions) -> tuple[Seat, Adaptation]:
        seat = self._cameras.admit(camera, self._address)
        try:
            return seat, Adaptation(camera, options.ladder or (options.variant,), self._clock())
        except TooManyVariants:
            seat.leave()
            raise

    def _has_ended(self, subscription: Subscription) -> None:
        self._drop(subscription)
        self._tell(ended=subscription.id, why=subscription.ended)

    def _drop(self, subscription: Subscription, why: str = "") -> None:
        subscription.close(why)
        if self._subscriptions.get(subscription.id) is subscription:
            del self._subscriptions[subscription.id]

    def _tell(self, **document: Any) -> None:  # noqa: ANN401 - whatever JSON holds
        self._send(TextMessage(json.dumps(document)))

    def _send(self, event: Event) -> None:
        try:
            self._line.say(self._protocol.send(event))
        except LocalProtocolError:
            log.debug("nothing is said any more to %s: %s", self._address, event)

    def _close(self, code: int, why: str) -> None:
        if not self._over:
            self._over = why
            self._send(CloseConnection(code=code, reason=why))

    def _say_goodbye(self) -> None:
        """Wait a moment for what is still to be sent, and for the client's own goodbye."""
        deadline = self._clock() + _FAREWELL_S
        while self._clock() < deadline and not self._line.failed:
            if self._line.idle and self._protocol.state is not ConnectionState.LOCAL_CLOSING:
                return
            self._connection.wait_readable(_LOOK_S)
            try:
                data = self._connection.receive(_READ_BYTES)
            except OSError:
                return
            if data == b"":
                return
            if data and self._protocol.state is ConnectionState.LOCAL_CLOSING:
                self._protocol.receive_data(data)
                for _ in self._protocol.events():
                    breathe()
