"""Pictures of frames that lie in a ring, as a worker makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.api.encoded import EncodedFrame
    from services.api.encoder import Encoder
    from services.api.variant import Variant
    from shared.frame import Sequence
    from shared.ring.reader import RingReader

__all__ = ["encoded"]


def encoded(
    encoder: Encoder, reader: RingReader, sequence: Sequence, variant: Variant
) -> EncodedFrame:
    """What the encoder makes of one frame."""
    with reader.view(sequence) as view:
        return encoder.encode(view, reader.paths.name, variant)
