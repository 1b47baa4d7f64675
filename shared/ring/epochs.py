"""The segments of one writer, one epoch after another: made, outgrown, given up, kept by name."""

from __future__ import annotations

import logging
import os
import time
from typing import TYPE_CHECKING, Final

from ..errors import RingSpaceError, RingUnavailable
from ..frame import Epoch, Sequence
from .layout import (
    MAX_SLOTS,
    MIN_SLOTS,
    SLOT_HEADER_BYTES,
    SegmentHeader,
    State,
    Word,
    check_hops,
)
from .segment import Mapping, boot_id, create_segment, free_bytes, unlink_segment

if TYPE_CHECKING:
    from ..naming import SegmentPaths

__all__ = ["Epochs"]

log = logging.getLogger(__name__)

_ROOM_RETRY_S: Final = 0.02
_ADVICE: Final = (
    "Free some, give the directory more room (shm_size in Compose, sizeLimit of the emptyDir in "
    "Kubernetes), or lower RINGCAST_VIDEO__RING__SLOTS (now {slots}) or "
    "RINGCAST_VIDEO__RING__RESERVE_MB."
)


class Epochs:
    """The segment a writer has now, if any. The writer holds its lock meanwhile.

    Args:
        paths: The camera's files.
        slots: Frames a segment holds, 2 to 64.
        reserve_bytes: Room that must stay free in the directory beside it.
        label: What readers may show as the source.
        patience_s: How long to wait for room that readers of an ended segment still hold.

    Attributes:
        mapping: The segment; None: there is none yet, or it was given up.
        hops: Nodes the frames come through; a segment holds frames of the same ones only.
        head: The newest frame of the segment; 0: none yet.

    Raises:
        ValueError: The number of slots is out of range.
    """

    def __init__(
        self, paths: SegmentPaths, slots: int, reserve_bytes: int, label: str, patience_s: float
    ) -> None:
        if not MIN_SLOTS <= slots <= MAX_SLOTS:
            msg = f"slots {slots} must be {MIN_SLOTS} to {MAX_SLOTS}"
            raise ValueError(msg)
        self.mapping: Mapping | None = None
        self.hops: tuple[str, ...] = ()
        self.head = Sequence(0)
        self._paths = paths
        self._slots = slots
        self._reserve_bytes = reserve_bytes
        self._label = label
        self._patience_ns = int(patience_s * 1e9)
        self._patient_until_ns = 0
        self._told: dict[Word, int] = {}

    def route(self, hops: tuple[str, ...]) -> None:
        """Frames come through these nodes from now on, the writer's own the last.

        Raises:
            ValueError: See ``layout.check_hops``.
        """
        check_hops(hops)
        self.hops = hops

    def tell(self, word: Word, value: int) -> None:
        """Set a word of the header, in this segment and in those that follow it."""
        self._told[word] = value
        if self.mapping is not None and self.mapping.whole:
            self.mapping.words[word] = value

    def be_patient(self) -> None:
        """From now on readers of an ended segment may hold its memory for a moment."""
        self._patient_until_ns = time.monotonic_ns() + self._patience_ns

    def with_room_for(self, needed_bytes: int, wanted_bytes: int) -> Mapping:
        """The segment, or a new one; no reference to the old one is kept, so its memory is free.

        Args:
            needed_bytes: Of the frame.
            wanted_bytes: What a slot of a new segment should hold, if there is room for it.

        Raises:
            RingSpaceError: A new segment does not fit; the old one stays unless that would do.
            RingUnavailable: A new segment cannot be made at all.
        """
        if self.mapping is not None:
            header = self.mapping.header
            if needed_bytes <= header.slot_stride and header.hops == self.hops:
                return self.mapping
            if header.hops != self.hops:
                wanted_bytes = max(wanted_bytes, header.slot_stride)
        if wanted_bytes > needed_bytes and self._has_room(wanted_bytes):
            needed_bytes = wanted_bytes
        try:
            return self._renew(needed_bytes)
        except RingSpaceError as error:
            own_bytes = 0 if self.mapping is None else self.mapping.header.total_bytes
            if not own_bytes or error.need_bytes > error.free_bytes + own_bytes:
                raise
        self._give_up("there is no room for two")
        return self._renew(needed_bytes)

    def damage(self) -> str:
        """What somebody else has done to the segment, see ``Mapping.damage``."""
        return "" if self.mapping is None else self.mapping.damage(self.head)

    def abandon(self, damage: str) -> None:
        """Give the damaged segment up; there is a new one with the next frame."""
        log.error("%s %s: somebody else writes to it", self._paths.ring, damage)
        self._give_up("it is damaged")

    def keep_name(self) -> None:
        """Make a new segment if somebody removed this one's name; without room it stays in use."""
        mapping = self.mapping
        if mapping is None or not self._name_is_lost(mapping):
            return
        log.warning("%s was removed or replaced; making a new segment", self._paths.ring)
        try:
            self._renew(mapping.header.slot_stride)
        except (RingSpaceError, RingUnavailable) as error:
            log.error("%s", error)  # noqa: TRY400 - said again every second; a traceback tells nothing

    def end(self) -> None:
        """End the epoch: readers see CLOSED, and the name is free. Again is harmless."""
        mapping, self.mapping = self.mapping, None
        if mapping is not None:
            mapping.mark(State.CLOSED)
            if not self._name_is_lost(mapping):
                unlink_segment(self._paths, State.CLOSED)

    def _give_up(self, why: str) -> None:
        """Retire the segment and take its name away; readers let go of it when they see that."""
        mapping, self.mapping = self.mapping, None
        if mapping is None:
            return
        mapping.mark(State.RETIRED)
        if not self._name_is_lost(mapping):
            unlink_segment(self._paths, State.RETIRED)
        self.be_patient()
        log.info("segment %s: given up, %s", self._paths.ring, why)

    def _plan(self, capacity_bytes: int) -> SegmentHeader:
        return SegmentHeader.plan(
            slots=self._slots,
            capacity_bytes=capacity_bytes,
            page_bytes=max(os.sysconf("SC_PAGESIZE"), SLOT_HEADER_BYTES),
            epoch=Epoch(time.time_ns() | 1),
            boot_id=boot_id(),
            writer_pid=os.getpid(),
            label=self._label,
            hops=self.hops,
        )

    def _has_room(self, capacity_bytes: int) -> bool:
        """Whether a segment of such slots fits beside everything that is there now."""
        try:
            free = free_bytes(self._paths.directory)
        except OSError:
            return False  # the directory is gone: making the segment will say so
        return self._plan(capacity_bytes).total_bytes + self._reserve_bytes <= free

    def _renew(self, capacity_bytes: int) -> Mapping:
        header = self._plan(capacity_bytes)
        mapping = self._create(header)
        if self.mapping is not None:
            self.mapping.mark(State.RETIRED)
        for word, value in self._told.items():
            mapping.words[word] = value
        mapping.words[Word.HEARTBEAT] = time.monotonic_ns()
        self.mapping, self.head = mapping, Sequence(0)
        log.info(
            "segment %s: %d slots of %.1f MiB, %.1f MiB in all, epoch %d",
            self._paths.ring,
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
                    self._paths,
                    header,
                    reserve_bytes=self._reserve_bytes,
                    advice=_ADVICE.format(slots=self._slots),
                )
            except RingSpaceError:
                if self.mapping is not None or time.monotonic_ns() >= self._patient_until_ns:
                    raise
            time.sleep(_ROOM_RETRY_S)

    def _name_is_lost(self, mapping: Mapping) -> bool:
        try:
            return self._paths.ring.stat().st_ino != mapping.inode
        except FileNotFoundError:
            return True
