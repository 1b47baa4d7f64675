"""What happened to the frames of one camera in this worker; one word per event, never mixed."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Counters"]


@dataclass(slots=True)
class Counters:
    """Sums over all clients of a camera since the worker started.

    Attributes:
        sent: Parts handed to the kernel, repeats included.
        skipped: Frames not taken on purpose: the client wants fewer per second.
        dropped: Frames a client should have had, but was too late for.
        repeated: Parts sent again after a silence.
        overwritten: Frames the writer lapped while they were being encoded.
        missed: Frames that came and went between two looks of a variant being watched: this worker
            was late, no client.
        damaged: Looks at a frame that was not what its writer stored, in the camera's ring or a
            variant's; nobody is sent one.
        encode_errors: Frames that could not become a JPEG.
        encoded: Frames that were encoded, by this worker.
        encode_seconds: What that took in the encoder's threads, all together.
        stalled: Clients ended because they took nothing for too long.
    """

    sent: int = 0
    skipped: int = 0
    dropped: int = 0
    repeated: int = 0
    overwritten: int = 0
    missed: int = 0
    damaged: int = 0
    encode_errors: int = 0
    encoded: int = 0
    encode_seconds: float = 0.0
    stalled: int = 0
