"""Single pictures of a camera: the newest, one newer than a client has, or the last there was."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from services.api.darkroom import passes
from services.api.variant_ring import suffix_of
from shared.errors import FrameDamaged, FrameOverwritten, RingUnavailable
from shared.frame import MonotonicNs

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.api.camera import Camera
    from services.api.encoded import EncodedFrame
    from services.api.freshness import After, Freshness
    from services.api.kept import LastFrame
    from services.api.variant import Variant
    from shared.frame import FrameInfo

__all__ = ["CameraOffline", "NotModified", "NothingNewer", "Snapshot", "Snapshots", "tag_of"]

_TRIES: Final = 4
_NEXT_S: Final = 1.0
_SHOWN_NS: Final = 1_000_000_000
_PATIENCE_S: Final = 5.0
"""How long a source may take for its next frame; a camera of 1 fps needs one second."""


class CameraOffline(Exception):  # noqa: N818 - named after the state
    """There is a Video Module, but its camera gives no picture.

    Attributes:
        why: A sentence for operators.
    """

    def __init__(self, why: str) -> None:
        super().__init__(
            f"The camera gives no picture: {why or 'no reason told'}. Ask again later, or with "
            "stale=ok for the last picture there was."
        )
        self.why = why


class NothingNewer(Exception):  # noqa: N818 - named after the state
    """No frame came after the one that the client has, in the time that it wanted to wait."""


class NotModified(Exception):  # noqa: N818 - named after the state
    """The client has the picture that it would get.

    Attributes:
        tag: Of the picture.
    """

    def __init__(self, tag: str) -> None:
        super().__init__(tag)
        self.tag = tag


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One picture, and what is to be said with it.

    Attributes:
        frame: The picture.
        tag: Names it: equal tags mean equal bytes.
        stale: Whether it is only the last there was.
    """

    frame: EncodedFrame
    tag: str
    stale: bool = False


class Snapshots:
    """The single pictures of one camera.

    Args:
        camera: Whose.
        last: Its last picture, where there are no more.
    """

    def __init__(self, camera: Camera, last: LastFrame) -> None:
        self._camera = camera
        self._last = last

    def take(
        self,
        variant: Variant,
        freshness: Freshness,
        has: Callable[[str], bool] = lambda _: False,
        gone: Callable[[], bool] = lambda: False,
    ) -> Snapshot:
        """The picture that is wanted; nothing is encoded for who has it.

        Args:
            variant: What is to become of the frame.
            freshness: How new it must be.
            has: Says of a tag whether the client has that picture.
            gone: Says whether who asked has left.

        Raises:
            NotModified: The client has it, or has the newest and none came in time.
            NothingNewer: None came in time after the one that ``freshness`` names.
            CameraOffline: The camera gives only blanks.
            CameraNotLive: There is no Video Module.
            RingUnavailable: No frame came in time, or who asked has left, or the server stops.
            FrameOverwritten: Even the newest was overwritten or damaged, several times.
            EncodeError: It cannot be encoded.
            ProtocolError: Its slot contradicts itself.
        """
        try:
            return self._fresh(variant, freshness, has, gone)
        except (CameraOffline, RingUnavailable, FrameOverwritten):
            kept = self._last.kept
            if not freshness.stale or kept is None or self._camera.draining() or gone():
                raise
        tag = tag_of(kept.info, variant)
        if has(tag):
            raise NotModified(tag)
        if passes(kept.info, variant):
            return Snapshot(self._camera.darkroom.develop_kept(kept, variant), tag, stale=True)
        with self._camera.darkroom.single, self._camera.darkroom.turn:
            return Snapshot(self._camera.darkroom.develop_kept(kept, variant), tag, stale=True)

    def _fresh(
        self,
        variant: Variant,
        freshness: Freshness,
        has: Callable[[str], bool],
        gone: Callable[[], bool],
    ) -> Snapshot:
        asked_at = time.monotonic_ns()
        oldest = MonotonicNs(max(0, asked_at - (freshness.max_age_ms or 0) * 1_000_000))
        if freshness.after is None:
            info = self._newer_than(oldest, variant, has, gone)
        else:
            any_time = freshness.max_age_ms is None
            oldest = MonotonicNs(0) if any_time else oldest
            info = self._after(freshness.after, oldest, freshness.wait_ms / 1e3, variant, has, gone)
        if not info.online:
            raise CameraOffline(info.reason)
        tag = tag_of(info, variant)
        if has(tag):
            raise NotModified(tag)
        frame = self.newest(info, variant, MonotonicNs(info.captured_at - 1))
        if not frame.online:  # it came while we waited for our turn
            newest = self._camera.feed.newest
            raise CameraOffline("" if newest is None else newest.reason)
        return Snapshot(frame, tag_of(frame, variant))

    def _newer_than(
        self,
        oldest: MonotonicNs,
        variant: Variant,
        has: Callable[[str], bool],
        gone: Callable[[], bool],
    ) -> FrameInfo:
        try:
            return self._camera.wait_for_frame(oldest, _PATIENCE_S, gone)
        except RingUnavailable:
            self._refuse_newest(variant, has)
            raise

    def _after(
        self,
        after: After,
        oldest: MonotonicNs,
        timeout_s: float,
        variant: Variant,
        has: Callable[[str], bool],
        gone: Callable[[], bool],
    ) -> FrameInfo:
        camera = self._camera
        camera.look()
        known = after.in_terms_of(camera.feed.newest)
        try:
            return camera.wait_for_frame(
                oldest, timeout_s, gone, lambda info: info.online and known.precedes(info)
            )
        except RingUnavailable as error:
            self._refuse_newest(variant, has)
            if not camera.online() or camera.draining() or gone():
                raise
            raise NothingNewer from error

    def _refuse_newest(self, variant: Variant, has: Callable[[str], bool]) -> None:
        """No frame came: say what that means where a newest one is known."""
        newest = self._camera.feed.newest
        if newest is None or not self._camera.online():
            return
        if not newest.online:
            raise CameraOffline(newest.reason)
        tag = tag_of(newest, variant)
        if has(tag):
            raise NotModified(tag)

    def newest(
        self, info: FrameInfo, variant: Variant, captured_after: MonotonicNs | None = None
    ) -> EncodedFrame:
        """The picture of the newest frame, once it is our turn to have one encoded.

        Where the variant is watched its newest picture is taken if it will do: nothing is encoded.

        Args:
            info: A frame that would do.
            variant: What is to become of it.
            captured_after: What is older will not do, ``CLOCK_MONOTONIC`` nanoseconds; None: what
                a stream that is watched shows will do.

        Raises:
            FrameOverwritten: Even the newest was overwritten or damaged, several times.
            RingUnavailable: Its ring is not there any more.
            EncodeError: It cannot be encoded.
            ProtocolError: Its slot contradicts itself.
        """
        camera = self._camera
        shown = camera.shown(variant)
        oldest = info.captured_at - _SHOWN_NS if captured_after is None else captured_after
        if shown is not None and shown.captured_at > oldest:
            return shown
        # a stream that begins is one of a few variants; single pictures can be of any number
        single = contextlib.nullcontext() if captured_after is None else camera.darkroom.single
        for _ in range(_TRIES - 1):
            try:
                return self._develop_newest(info, variant, single)
            except FrameOverwritten as error:
                camera.darkroom.note_overwritten(error)
                if isinstance(error, FrameDamaged):  # else there is a newer one already
                    newest = camera.feed.newest or info
                    camera.feed.wait_newer(newest.captured_at, _NEXT_S, pointless=camera.draining)
        return self._develop_newest(info, variant, single)

    def _develop_newest(
        self, info: FrameInfo, variant: Variant, gate: contextlib.AbstractContextManager[object]
    ) -> EncodedFrame:
        camera = self._camera
        if passes(info, variant):
            return camera.darkroom.develop(camera.feed.newest or info, variant)
        with gate, camera.darkroom.turn:
            return camera.darkroom.develop(camera.feed.newest or info, variant)


def tag_of(frame: FrameInfo | EncodedFrame, variant: Variant) -> str:
    """What names a picture for ever: the frame, and what was made of it."""
    return f"{frame.epoch}-{frame.sequence}-{suffix_of(variant)}"
