"""RingWriter: one per camera; overwrites the oldest slot and never waits for anybody."""

from __future__ import annotations

import logging
import time
import zlib
from typing import TYPE_CHECKING, Final, Self

from ..fence import fence
from ..frame import Epoch, FrameInfo, Geometry, MonotonicNs, PixelFormat, Sequence
from .epochs import Epochs
from .filesystem import IN_MEMORY, filesystem_of
from .layout import Word
from .lock import WriterLock
from .segment import remove_leftovers
from .slot import Slot, SlotHeader, check_size

if TYPE_CHECKING:
    from ..naming import SegmentPaths
    from .segment import Mapping

__all__ = ["RingWriter", "Slot"]

log = logging.getLogger(__name__)

_NAMES_CHECK_NS: Final = 1_000_000_000
_GROWTH: Final = 2


class RingWriter:
    """Writes the frames of one camera. Owned by one thread; use it as a context manager.

    Args:
        paths: Where the camera's files lie.
        slots: Frames the ring holds, 2 to 64.
        reserve_bytes: Room that must stay free in the directory beside the segment.
        label: What readers may show as the source; without secrets.
        patience_s: How long ``begin`` may wait for room that readers of an ended ring still hold.
        checksums: Store a CRC-32 with each frame, so that readers can ``verify`` it.
        hops: Nodes the frames come through, see ``route``.
    """

    def __init__(  # noqa: PLR0913 - what a ring is, once
        self,
        paths: SegmentPaths,
        *,
        slots: int = 8,
        reserve_bytes: int = 0,
        label: str = "",
        patience_s: float = 1.0,
        checksums: bool = False,
        hops: tuple[str, ...] = (),
    ) -> None:
        self.paths = paths
        self._lock = WriterLock(paths.lock)
        self._epochs = Epochs(paths, slots, reserve_bytes, label, patience_s)
        self._epochs.route(hops)
        self._checksums = checksums
        self._dropped = 0
        self._sequence = Sequence(0)
        self._names_checked_at = 0
        self._slot_begun = False

    def route(self, hops: tuple[str, ...]) -> None:
        """Have readers know which nodes the frames come through, from the next one on.

        Other hops than before make a new segment: a new epoch.

        Args:
            hops: The origin first, the node of this writer last.

        Raises:
            ValueError: A segment cannot hold them, see ``layout.check_hops``.
        """
        self._epochs.route(hops)

    def tell_clock(self, origin_clock_us: int, doubt_us: int) -> None:
        """Have readers know what time it is where the frames come from.

        Args:
            origin_clock_us: The origin's wall clock less ``CLOCK_MONOTONIC`` here.
            doubt_us: What that may be wrong by at most.
        """
        self._epochs.tell(Word.CLOCK_DOUBT, doubt_us)
        self._epochs.tell(Word.ORIGIN_CLOCK, origin_clock_us)

    def tell_reconnects(self, reconnects: int) -> None:
        """Have readers know how often the node that is relayed was connected to again."""
        self._epochs.tell(Word.RECONNECTS, reconnects)

    def open(self) -> None:
        """Take the writer's lock and clear away what a killed writer left. No segment yet.

        Raises:
            WriterConflict: Another process writes this camera; nothing of it is touched.
            RingUnavailable: The directory is missing or not writable, or what lies there belongs to
                somebody else.
        """
        self._lock.open()
        try:
            remove_leftovers(self.paths)
        except BaseException:
            self._lock.close()
            raise
        # Readers of the writer before this one, killed or not, may hold its memory for a moment.
        self._epochs.be_patient()
        kind = filesystem_of(self.paths.directory)
        if kind and kind not in IN_MEMORY:
            log.warning(
                "%s is on a file system of kind %s, so every frame may be written to a disk; "
                "a directory on a tmpfs is better (RINGCAST_VIDEO__SHARED_MEMORY_DIRECTORY)",
                self.paths.directory,
                kind,
            )

    def begin(self, geometry: Geometry, size_bytes: int | None = None) -> Slot:
        """Make room for the next frame; its slot is void for readers until ``commit``.

        Beginning again without a commit gives the same slot and number again. A frame larger than
        a slot makes a new segment: a new epoch, in which a JPEG may become twice as large, since
        the next ones will differ from it. Where both do not fit at a time but the new one
        alone would, the old one is given up first; that takes effect only if nothing of the
        caller's still refers to a slot of it. So it is where somebody else has cut the old one, or
        written over its header: that is looked for here, at each frame.

        Args:
            geometry: Size and pixel format.
            size_bytes: Room wanted for a JPEG; raw frames know their own.

        Raises:
            RingSpaceError: A new segment does not fit; the old one stays usable for frames that do,
                unless it was given up. Right after that, and right after ``open``, it is waited for
                the room that readers still hold, at most ``patience_s``.
            RingUnavailable: A new segment cannot be made at all, see ``create_segment``.
            ValueError: Width, height or size is out of range.
            RuntimeError: The writer is not open.
            WriterConflict: As ``heartbeat``.
        """
        if not self._lock.held:
            msg = f"the writer of {self.paths.ring} is not open"
            raise RuntimeError(msg)
        needed = max(geometry.size_bytes, size_bytes or 0)
        check_size(geometry, needed)
        self._slot_begun = False  # of the slot begun before nothing remains
        self._abandon_if_damaged()
        jpeg = geometry.pixel_format is PixelFormat.JPEG
        mapping = self._epochs.with_room_for(needed, _GROWTH * needed if jpeg else needed)
        sequence = Sequence(self._sequence + 1)
        self._slot_begun = True
        mapping.words[mapping.header.slot_word(sequence)] = 2 * sequence - 1
        # ORDER: readers must see the odd stamp before the first changed payload byte; without
        # this a reader could check the old even stamp and read new pixels.
        fence()
        return Slot(mapping, sequence, geometry)

    def commit(  # noqa: PLR0913 - all that a frame says about itself
        self,
        slot: Slot,
        captured_at: MonotonicNs,
        *,
        online: bool = True,
        reason: str = "",
        size_bytes: int | None = None,
        geometry: Geometry | None = None,
        origin: tuple[Epoch, Sequence] | None = None,
        origin_wall_us: int = 0,
    ) -> FrameInfo:
        """Declare the frame whole and make it the newest.

        The checksum, where there is to be one, is taken here from the slot, as late as possible. It
        proves that readers see what lay there at this moment: what another process wrote to it
        between the source and here goes unnoticed. A frame whose segment was damaged meanwhile is
        lost: no reader finds it, and its number is given again, in a new segment.

        Args:
            slot: From the last ``begin``.
            captured_at: When the source handed the picture over.
            online: False for a blank.
            reason: Why it is blank; cut to 64 bytes of UTF-8.
            size_bytes: True length of a JPEG; raw frames know their own.
            geometry: The true one, where it differs from what ``begin`` was asked for and fits.
            origin: The camera's frame it was made from; None: it is one itself.
            origin_wall_us: When that was captured by the wall clock of the host that did it,
                microseconds since 1970; 0: on this host, by ``captured_at``.

        Returns:
            The frame's information.

        Raises:
            ValueError: The slot is not the one begun last, or the frame does not fit into it.
            WriterConflict: As ``heartbeat``; the frame is in the ring.
        """
        mapping = self._epochs.mapping
        sequence = slot.sequence
        if mapping is None or slot.epoch != mapping.header.epoch or sequence != self._sequence + 1:
            msg = f"slot of frame {sequence} is not the one begun last"
            raise ValueError(msg)
        geometry = slot.geometry if geometry is None else geometry
        raw = geometry.pixel_format is not PixelFormat.JPEG
        size = geometry.size_bytes if raw or size_bytes is None else size_bytes
        check_size(geometry, size)
        if size > mapping.header.slot_stride:
            msg = f"frame of {size} bytes does not fit into a slot of {mapping.header.slot_stride}"
            raise ValueError(msg)
        checksum = zlib.crc32(slot.payload[:size].data) if self._checksums else None
        header = SlotHeader(
            sequence,
            captured_at,
            MonotonicNs(time.monotonic_ns()),
            geometry,
            size,
            online,
            reason,
            *(origin or (slot.epoch, sequence)),
            checksum=checksum,
            origin_wall_us=origin_wall_us or _wall_us(captured_at),
        )
        self._slot_begun = False
        if self._epochs.damage():
            self.count_dropped()
        else:
            self._declare(mapping, header)
        self.heartbeat()
        return header.info(mapping.header.epoch, mapping.header.hops)

    def _declare(self, mapping: Mapping, header: SlotHeader) -> None:
        """Lay the fields into the slot and let readers know, in this order."""
        sequence, fields = header.sequence, header.pack()
        words, word = mapping.words, mapping.header.slot_word(sequence)
        start = word * 8 + 8
        mapping.payload[start : start + len(fields)] = memoryview(fields)
        # ORDER: payload and fields must be visible before the even stamp that vouches for them.
        fence()
        words[word] = 2 * sequence
        # ORDER: the stamp before head, so that whoever learns of the frame finds it whole.
        fence()
        words[Word.HEAD] = sequence
        self._sequence = self._epochs.head = sequence

    def heartbeat(self) -> None:
        """Show readers that the writer is not hung; call it at least every 250 ms.

        Once a second, but never between ``begin`` and ``commit``, it also looks whether segment and
        lock still have their names, and makes new ones if somebody removed them. If there is no
        room the old segment stays in use, for readers that have it. A segment that somebody else
        has damaged is given up at once.

        Raises:
            WriterConflict: Somebody removed the lock and another process took it: this one must
                end.
        """
        mapping = self._epochs.mapping
        if mapping is None or self._abandon_if_damaged():
            return
        now = time.monotonic_ns()
        mapping.words[Word.HEARTBEAT] = now
        if now - self._names_checked_at >= _NAMES_CHECK_NS and not self._slot_begun:
            self._names_checked_at = now
            self._lock.keep()  # the lock first: it says whose the segment's name is
            self._epochs.keep_name()

    def _abandon_if_damaged(self) -> bool:
        """Give the segment up if somebody else has damaged it; returns whether they have."""
        damage = self._epochs.damage()
        if damage and not self._slot_begun:
            self._lock.keep()  # the lock first: it may be another writer's by now, and all well
            self._epochs.abandon(damage)
        return bool(damage)

    def count_dropped(self, frames: int = 1) -> None:
        """Add frames that the source had and nobody got, for readers' statistics."""
        self._dropped += frames
        self._epochs.tell(Word.DROPPED, self._dropped)

    def close(self) -> None:
        """End the epoch: readers see CLOSED, name and lock are free. Again is harmless."""
        self._slot_begun = False
        try:
            self._epochs.end()
        finally:
            self._lock.close()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def _wall_us(at: MonotonicNs) -> int:
    """The wall clock of a moment, as it goes now."""
    return (time.time_ns() - time.monotonic_ns() + at) // 1000
