"""The message that says "frame N is in the ring".

One message, one part, fixed size, little-endian::

    offset  size  type  field
         0     8  8s    topic          which camera; the subscription prefix
         8     8  u64   epoch          the segment's life this frame belongs to; never 0
        16     8  u64   sequence       number of the frame; never 0
        24     8  u64   published_at   CLOCK_MONOTONIC, nanoseconds

It is one part so that a receiver can never be handed half of it. 32 bytes fit into libzmq's inline
message, so sending allocates nothing. A change here is a new protocol, and the topic changes too.
This module knows bytes only: no sockets, no clock.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final, Self

from .errors import ProtocolError
from .frame import Epoch, MonotonicNs, Sequence

__all__ = ["NOTIFICATION_BYTES", "Notification"]

_LAYOUT: Final = struct.Struct("<8sQQQ")
NOTIFICATION_BYTES: Final = _LAYOUT.size


@dataclass(frozen=True, slots=True)
class Notification:
    """Frame ``sequence`` of ``epoch`` is in the ring.

    Attributes:
        topic: 8 bytes, see ``SegmentPaths.topic``.
        epoch: The segment's life.
        sequence: The frame.
        published_at: When the writer declared the frame whole, ``CLOCK_MONOTONIC``.
    """

    topic: bytes
    epoch: Epoch
    sequence: Sequence
    published_at: MonotonicNs

    def pack(self) -> bytes:
        """Lay out the 32 bytes that go onto the wire."""
        return _LAYOUT.pack(self.topic, self.epoch, self.sequence, self.published_at)

    @classmethod
    def unpack(cls, message: bytes) -> Self:
        """Read a notification from the wire.

        Args:
            message: Exactly 32 bytes, as ``pack`` made them.

        Raises:
            ProtocolError: Wrong length, or epoch or sequence 0. Never anything else, whatever the
                bytes are.
        """
        if len(message) != NOTIFICATION_BYTES:
            msg = f"notification of {len(message)} bytes, expected {NOTIFICATION_BYTES}"
            raise ProtocolError(msg)
        topic, epoch, sequence, published_at = _LAYOUT.unpack(message)
        if epoch == 0 or sequence == 0:
            msg = f"notification names epoch {epoch}, frame {sequence}; neither is ever 0"
            raise ProtocolError(msg)
        return cls(topic, Epoch(epoch), Sequence(sequence), MonotonicNs(published_at))
