"""A frame becomes what is sent of it, in threads of our own.

Encoding releases the GIL, and only gevent's own thread pool runs beside the hub: a patched
``concurrent.futures`` executor runs *on* it and stopped every client for up to 97 ms (measured,
``docs/adr/0007``). The view is used first and checked afterwards: a JPEG of a frame
that was overwritten meanwhile is thrown away.

A large frame is cut into stripes that idle threads encode beside the first (``docs/adr/0017``).
"""

from __future__ import annotations

import itertools
import time
import zlib
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import gevent
from gevent.lock import BoundedSemaphore
from gevent.threadpool import ThreadPool

from services.api.encoded import EncodedFrame, Made, framed
from services.api.encoding import Encoding
from services.api.finishing import developed, drawn_blank
from services.api.imaging import encode_image, one_core_each
from services.api.pictures import KEPT_S, Pictures
from services.api.stripes import borders, joined
from shared.errors import RingcastError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from services.api.kept import FrameSource
    from services.api.pictures import FramePictures
    from services.api.variant import Variant
    from shared.frame import FrameInfo, Geometry

__all__ = ["Encoder"]

_STRIPE_PIXELS: Final = 250_000
"""Smaller stripes are not worth a thread: encoding so many pixels takes 0.6 ms."""


class Encoder:
    """The threads that encode; one per worker process, made after the fork.

    Args:
        threads: How many frames may be encoded at once.

    Attributes:
        turn: To be taken before a frame is chosen: a frame that was chosen and then waits in the
            pool's queue is overwritten meanwhile when many variants are watched. Who has one turn
            has one thread for certain; further threads for stripes are taken with further turns,
            only where nobody has them, and never waited for.
        single: To be taken before ``turn`` for a single picture: any number of them that wait are
            ahead of a stream's next frame by a few encodings only.
        pictures: What the frames in work look like; empty soon after the last of them.
    """

    def __init__(self, threads: int) -> None:
        one_core_each()
        self._threads = threads
        self._pool = ThreadPool(threads)
        self.pictures = Pictures()
        self._forgetting = False
        self._decoded: Counter[str] = Counter()
        self.turn = BoundedSemaphore(threads)
        self.single = BoundedSemaphore(max(1, threads // 2))

    @property
    def decoded(self) -> int:
        """JPEGs of cameras that were decoded, all cameras together."""
        return self._decoded.total()

    def decoded_of(self, camera: str) -> int:
        """JPEGs of one camera that were decoded; the camera as its ring is named."""
        return self._decoded[camera]

    def forget(self, camera: str) -> None:
        """Keep nothing of a camera that has gone, named as its ring."""
        self._decoded.pop(camera, None)
        self.pictures.forget(camera)

    def encode(self, source: FrameSource, camera: str, variant: Variant) -> EncodedFrame:
        """Encode a frame, or copy its pixels out; waits without blocking the hub.

        The caller holds a ``turn``, and has seen that the frame is not the JPEG wanted already.

        Args:
            source: The frame, open.
            camera: Name of its ring.
            variant: What it is to become.

        Raises:
            FrameOverwritten: The writer lapped us before the picture was whole: take a newer frame.
            FrameDamaged: It was made from what the writer did not store: take a newer frame.
            EncodeError: The frame cannot be encoded.
        """
        geometry = source.info.geometry
        size = variant.fit(geometry.width, geometry.height)
        pictures = self.pictures.of(camera, source.info, size)
        self._forget_soon()
        try:
            if variant.encoding is Encoding.JPEG:
                return self._encode(source, pictures, size, variant.quality)
            return self._run([lambda: developed(source, pictures, size, variant)])
        finally:
            self._decoded[camera] += pictures.newly_decoded()

    def blank(
        self, geometry: Geometry, reason: str, of: FrameInfo | None, variant: Variant
    ) -> EncodedFrame:
        """Draw and encode the "no signal" frame; waits without blocking the hub.

        Args:
            geometry: Size to draw in.
            reason: Why there is no picture, for humans.
            of: The last frame seen, whose number the blank repeats: it is no new frame.
            variant: As asked for by the clients that get it.
        """
        return self._run([lambda: drawn_blank(geometry, reason, of, variant)])

    def _encode(
        self, view: FrameSource, pictures: FramePictures, size: tuple[int, int], quality: int
    ) -> EncodedFrame:
        count = max(1, min(self._threads, size[0] * size[1] // _STRIPE_PIXELS))
        turns = 0
        while turns < count - 1 and self.turn.acquire(blocking=False):
            turns += 1
        try:
            work = _Striped(view, pictures, size, quality, borders(*size, turns + 1))
            return self._run([work.encode_stripe] * work.count)
        finally:
            for _ in range(turns):
                self.turn.release()

    def _run(self, tasks: list[Callable[[], EncodedFrame | None]]) -> EncodedFrame:
        """Have threads do all tasks; the last one that is done gives the JPEG."""
        # gevent prints every exception that leaves a pool thread, and these are ordinary outcomes
        asked = [self._pool.spawn(_caught, task) for task in tasks]
        outcomes: list[EncodedFrame | RingcastError | None] = [one.get() for one in asked]
        for outcome in outcomes:
            if isinstance(outcome, RingcastError):
                raise outcome
        return next(outcome for outcome in outcomes if isinstance(outcome, EncodedFrame))

    def _forget_soon(self) -> None:
        if not self._forgetting:
            self._forgetting = True
            gevent.spawn_later(KEPT_S, self._forget)

    def _forget(self) -> None:
        self._forgetting = False
        self.pictures.forget_old()
        if self.pictures:
            self._forget_soon()


def _caught(work: Callable[[], EncodedFrame | None]) -> EncodedFrame | RingcastError | None:
    try:
        return work()
    except RingcastError as error:
        return error


class _Striped:
    """A frame on its way to one JPEG: one stripe per thread, joined by whoever is last.

    Args:
        view: On the frame; whoever opened it checks it once the JPEG is made.
        pictures: Of the frame.
        size: Width and height of the JPEG.
        quality: 1 to 100.
        cuts: From ``stripes.borders``.
    """

    def __init__(
        self,
        view: FrameSource,
        pictures: FramePictures,
        size: tuple[int, int],
        quality: int,
        cuts: list[int],
    ) -> None:
        self._view = view
        self._pictures = pictures
        self._size = size
        self._quality = quality
        self._cuts = cuts
        self.count = len(cuts) - 1
        self._stripes: list[NDArray[Any] | None] = [None] * self.count
        # next() of a counter is one step under the GIL: each number is given once
        self._begun = itertools.count()
        self._done = itertools.count(1)
        self._started_at: list[int] = []

    def encode_stripe(self) -> EncodedFrame | None:
        """In a pool thread: encode the next stripe; the last to be done gives the JPEG."""
        self._started_at.append(time.monotonic_ns())
        number = next(self._begun)
        image = self._pictures.image(self._view, self._size)
        stripe = image[self._cuts[number] : self._cuts[number + 1]]
        pixel_format = self._view.info.geometry.pixel_format
        self._stripes[number] = encode_image(stripe, pixel_format, self._quality)
        return self._join() if next(self._done) == self.count else None

    def _join(self) -> EncodedFrame:
        stripes = [stripe.data for stripe in self._stripes if stripe is not None]
        data = stripes[0] if self.count == 1 else joined(stripes, self._size[1])
        encode_ns = time.monotonic_ns() - min(self._started_at)
        info = self._view.info
        self._view.verify()  # what it was made from; here, for it may take a millisecond
        made = Made(self._quality, self._size)
        checksum = None if info.checksum is None else zlib.crc32(data)
        return framed(info, data, made, encode_ns=encode_ns, checksum=checksum)
