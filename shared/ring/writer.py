"""RingWriter: one per camera; overwrites the oldest slot and never waits for anybody."""

from __future__ import annotations

import logging
import os
import time
from typing import TYPE_CHECKING, Final, Self

from ..errors import RingSpaceError, RingUnavailable
from ..fence import fence
from ..frame import Epoch, FrameInfo, Geometry, MonotonicNs, PixelFormat, Sequence
from .filesystem import IN_MEMORY, filesystem_of
from .layout import MAX_SLOTS, MIN_SLOTS, SLOT_HEADER_BYTES, SegmentHeader, State, Word
from .lock import WriterLock
from .segment import (
    Mapping,
    boot_id,
    create_segment,
    free_bytes,
    remove_leftovers,
    unlink_segment,
)
from .slot import Slot, SlotHeader, check_size

if TYPE_CHECKING:
    from ..naming import SegmentPaths

__all__ = ["RingWriter", "Slot"]

log = logging.getLogger(__name__)

_NAMES_CHECK_NS: Final = 1_000_000_000
_ROOM_RETRY_S: Final = 0.02
_GROWTH: Final = 2
_ADVICE: Final = (
    "Free some, give the directory more room (shm_size in Compose, sizeLimit of the emptyDir in "
    "Kubernetes), or lower RINGCAST_VIDEO__RING__SLOTS (now {slots}) or "
    "RINGCAST_VIDEO__RING__RESERVE_MB."
)


class RingWriter:
    """Writes the frames of one camera. Owned by one thread; use it as a context manager.

    Args:
        paths: Where the camera's files lie.
        slots: Frames the ring holds, 2 to 64.
        reserve_bytes: Room that must stay free in the directory beside the segment.
        label: What readers may show as the source; without secrets.
        patience_s: How long ``begin`` may wait for room that readers of an ended ring still hold.
    """

    def __init__(
        self,
        paths: SegmentPaths,
        *,
        slots: int = 8,
        reserve_bytes: int = 0,
        label: str = "",
        patience_s: float = 1.0,
    ) -> None:
        if not MIN_SLOTS <= slots <= MAX_SLOTS:
            msg = f"slots {slots} must be {MIN_SLOTS} to {MAX_SLOTS}"
            raise ValueError(msg)
        self.paths = paths
        self._slots = slots
        self._reserve_bytes = reserve_bytes
        self._label = label
        self._patience_ns = int(patience_s * 1e9)
        self._lock = WriterLock(paths.lock)
        self._mapping: Mapping | None = None
        self._sequence = Sequence(0)
        self._dropped = 0
        self._names_checked_at = 0
        self._slot_begun = False
        self._patient_until_ns = 0

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
        self._patient_until_ns = time.monotonic_ns() + self._patience_ns
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
        caller's still refers to a slot of it.

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
        """
        if not self._lock.held:
            msg = f"the writer of {self.paths.ring} is not open"
            raise RuntimeError(msg)
        needed = max(geometry.size_bytes, size_bytes or 0)
        check_size(geometry, needed)
        jpeg = geometry.pixel_format is PixelFormat.JPEG
        mapping = self._with_room_for(needed, _GROWTH * needed if jpeg else needed)
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
    ) -> FrameInfo:
        """Declare the frame whole and make it the newest.

        Args:
            slot: From the last ``begin``.
            captured_at: When the source handed the picture over.
            online: False for a blank.
            reason: Why it is blank; cut to 64 bytes of UTF-8.
            size_bytes: True length of a JPEG; raw frames know their own.
            geometry: The true one, where it differs from what ``begin`` was asked for and fits.
            origin: The camera's frame it was made from; None: it is one itself.

        Returns:
            The frame's information.

        Raises:
            ValueError: The slot is not the one begun last, or the frame does not fit into it.
            WriterConflict: As ``heartbeat``; the frame is in the ring.
        """
        mapping = self._mapping
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
        now = MonotonicNs(time.monotonic_ns())
        header = SlotHeader(
            sequence,
            captured_at,
            now,
            geometry,
            size,
            online,
            reason,
            *(origin or (slot.epoch, sequence)),
        )
        words, word = mapping.words, mapping.header.slot_word(sequence)
        fields = header.pack()
        start = word * 8 + 8
        mapping.payload[start : start + len(fields)] = memoryview(fields)
        # ORDER: payload and fields must be visible before the even stamp that vouches for them.
        fence()
        words[word] = 2 * sequence
        # ORDER: the stamp before head, so that whoever learns of the frame finds it whole.
        fence()
        words[Word.HEAD] = sequence
        self._sequence = sequence
        self._slot_begun = False
        self.heartbeat()
        return header.info(mapping.header.epoch)

    def heartbeat(self) -> None:
        """Show readers that the writer is not hung; call it at least every 250 ms.

        Once a second, but never between ``begin`` and ``commit``, it also looks whether segment and
        lock still have their names, and makes new ones if somebody removed them. If there is no
        room the old segment stays in use, for readers that have it.

        Raises:
            WriterConflict: Somebody removed the lock and another process took it: this one must
                end.
        """
        if self._mapping is None:
            return
        now = time.monotonic_ns()
        self._mapping.words[Word.HEARTBEAT] = now
        if now - self._names_checked_at >= _NAMES_CHECK_NS and not self._slot_begun:
            self._names_checked_at = now
            self._keep_names(self._mapping)

    def count_dropped(self, frames: int = 1) -> None:
        """Add frames that the source had and nobody got, for readers' statistics."""
        self._dropped += frames
        if self._mapping is not None:
            self._mapping.words[Word.DROPPED] = self._dropped

    def close(self) -> None:
        """End the epoch: readers see CLOSED, name and lock are free. Again is harmless."""
        mapping, self._mapping = self._mapping, None
        self._slot_begun = False
        try:
            if mapping is not None:
                mapping.words[Word.STATE] = State.CLOSED
                if not self._name_is_lost(mapping):
                    unlink_segment(self.paths, State.CLOSED)
        finally:
            self._lock.close()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _with_room_for(self, needed_bytes: int, wanted_bytes: int) -> Mapping:
        """The segment, or a new one; no reference to the old one is kept, so its memory is free."""
        if self._mapping is not None and needed_bytes <= self._mapping.header.slot_stride:
            return self._mapping
        if wanted_bytes > needed_bytes and self._has_room(wanted_bytes):
            needed_bytes = wanted_bytes
        try:
            return self._renew(needed_bytes)
        except RingSpaceError as error:
            own_bytes = 0 if self._mapping is None else self._mapping.header.total_bytes
            if not own_bytes or error.need_bytes > error.free_bytes + own_bytes:
                raise
        self._give_up()
        return self._renew(needed_bytes)

    def _give_up(self) -> None:
        """Retire the segment and take its name away; readers let go of it when they see that."""
        mapping, self._mapping = self._mapping, None
        self._slot_begun = False
        if mapping is None:
            return
        mapping.words[Word.STATE] = State.RETIRED
        if not self._name_is_lost(mapping):
            unlink_segment(self.paths, State.RETIRED)
        self._patient_until_ns = time.monotonic_ns() + self._patience_ns
        log.info("segment %s: given up, there is no room for two", self.paths.ring)

    def _plan(self, capacity_bytes: int) -> SegmentHeader:
        return SegmentHeader.plan(
            slots=self._slots,
            capacity_bytes=capacity_bytes,
            page_bytes=max(os.sysconf("SC_PAGESIZE"), SLOT_HEADER_BYTES),
            epoch=Epoch(time.time_ns() | 1),
            boot_id=boot_id(),
            writer_pid=os.getpid(),
            label=self._label,
        )

    def _has_room(self, capacity_bytes: int) -> bool:
        """Whether a segment of such slots fits beside everything that is there now."""
        try:
            free = free_bytes(self.paths.directory)
        except OSError:
            return False  # the directory is gone: making the segment will say so
        return self._plan(capacity_bytes).total_bytes + self._reserve_bytes <= free

    def _renew(self, capacity_bytes: int) -> Mapping:
        header = self._plan(capacity_bytes)
        mapping = self._create(header)
        if self._mapping is not None:
            self._mapping.words[Word.STATE] = State.RETIRED
        mapping.words[Word.DROPPED] = self._dropped
        mapping.words[Word.HEARTBEAT] = time.monotonic_ns()
        self._mapping = mapping
        log.info(
            "segment %s: %d slots of %.1f MiB, %.1f MiB in all, epoch %d",
            self.paths.ring,
            header.slots,
            header.slot_stride / 2**20,
            header.total_bytes / 2**20,
            header.epoch,
        )
        return mapping

    def _create(self, header: SegmentHeader) -> Mapping:
        """Make the segment; give readers of the one before a moment to let its memory go."""
        while True:
            try:
                return create_segment(
                    self.paths,
                    header,
                    reserve_bytes=self._reserve_bytes,
                    advice=_ADVICE.format(slots=self._slots),
                )
            except RingSpaceError:
                if self._mapping is not None or time.monotonic_ns() >= self._patient_until_ns:
                    raise
            time.sleep(_ROOM_RETRY_S)

    def _keep_names(self, mapping: Mapping) -> None:
        """Take lock and name anew where somebody removed them; the lock first."""
        self._lock.keep()
        if not self._name_is_lost(mapping):
            return
        log.warning("%s was removed or replaced; making a new segment", self.paths.ring)
        try:
            self._renew(mapping.header.slot_stride)
        except (RingSpaceError, RingUnavailable) as error:
            log.error("%s", error)  # noqa: TRY400 - said again every second; a traceback tells nothing

    def _name_is_lost(self, mapping: Mapping) -> bool:
        try:
            return self.paths.ring.stat().st_ino != mapping.inode
        except FileNotFoundError:
            return True
