"""RingReader: one mapping of one epoch of a camera's ring, from which views are taken.

It never writes anywhere. Nor does it trust the memory: a file that was cut off is noticed before it
is touched, and where the writer stores checksums a view can be verified to the last bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self
from weakref import WeakSet

from ..errors import RingUnavailable
from ..frame import Epoch, FrameInfo, Sequence
from .layout import State, Word
from .lock import WriterProbe
from .segment import Mapping, open_segment
from .view import FrameView, read_info

if TYPE_CHECKING:
    from ..naming import SegmentPaths

__all__ = ["RingReader"]


class RingReader:
    """One mapping of one epoch of a camera's ring. Use ``RingReader.open``.

    Any thread may take views. The reader belongs to whoever opened it, who closes it.

    Attributes:
        paths: The camera's files.
        views: The views that are open now. A view that was dropped without ``close`` does not
            count: nobody can look through it any more.
    """

    def __init__(self, paths: SegmentPaths, mapping: Mapping, probe: WriterProbe) -> None:
        self.paths = paths
        self.views: WeakSet[FrameView] = WeakSet()
        self._open_mapping: Mapping | None = mapping
        self._probe = probe

    @classmethod
    def open(cls, paths: SegmentPaths) -> Self:
        """Attach to the live segment.

        Raises:
            RingUnavailable: There is no segment, or no living writer.
            ProtocolError: What lies there is not a whole segment of our version.
        """
        mapping = open_segment(paths)
        probe = WriterProbe(paths.lock)
        if not probe.writer_lives():
            probe.close()
            raise RingUnavailable(paths.ring, "the Video Module that made it has died")
        return cls(paths, mapping, probe)

    @property
    def _mapping(self) -> Mapping:
        if self._open_mapping is None:
            raise RingUnavailable(self.paths.ring, "this reader is closed")
        return self._open_mapping

    def _field(self, word: Word) -> int:
        """Of the header; 0 where the file was cut off: then it is not live and has no frame."""
        mapping = self._mapping
        return mapping.words[word] if mapping.whole else 0

    def _whole_mapping(self) -> Mapping:
        if not self.whole:
            raise RingUnavailable(self.paths.ring, "somebody has cut or extended it")
        return self._mapping

    @property
    def whole(self) -> bool:
        """Whether the file has the size it should have; nobody but its writer's user can cut it."""
        return self._mapping.whole

    @property
    def epoch(self) -> Epoch:
        """The life this mapping shows."""
        return self._mapping.header.epoch

    @property
    def label(self) -> str:
        """The source, as the writer named it."""
        return self._mapping.header.label

    @property
    def hops(self) -> tuple[str, ...]:
        """Nodes the frames come through, origin first, the writer's own last; empty: not known."""
        return self._mapping.header.hops

    @property
    def origin_clock_us(self) -> int:
        """Wall clock of the frames' origin less our ``CLOCK_MONOTONIC``; 0: it is our own."""
        return self._relay_field(Word.ORIGIN_CLOCK)

    @property
    def clock_doubt_us(self) -> int:
        """What ``origin_clock_us`` may be wrong by at most."""
        return self._relay_field(Word.CLOCK_DOUBT)

    @property
    def reconnects(self) -> int:
        """How often the node that this one relays was connected to again."""
        return self._relay_field(Word.RECONNECTS)

    def _relay_field(self, word: Word) -> int:
        return self._field(word) if self._mapping.header.slots_have_origin_time else 0

    @property
    def slots(self) -> int:
        """How many frames the ring holds."""
        return self._mapping.header.slots

    @property
    def total_bytes(self) -> int:
        """Size of the segment."""
        return self._mapping.header.total_bytes

    @property
    def state(self) -> int:
        """What the writer says, see ``layout.State``."""
        return self._field(Word.STATE)

    @property
    def live(self) -> bool:
        """False once the writer has closed or replaced this segment."""
        return self.state == State.LIVE

    @property
    def head(self) -> Sequence:
        """The newest whole frame; 0 while there is none."""
        return Sequence(self._field(Word.HEAD))

    @property
    def heartbeat(self) -> int:
        """A number that changes at least four times a second while the writer is not hung.

        Compare it with its own older value only, never with a clock: containers may have time
        namespaces of their own.
        """
        return self._field(Word.HEARTBEAT)

    @property
    def dropped(self) -> int:
        """Frames the source had and nobody got."""
        return self._field(Word.DROPPED)

    def writer_lives(self) -> bool:
        """Whether a process holds the writer's lock."""
        return self._probe.writer_lives()

    def has_name(self) -> bool:
        """Whether the segment's name still leads to this mapping."""
        try:
            return self.paths.ring.stat().st_ino == self._mapping.inode
        except FileNotFoundError:
            return False

    def view(self, sequence: Sequence) -> FrameView:
        """Look at one frame in place; use the result in a ``with`` statement.

        Raises:
            FrameOverwritten: It is not in the ring, or not any more.
            RingUnavailable: The reader was closed, or the file cut off.
            ProtocolError: The slot contradicts itself.
        """
        view = FrameView(self, self._whole_mapping(), sequence)
        self.views.add(view)
        return view

    def info(self, sequence: Sequence) -> FrameInfo:
        """What is known about one frame, without a view on it.

        Raises:
            FrameOverwritten: It is not in the ring, or not any more.
            RingUnavailable: The reader was closed, or the file cut off.
            ProtocolError: The slot contradicts itself.
        """
        return read_info(self._whole_mapping(), sequence)

    def close(self) -> None:
        """Let the mapping go; again is harmless. Whatever is asked afterwards is RingUnavailable.

        Raises:
            RuntimeError: A view is still open.
        """
        if self.views:
            msg = f"{len(self.views)} views of {self.paths.ring} are still open; close them first"
            raise RuntimeError(msg)
        self._open_mapping = None
        self._probe.close()
