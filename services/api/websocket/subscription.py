"""One camera on a WebSocket connection: a viewer whose client says when it is ready for more."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from services.api.selection import Selection
from services.api.websocket.messages import picture_message

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.api.adaptive import Adaptation
    from services.api.camera import Camera
    from services.api.client import Client
    from services.api.encoded import EncodedFrame
    from services.api.seat import Seat
    from services.api.websocket.line import Line
    from services.api.websocket.messages import Subscribe
    from shared.frame import FrameInfo

__all__ = ["Subscription"]


class Subscription:
    """A viewer of one camera.

    At most ``window`` pictures are on their way that the client has not acknowledged. What comes
    meanwhile is dropped but for the newest, as with a client that is slow in any other way.

    Args:
        asked: What the client wants.
        camera: Which it names.
        line: To the client.
        client: Who it is; what it is sent is counted there.
        ended: Told of it when there will be no more pictures, and not by the client's wish.
        clock: A steady clock, seconds.

    Attributes:
        adaptation: Moves it to what it can follow; None: it gets one variant.
        client: Who it is.
        ended: Why it is over; empty while it is not.
        id: What the client calls it.
    """

    def __init__(
        self,
        asked: Subscribe,
        camera: Camera,
        line: Line,
        client: Client,
        *,
        ended: Callable[[Subscription], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.id = asked.id
        self.client = client
        self.adaptation: Adaptation | None = None
        self.ended = ""
        self._window = asked.window
        self._audience = camera.audience
        self._counters = camera.counters
        self._line = line
        self._tell = ended
        self._clock = clock
        self._selection = Selection(client, self._counters)
        repeat_s = camera.limits.performance.repeat_after_sec
        self._repeat_after_s = self._selection.silence_s(repeat_s)
        self._underway: list[int] = []
        self._moving = False
        self._sent_at = clock()
        self._way: Adaptation | None = None
        self._seat: Seat | None = None

    def begin(self, seat: Seat, way: Adaptation, *, adaptive: bool) -> None:
        """Have pictures sent from now on, until ``close``.

        Args:
            seat: Taken for it.
            way: To the fan-out that serves it.
            adaptive: Whether it is moved to what the client can follow.
        """
        self._seat, self._way = seat, way
        self._audience.enter(self.client)
        self.adaptation = way if adaptive else None
        way.follow(self)

    def close(self, why: str = "") -> None:
        """Give everything back; again is harmless.

        Args:
            why: It is over; empty: the client wants it so.
        """
        if not self.ended:
            self.ended = why or "unsubscribed"
            self._counters.note_end(self.ended)
        self._line.forget(self)
        self._audience.leave(self.client)
        if self._way is not None:
            self._way.leave(self)
            self._way.close()
        if self._seat is not None:
            self._seat.leave()

    def would_take(self, info: FrameInfo, source_fps: float) -> bool:
        """See ``Viewer``."""
        if self.ended:
            return False
        return self._selection.would_take(info, source_fps) and self.ready()

    def wants(self, info: FrameInfo, source_fps: float) -> bool:
        """See ``Viewer``."""
        if self.ended:
            return False
        dropped = self.client.dropped
        wanted = self._selection.wants(info, source_fps, self.ready)
        if self.client.dropped != dropped and self.adaptation is not None:
            self._moving |= self.adaptation.note(self._clock(), missed=True)
        return wanted

    def ready(self) -> bool:
        """Whether the client has said it wants more, and the line is free for it."""
        return len(self._underway) < self._window and self._line.free_for(self)

    def send(self, jpeg: EncodedFrame) -> None:
        """Send a picture as one message."""
        another = self._selection.take(jpeg)
        if another and self.adaptation is not None:
            self._moving |= self.adaptation.note(self._clock(), missed=False)
        pieces = picture_message(self.id, jpeg, repeated=not another)
        self._underway.append(jpeg.sequence)
        self._sent_at = self._clock()
        self._selection.sent(jpeg, pieces, self._sent_at, another=another)
        self._line.send(self, pieces)

    def acknowledge(self, number: int) -> None:
        """The client has dealt with a picture; what it is owed is sent soon."""
        if number in self._underway:
            self._underway.remove(number)
            if self._selection.owed:
                self.call()

    def call(self) -> None:
        """Have the newest picture offered, if it is still wanted."""
        if self._way is not None and not self.ended:
            self._way.call(self)

    def tend(self) -> None:
        """Move to another variant if need be; repeat the last picture after a silence."""
        if self.ended:
            return
        if self._moving and self.adaptation is not None:
            self._moving = False
            self.adaptation.follow(self)
        last = self._selection.last
        silent_s = self._clock() - self._sent_at
        if last is not None and silent_s >= self._repeat_after_s and self.ready():
            self._counters.repeated += 1
            self.send(last)

    def end(self, why: str) -> None:
        """Have it end, and the client be told; again is harmless."""
        if not self.ended:
            self.ended = why
            self._counters.note_end(why)
            self._tell(self)
