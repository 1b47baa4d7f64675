"""VideoConsumer: a camera's frames for vision modules; zero-copy, in any process, without gevent.

::

    with VideoConsumer() as consumer:
        for frame in consumer:                       # the newest frame, again and again
            if not frame.info.online:
                continue                             # "no signal"
            edges = cv2.Canny(frame.image, 50, 150)  # in place, read-only
            if frame.valid():                        # False: overwritten meanwhile, drop the result
                use(edges)

The image of a camera whose JPEGs are passed through is the JPEG itself; ``pixels(frame)`` of
``pixels.py`` gives every frame as pixels, decoded if need be.

Where the writer stores checksums (``video.ring.checksums``) every frame is compared with its own
before it is handed out, and ``copy()`` compares the copy; a damaged one is counted and left out.

The loop sleeps on the notification socket and never spins. It survives restarts of the Video Module
and changes of resolution by itself. Installed with ``pip install ringcast`` this module is
``ringcast.consumer``; it needs numpy and pyzmq only.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import zmq

from .doorbell import LOOK_AT_HEAD_S, Hearing, messages, open_doorbell
from .errors import (
    FrameDamaged,
    FrameOverwritten,
    ProtocolError,
    RingUnavailable,
    VideoModuleNotAvailableError,
)
from .frame import Epoch, Sequence
from .naming import DEFAULT_DIRECTORY, DEFAULT_NAME, segment_paths
from .ring.attachment import Attachment, Condition
from .ring.view import FrameView

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .ring.reader import RingReader

__all__ = ["Condition", "FrameView", "VideoConsumer", "VideoModuleNotAvailableError"]

_ATTACH_RETRY_S: Final = 0.05
_TRIES: Final = 4
_MOST_MESSAGES: Final = 100


class VideoConsumer:
    """Reads one camera. Owned by one thread; a context manager.

    Args:
        name: The camera's ``video.shared_memory_name``.
        directory: Its ``video.shared_memory_directory``.
        attach_timeout_s: How long ``attach`` waits for a Video Module, seconds
            (``video.shared_memory_attach_timeout_sec``).

    Attributes:
        dropped: Frames that were overwritten or superseded before this consumer took them; those
            around a change of epoch are not known and not counted.
        overwritten: Newest frames that the writer lapped before they could be handed out.
        damaged: Frames that somebody else has written to: their fields contradict each other, or
            the payload its checksum. They are never handed out.

    Raises:
        ValueError: The name is not valid.
    """

    def __init__(
        self,
        name: str = DEFAULT_NAME,
        *,
        directory: str | Path = DEFAULT_DIRECTORY,
        attach_timeout_s: float = 5.0,
    ) -> None:
        self.paths = segment_paths(name, Path(directory))
        self.dropped = 0
        self.overwritten = 0
        self.damaged = 0
        self._attach_timeout_s = attach_timeout_s
        self._attachment = Attachment(self.paths)
        self._context: zmq.Context[zmq.Socket[bytes]] | None = None
        self._doorbell: zmq.Socket[bytes] | None = None
        self._hearing = Hearing()
        self._listened = False
        self._epoch = Epoch(0)
        self._sequence = Sequence(0)

    @property
    def condition(self) -> Condition:
        """How the Video Module fares, as of the last read."""
        return self._attachment.condition

    @property
    def attached(self) -> int:
        """How many times a ring was attached: once, and again at each change of epoch."""
        return self._attachment.attached

    @property
    def source(self) -> str:
        """What the Video Module reads from, without secrets; empty while it is gone."""
        reader = self._attachment.reader
        return "" if reader is None else reader.label

    def attach(self) -> None:
        """Wait for a living Video Module and attach to its ring; again is harmless.

        Raises:
            VideoModuleNotAvailableError: There was none within ``attach_timeout_s``.
            ProtocolError: There is one, of a release this one does not understand.
        """
        deadline = time.monotonic() + self._attach_timeout_s
        self._open_doorbell()
        while self._attachment.refresh() is None:
            remaining_s = deadline - time.monotonic()
            if remaining_s <= 0:
                why, condition = self._attachment.why, self.condition
                self.close()
                if condition is Condition.INCOMPATIBLE:
                    raise ProtocolError(why)
                raise VideoModuleNotAvailableError(self.paths.ring, why)
            self._wait_doorbell(min(remaining_s, _ATTACH_RETRY_S))

    def read_latest(self) -> FrameView | None:
        """Take the newest frame without waiting.

        Returns:
            A view for a ``with`` statement, or None: nothing newer than the last one taken.

        Raises:
            RingUnavailable: ``attach`` was not called, or ``close`` was.
        """
        if self._doorbell is None:
            raise RingUnavailable(self.paths.ring, "not attached; call attach() or use with")
        reader = self._attachment.refresh()
        if reader is None:
            return None
        for _ in range(_TRIES):
            head = reader.head
            if head == 0 or (reader.epoch, head) == (self._epoch, self._sequence):
                return None
            try:
                view = _verified(reader, head)
            except (FrameDamaged, ProtocolError):
                self.damaged += 1
                self._count(reader, head)
                return None  # the next one is soon there
            except FrameOverwritten:
                self.overwritten += 1
                continue
            except RingUnavailable:
                return None  # cut off while we looked: the next look sees it
            self._count(reader, head)
            return view
        return None

    def wait_newer(self, timeout_s: float) -> FrameView | None:
        """Wait for a frame newer than the last one taken.

        Args:
            timeout_s: How long at most, seconds.

        Returns:
            A view for a ``with`` statement, or None: nothing new in time.

        Raises:
            RingUnavailable: ``attach`` was not called, or ``close`` was.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            view = self.read_latest()
            remaining_s = deadline - time.monotonic()
            if view is not None or remaining_s <= 0:
                return view
            self._wait_doorbell(min(remaining_s, LOOK_AT_HEAD_S))

    def __iter__(self) -> Iterator[FrameView]:
        """Yield the newest frame again and again, each once, for ever.

        A frame's view is closed when the next one is asked for. While the Video Module is gone the
        loop waits for it; ``wait_newer`` is for those who want to do something meanwhile.
        """
        while True:
            view = self.wait_newer(LOOK_AT_HEAD_S)
            if view is not None:
                try:
                    yield view
                finally:
                    view.close()

    def close(self) -> None:
        """Detach; again is harmless."""
        self._attachment.close()
        self._close_doorbell()
        if self._context is not None:
            self._context.term()
            self._context = None

    def __enter__(self) -> Self:
        try:
            self.attach()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _count(self, reader: RingReader, head: Sequence) -> None:
        if reader.epoch == self._epoch:
            self.dropped += max(0, head - self._sequence - 1)
        self._epoch, self._sequence = reader.epoch, head
        if self._listened:  # else its notification waits unheard, as it may
            self._hearing.frame_found()
        self._listened = False

    def _open_doorbell(self) -> None:
        if self._doorbell is not None:
            return
        self._context = self._context or zmq.Context()
        self._doorbell = open_doorbell(self.paths, self._context)
        self._hearing.renewed()

    def _wait_doorbell(self, timeout_s: float) -> None:
        """Sleep until a notification came or the time is over; what it says is in the ring."""
        if self._doorbell is None:
            return
        self._listened = True
        if self._doorbell.poll(int(timeout_s * 1000) + 1):
            for message in itertools.islice(messages(self._doorbell), _MOST_MESSAGES):
                with contextlib.suppress(ProtocolError):  # a stranger's
                    self._hearing.heard(message, self._epoch)
        if self._hearing.lost:
            self._close_doorbell()
            self._open_doorbell()

    def _close_doorbell(self) -> None:
        if self._doorbell is not None:
            self._doorbell.close(linger=0)
            self._doorbell = None


def _verified(reader: RingReader, sequence: Sequence) -> FrameView:
    """A view on a frame, open, and known to be as its writer stored it."""
    view = reader.view(sequence)
    try:
        view.verify()
    except FrameOverwritten:
        view.close()
        raise
    return view
