"""What happened to the frames of one camera in this worker; one word per event, never mixed."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Final, Self

from services.api.histogram import Histogram
from services.api.lifespan import AGED, LEAVING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MOST_NAMES", "OTHER", "Counters", "count_up"]

_AGES_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.033, 0.05, 0.1, 0.2, 0.5, 1.0, 3.0)
_ENCODINGS_S: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)

MOST_NAMES: Final = 64
OTHER: Final = "other"
"""What all variants beyond the 64th are counted as: any client can think of a new one."""


def count_up(counts: dict[str, int], name: str, more: int = 1, names: int = MOST_NAMES) -> None:
    """Count under a name, or under ``OTHER`` where there are ``names`` of them already."""
    if name not in counts and len(counts) >= names:
        name = OTHER
    counts[name] = counts.get(name, 0) + more


@dataclass(slots=True)
class Counters:
    """Sums over all clients of a camera since the worker started.

    Attributes:
        streams: Streams that began.
        turned_away: Streams that ``api.limits`` did not let in.
        sent: Parts handed to the kernel, repeats included.
        bytes: Length of those parts, with all that surrounds the pictures.
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
        decoded: JPEGs of the camera that were decoded.
        stalled: Clients ended because they took nothing for too long.
        aged: Streams ended because they were as old as ``api.limits.max_stream_age_sec`` allows.
        drained: Streams ended because the server shuts down.
        notifications: Messages of a new frame that came.
        refused: Messages and frames that contradicted our own format.
        ages: From capture to the moment a picture was sent, seconds; blanks and repeats, which are
            no news, are not among them.
        encodings: What one encoding took, seconds.
        variants: Frames encoded by variant; at most 64 of them, the rest as ``OTHER``.
    """

    streams: int = 0
    turned_away: int = 0
    sent: int = 0
    bytes: int = 0
    skipped: int = 0
    dropped: int = 0
    repeated: int = 0
    overwritten: int = 0
    missed: int = 0
    damaged: int = 0
    encode_errors: int = 0
    encoded: int = 0
    encode_seconds: float = 0.0
    decoded: int = 0
    stalled: int = 0
    aged: int = 0
    drained: int = 0
    notifications: int = 0
    refused: int = 0
    ages: Histogram = field(default_factory=lambda: Histogram(_AGES_S))
    encodings: Histogram = field(default_factory=lambda: Histogram(_ENCODINGS_S))
    variants: dict[str, int] = field(default_factory=dict)

    def note_sent(self, size_bytes: int, age_s: float | None) -> None:
        """Count a part that was sent.

        Args:
            size_bytes: Its length.
            age_s: Of the picture, seconds; None: it is a blank or a repeat.
        """
        self.sent += 1
        self.bytes += size_bytes
        if age_s is not None:
            self.ages.note(age_s)

    def note_end(self, why: str) -> None:
        """Count a stream that the server ends, if its reason is one of those counted here."""
        if why == AGED:
            self.aged += 1
        elif why == LEAVING:
            self.drained += 1

    def note_encoded(self, variant: str, took_s: float) -> None:
        """Count a frame that was encoded.

        Args:
            variant: Name of what it became.
            took_s: In the encoder's threads, seconds.
        """
        self.encoded += 1
        self.encode_seconds += took_s
        self.encodings.note(took_s)
        count_up(self.variants, variant)

    def numbers(self) -> dict[str, int | float]:
        """The plain counters, by name: no histogram, nothing by variant."""
        return {name: getattr(self, name) for name in _NUMBERS}

    def cells(self) -> list[float]:
        """Everything but ``variants``, as numbers that can be added up; always as many."""
        plain = [float(getattr(self, name)) for name in _NUMBERS]
        return plain + self.ages.cells() + self.encodings.cells()

    @classmethod
    def of(cls, cells: list[float], variants: Mapping[str, int]) -> Self:
        """Counters whose ``cells`` these are.

        Args:
            cells: Of one, or sums of those of several.
            variants: As the attribute.
        """
        counters = cls(variants=dict(variants))
        for name, value in zip(_NUMBERS, cells, strict=False):
            setattr(counters, name, value if name == "encode_seconds" else int(value))
        ages = len(_NUMBERS) + len(counters.ages.cells())
        counters.ages.load(cells[len(_NUMBERS) : ages])
        counters.encodings.load(cells[ages:])
        return counters


_NUMBERS: Final = tuple(each.name for each in fields(Counters) if each.type in {"int", "float"})
