"""Where a camera's frames become pictures: each once per variant, however many ask."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

from services.api.cache import FrameCache
from services.api.encoded import framed
from services.api.encoding import Encoding
from services.api.variant_ring import suffix_of
from shared.blank import FIRST_GEOMETRY
from shared.errors import FrameDamaged, RingUnavailable
from shared.frame import PixelFormat
from shared.meter import Throttle

if TYPE_CHECKING:
    from services.api.counters import Counters
    from services.api.encoded import EncodedFrame
    from services.api.encoder import Encoder
    from services.api.kept import FrameSource, KeptFrame
    from services.api.variant import Variant
    from shared.errors import FrameOverwritten
    from shared.frame import FrameInfo, Geometry
    from shared.ring.attachment import Attachment
    from shared.ring.reader import RingReader

__all__ = ["Darkroom", "passes"]

log = logging.getLogger(__name__)

_AS_IT_IS: Final = ("as it is",)


class Darkroom:
    """Makes the pictures of one camera in this worker.

    Args:
        name: Of the camera.
        attachment: Follows its ring.
        encoder: The worker's encoding threads.
        counters: Of the camera.

    Attributes:
        turn: To be taken before a frame is chosen for ``develop``.
        single: To be taken before ``turn`` for a single picture.
    """

    def __init__(
        self, name: str, attachment: Attachment, encoder: Encoder, counters: Counters
    ) -> None:
        self._name = name
        self._attachment = attachment
        self._encoder = encoder
        self._counters = counters
        self._cache = FrameCache()
        self._complaint = Throttle()
        self.turn = encoder.turn
        self.single = encoder.single

    @property
    def decoded(self) -> int:
        """JPEGs of the camera that were decoded."""
        return self._encoder.decoded_of(self._attachment.paths.name)

    def develop(self, info: FrameInfo, variant: Variant) -> EncodedFrame:
        """The picture of a frame in the ring.

        Raises:
            FrameOverwritten: It is not in the ring any more, or damaged: take a newer one.
            RingUnavailable: Its ring is not there any more.
            EncodeError: It cannot be encoded.
            ProtocolError: Its slot contradicts itself.
        """
        reader = self._attachment.reader
        if reader is None or reader.epoch != info.epoch:
            raise RingUnavailable(self._attachment.paths.ring, "its epoch is over")
        return self._cache.get(_key(info, variant), lambda: self._of_slot(reader, info, variant))

    def develop_kept(self, frame: KeptFrame, variant: Variant) -> EncodedFrame:
        """The picture of a frame that is ours.

        Raises:
            EncodeError: It cannot be encoded.
        """
        return self._cache.get(_key(frame.info, variant), lambda: self._of(frame, variant))

    def blank(self, last: FrameInfo | None, why: str, variant: Variant) -> EncodedFrame:
        """The "no signal" frame, drawn anew at most once a second.

        Args:
            last: The newest frame seen, whose number it has.
            why: There is no picture, for humans.
            variant: As asked for by the clients that get it.
        """
        shown = (last.epoch, last.sequence) if last else None
        key = ("blank", int(time.monotonic()), shown, variant)
        geometry = last.geometry if last else FIRST_GEOMETRY
        return self._cache.get(key, lambda: self._encoder.blank(geometry, why, last, variant))

    def note_overwritten(self, error: FrameOverwritten) -> None:
        """Count a frame that was not in its slot any more, by whose fault."""
        if not isinstance(error, FrameDamaged):
            self._counters.overwritten += 1
            return
        self._counters.damaged += 1
        withheld = self._complaint.ready(time.monotonic())
        if withheld is not None:
            log.error("%s: %s (%d more withheld)", self._name, error, withheld)

    def _of_slot(self, reader: RingReader, info: FrameInfo, variant: Variant) -> EncodedFrame:
        with reader.view(info.sequence) as view:
            return self._of(view, variant)

    def _of(self, source: FrameSource, variant: Variant) -> EncodedFrame:
        if passes(source.info, variant):
            jpeg = framed(source.info, source.payload, checksum=source.info.checksum)
            source.verify()
            return jpeg
        picture = self._encoder.encode(source, self._attachment.paths.name, variant)
        if variant.encoding.compressed:
            self._counters.note_encoded(suffix_of(variant), picture.encode_ns / 1e9)
        return picture


def passes(info: FrameInfo, variant: Variant) -> bool:
    """Whether a frame is what the variant asks for as it is: the camera's own JPEG."""
    return _decisive(info.geometry, variant) is _AS_IT_IS


def _key(info: FrameInfo, variant: Variant) -> tuple[object, ...]:
    return (info.epoch, info.sequence, _decisive(info.geometry, variant))


def _decisive(geometry: Geometry, variant: Variant) -> tuple[object, ...]:
    """What of a variant makes a difference for frames of this geometry."""
    size = variant.fit(geometry.width, geometry.height)
    jpeg = geometry.pixel_format is PixelFormat.JPEG and variant.encoding is Encoding.JPEG
    if jpeg and variant.passthrough and size == (geometry.width, geometry.height):
        return _AS_IT_IS
    return (variant.encoding, variant.quality, size)
