"""How new a single picture must be for whoever asks: parsed, checked, and what it means."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from services.api.encoding import Encoding
from services.api.query import Query
from services.api.variant import read_options, read_pixel_format

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.api.variant import Variant
    from shared.frame import FrameInfo
    from shared.settings_stream import StreamSettings

__all__ = [
    "MAX_AGE_MS",
    "MAX_WAIT_MS",
    "After",
    "Freshness",
    "PictureOptions",
    "parse_picture",
    "parse_raw_picture",
]

_NUMBER: Final = re.compile(r"(?:([0-9]{1,20})-)?([0-9]{1,20})")
_LARGEST: Final = 2**64 - 1
MAX_AGE_MS: Final = 3_600_000
MAX_WAIT_MS: Final = 60_000
_NPY: Final = "npy"


@dataclass(frozen=True, slots=True)
class After:
    """The frame a client has already.

    Attributes:
        sequence: Its number.
        epoch: The life it belongs to; None: the client did not say.
    """

    sequence: int
    epoch: int | None = None

    def in_terms_of(self, newest: FrameInfo) -> After:
        """The same with its epoch, as far as the newest frame tells.

        A number that nobody has given out in the present life is one of a life before.
        """
        if self.epoch is not None:
            return self
        epoch, sequence = newest.origin
        return replace(self, epoch=epoch if self.sequence <= sequence else 0)

    def precedes(self, info: FrameInfo) -> bool:
        """Whether a frame is another life's, or a later one of the same."""
        epoch, sequence = info.origin
        return epoch != self.epoch or sequence > self.sequence


@dataclass(frozen=True, slots=True)
class Freshness:
    """How new the picture must be.

    Attributes:
        max_age_ms: How old it may be; None: captured after the request came.
        after: The frame the client has; any later one will do, however long ago it was captured.
        wait_ms: How long to wait for one later than ``after``.
        stale: Whether the last picture will do where there is no newer one.
    """

    max_age_ms: int | None = None
    after: After | None = None
    wait_ms: int = 0
    stale: bool = False


@dataclass(frozen=True, slots=True)
class PictureOptions:
    """Everything a client can ask for of a single picture.

    Attributes:
        variant: What it looks like.
        freshness: How new it must be.
        npy: Whether the pixels are to be a file of NumPy's.
    """

    variant: Variant
    freshness: Freshness
    npy: bool = False


def parse_picture(query: Mapping[str, str], limits: StreamSettings) -> PictureOptions:
    """Read the query string of a compressed picture.

    Args:
        query: The parameters, as they were sent.
        limits: ``api.stream.*``: defaults and ranges.

    Raises:
        BadParameters: Naming every wrong value with its allowed range.
    """
    asked = Query(query)
    variant = read_options(asked, limits).variant
    formats = [form.value for form in Encoding if form.compressed]
    encoding = Encoding(asked.choice("format", formats) or Encoding.JPEG.value)
    freshness = _read_freshness(asked)
    asked.check()
    return PictureOptions(variant.become(encoding), freshness)


def parse_raw_picture(query: Mapping[str, str], limits: StreamSettings) -> PictureOptions:
    """Read the query string of an uncompressed picture; as ``parse_picture``."""
    asked = Query(query)
    variant = read_options(asked, limits).variant.become(read_pixel_format(asked))
    npy = asked.choice("format", ("raw", _NPY)) == _NPY
    freshness = _read_freshness(asked)
    asked.check()
    return PictureOptions(variant, freshness, npy)


def _read_freshness(asked: Query) -> Freshness:
    stale = asked.choice("stale", ("ok",)) is not None
    max_age_ms = asked.whole("max_age", 0, MAX_AGE_MS)
    wait_ms = asked.whole("wait", 0, MAX_WAIT_MS)
    return Freshness(max_age_ms, _read_after(asked), wait_ms or 0, stale)


def _read_after(asked: Query) -> After | None:
    text = asked.text("after")
    if text is None:
        return None
    found = _NUMBER.fullmatch(text)
    epoch, sequence = (int(digits or 0) for digits in found.groups()) if found else (0, -1)
    if found is None or max(epoch, sequence) > _LARGEST:
        asked.refuse("after", f"<number> or <epoch>-<number>, each from 0 to {_LARGEST}")
        return None
    return After(sequence, epoch if found.group(1) else None)
