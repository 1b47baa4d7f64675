"""Adaptive quality: which step of its ladder a client is on, by what it managed to take.

The governor is told of each frame the client was sent or missed, and says the step. It goes down
soon and up late: a step too high costs frames, a step too low costs only detail. Going up is a
probe, for nobody can know beforehand; one that fails makes the next one wait twice as long.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.api.camera import Camera
    from services.api.fanout import Fanout, Viewer
    from services.api.variant import Variant

__all__ = ["Adaptation", "Governor"]

_WINDOW_S: Final = 1.0
_LEAST_FRAMES: Final = 6
"""Fewer say nothing: a client that wants two frames per second is judged by three seconds."""
_TOO_MANY: Final = 0.25
"""A client that misses more of its frames goes down: of 30 per second it gets 22 at least."""
_FAR_TOO_MANY: Final = 0.6
"""A client that misses more goes down two steps at once."""
_TROUBLE: Final = 0.1
"""A client that misses no more is at ease."""
_QUIET_S: Final = 4.0
_LONGEST_QUIET_S: Final = 64.0
_PROBATION_S: Final = 5.0
"""A probe that holds for so long has succeeded."""


class Governor:
    """One client's step. Pure: the time is given, nothing is sent.

    Args:
        steps: How many there are; 0 is the best.
        now_s: A steady clock.

    Attributes:
        step: Where the client belongs.
        quiet_s: How long the client must be at ease before the next probe.
    """

    def __init__(self, steps: int, now_s: float) -> None:
        self.step = 0
        self.quiet_s = _QUIET_S
        self._lowest = steps - 1
        self._window: deque[tuple[float, bool]] = deque()
        self._missed = 0
        self._moved_at = now_s
        self._troubled_at = now_s
        self._probed_at: float | None = None

    def note(self, now_s: float, *, missed: bool) -> bool:
        """Take a frame into account that the client should have had.

        Args:
            now_s: The clock.
            missed: Whether it was too late for it; else it was sent.

        Returns:
            Whether the step has changed.
        """
        window = self._window
        window.append((now_s, missed))
        self._missed += missed
        while len(window) > _LEAST_FRAMES and window[0][0] < now_s - _WINDOW_S:
            self._missed -= window.popleft()[1]
        if self._probed_at is not None and now_s - self._probed_at >= _PROBATION_S:
            self._probed_at = None
            self.quiet_s = _QUIET_S
        share = self._missed / len(window)
        if share > _TROUBLE:
            self._troubled_at = now_s
        if share > _TOO_MANY and self._judged(now_s):
            return self._down(now_s, share)
        if now_s - max(self._troubled_at, self._moved_at) >= self.quiet_s:
            return self._probe(now_s)
        return False

    def _judged(self, now_s: float) -> bool:
        """Whether the window tells enough about this step, and not of the one before."""
        return len(self._window) >= _LEAST_FRAMES and now_s - self._moved_at >= _WINDOW_S

    def _down(self, now_s: float, share: float) -> bool:
        failed = self._probed_at is not None
        if failed:
            self.quiet_s = min(2 * self.quiet_s, _LONGEST_QUIET_S)
        self._probed_at = None
        # from a probe back to where it was well
        return self._move(now_s, 2 if share > _FAR_TOO_MANY and not failed else 1)

    def _probe(self, now_s: float) -> bool:
        if not self._move(now_s, -1):
            return False
        self._probed_at = now_s
        return True

    def _move(self, now_s: float, steps: int) -> bool:
        step = max(0, min(self._lowest, self.step + steps))
        if step == self.step:
            return False
        self.step = step
        self._moved_at = now_s
        self._window.clear()
        self._missed = 0
        return True


class Adaptation:
    """One client's way up and down the fan-outs of its ladder.

    A step that would be a variant too many (``Watched``) is not taken: on the way down the next
    lower one that is watched is taken instead, otherwise the client stays where it is.

    Args:
        camera: Whose fan-outs.
        steps: The variants, best first.
        now_s: A steady clock.

    Raises:
        TooManyVariants: None of the steps may be had.
    """

    def __init__(self, camera: Camera, steps: tuple[Variant, ...], now_s: float) -> None:
        self._camera = camera
        self._steps = steps
        self._governor = Governor(len(steps), now_s)
        self._fanout: Fanout | None = None
        self._taken: int | None = None
        self._take(range(len(steps)))
        if self._taken is None:
            raise camera.watched.refusal(steps[0])

    @property
    def step(self) -> int:
        """The step the client is on or about to move to; 0 is the best."""
        return self._governor.step

    @property
    def variant(self) -> Variant:
        """What the client is to be sent."""
        return self._steps[self._taken or 0]

    def note(self, now_s: float, *, missed: bool) -> bool:
        """As ``Governor.note``."""
        return self._governor.note(now_s, missed=missed)

    def follow(self, stream: Viewer) -> None:
        """Have the fan-out of the right step serve the client; call it between two parts only.

        The stream itself refuses what is not newer than its last frame, so no number goes back.
        """
        wanted, taken = self._governor.step, self._taken or 0
        if wanted != taken:
            self._take(range(wanted, len(self._steps)) if wanted > taken else (wanted,))
        fanout = self._camera.fanout(self.variant)
        if fanout is self._fanout and stream in fanout.streams:
            return
        self.leave(stream)
        self._fanout = fanout
        fanout.join(stream)

    def leave(self, stream: Viewer) -> None:
        """Take the client out; again is harmless."""
        if self._fanout is not None:
            self._fanout.leave(stream)
        self._fanout = None

    def call(self, stream: Viewer) -> None:
        """Offer the client the newest picture of its step, see ``Fanout.call``."""
        if self._fanout is not None:
            self._fanout.call(stream)

    def close(self) -> None:
        """Let others have the variant; again is harmless."""
        if self._taken is not None:
            self._camera.watched.end(self._steps[self._taken])
        self._taken = None

    def _take(self, steps: Iterable[int]) -> None:
        """Take the first of these steps that may be had; the governor goes on from where we are."""
        before = () if self._taken is None else (self._taken,)
        self.close()
        begin = self._camera.watched.begin
        self._taken = next((s for s in (*steps, *before) if begin(self._steps[s])), None)
        self._governor.step = self._taken or 0
