"""Single pictures of a camera: the newest, one newer than a client has, or the last there was."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Final

from services.api.darkroom import passes
from services.api.snapshot import CameraOffline, NothingNewer, Snapshot, tag_of
from shared.errors import FrameDamaged, FrameOverwritten, RingUnavailable
from shared.frame import MonotonicNs

if TYPE_CHECKING:
    from services.api.camera import Camera
    from services.api.encoded import EncodedFrame
    from services.api.kept import KeptFrame, LastFrame
    from services.api.snapshot import Wish
    from services.api.variant import Variant
    from shared.frame import FrameInfo

__all__ = ["Snapshots"]

_TRIES: Final = 4
_NEXT_S: Final = 1.0
_SHOWN_NS: Final = 1_000_000_000
_PATIENCE_S: Final = 5.0
"""How long a source may take for its next frame; a camera of 1 fps needs one second."""


class Snapshots:
    """The single pictures of one camera.

    Args:
        camera: Whose.
        last: Its last picture, where there are no more.
    """

    def __init__(self, camera: Camera, last: LastFrame) -> None:
        self._camera = camera
        self._last = last

    def take(self, wish: Wish) -> Snapshot:
        """The picture that is wanted; nothing is encoded for who has it.

        Args:
            wish: Of a client.

        Raises:
            NotModified: The client has it, or has the newest and none came in time.
            NothingNewer: None came in time after the one that it has.
            CameraOffline: The camera gives only blanks.
            CameraNotLive: There is no Video Module.
            RingUnavailable: No frame came in time, or who asked has left, or the server stops.
            FrameOverwritten: Even the newest was overwritten or damaged, several times.
            EncodeError: It cannot be encoded.
            ProtocolError: Its slot contradicts itself.
        """
        self._camera.look()
        freshness, kept = wish.freshness, self._last.kept
        patient = freshness.after is not None and freshness.wait_ms > 0
        if freshness.stale and kept is not None and not patient:
            return self._stale(kept, wish)
        try:
            return self._fresh(wish)
        except (CameraOffline, RingUnavailable, FrameOverwritten):
            if not freshness.stale or self._camera.draining() or wish.gone():
                raise
            kept = self._last.kept or self._camera.left_by_hung_writer()
            if kept is None:
                raise
            return self._stale(kept, wish)

    def _stale(self, kept: KeptFrame, wish: Wish) -> Snapshot:
        after = wish.freshness.after
        if after is not None and not after.in_terms_of(kept.info).precedes(kept.info):
            raise NothingNewer
        tag, darkroom = wish.tag(kept.info), self._camera.darkroom
        if passes(kept.info, wish.variant):
            return Snapshot(darkroom.develop_kept(kept, wish.variant), tag, stale=True)
        with darkroom.single, darkroom.turn:
            return Snapshot(darkroom.develop_kept(kept, wish.variant), tag, stale=True)

    def _fresh(self, wish: Wish) -> Snapshot:
        try:
            info = self._wait(wish)
        except RingUnavailable:
            newest = self._camera.feed.newest
            if newest is None or not self._camera.online() or wish.gone():
                raise
            if not newest.online:
                raise CameraOffline(newest.reason) from None
            wish.tag(newest)  # there is nothing newer than what the client has, it may be
            if wish.freshness.after is None or self._camera.draining():
                raise
            raise NothingNewer from None
        if not info.online:
            raise CameraOffline(info.reason)
        wish.tag(info)
        frame = self.newest(info, wish.variant, MonotonicNs(info.captured_at - 1))
        if not frame.online:  # it came while we waited for our turn
            newest = self._camera.feed.newest
            raise CameraOffline("" if newest is None else newest.reason)
        return Snapshot(frame, tag_of(frame, wish.variant))

    def _wait(self, wish: Wish) -> FrameInfo:
        """Wait for a frame that will do, as long as the wish says."""
        camera, freshness = self._camera, wish.freshness
        oldest = max(0, time.monotonic_ns() - (freshness.max_age_ms or 0) * 1_000_000)
        if freshness.after is None:
            return camera.wait_for_frame(MonotonicNs(oldest), _PATIENCE_S, wish.gone)
        if freshness.max_age_ms is None:
            oldest = 0
        after = freshness.after

        def is_later(info: FrameInfo) -> bool:
            nonlocal after
            after = after.in_terms_of(info)  # the first one seen tells which life it is of
            return info.online and after.precedes(info)

        patience_s = freshness.wait_ms / 1e3
        return camera.wait_for_frame(MonotonicNs(oldest), patience_s, wish.gone, is_later)

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
                camera.look()
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
