"""Which variants of a camera the clients of this worker watch, and whether one more may be.

Each is an encoding and a ring: a hundred sizes and qualities are not to become a hundred of them.
What a client gets that asks for nothing in particular is always there and does not count.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from services.api.encoding import Encoding

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.api.variant import Variant

__all__ = ["TooManyVariants", "Watched", "query_of"]

_RAW_FORMS: Final = {Encoding.RAW: "format=multipart", Encoding.I420: "format=y4m"}


class TooManyVariants(Exception):  # noqa: N818 - named after the state
    """As many different variants are watched as may be.

    Attributes:
        watched: Those there are, as query strings.
    """

    def __init__(self, asked: Variant, most: int, watched: list[str]) -> None:
        super().__init__(
            f"?{query_of(asked)} is one size or quality too many: {most} are watched already, as "
            "many as api.limits.max_variants allows for a camera and worker. Ask for one of those, "
            "for none, or for quality=auto."
        )
        self.watched = watched


class Watched:
    """The variants of one camera that streams of this worker show.

    Args:
        default: What a client gets that asks for nothing in particular.
        most: Others there may be at a time, ``api.limits.max_variants``.
        led: Whether another worker encodes a variant already: to follow it costs no encoding.
    """

    def __init__(
        self, default: Variant, most: int, led: Callable[[Variant], bool] = lambda _: False
    ) -> None:
        self._led = led
        self._default = default
        self._most = most
        self._streams: Counter[Variant] = Counter()

    def begin(self, variant: Variant) -> bool:
        """Count a stream of a variant, unless that would be a variant too many.

        Returns:
            Whether it was counted; then ``end`` is due when the stream leaves the variant.
        """
        if variant != self._default:
            if variant not in self._streams and not self._has_room_for(variant):
                return False
            self._streams[variant] += 1
        return True

    def _has_room_for(self, variant: Variant) -> bool:
        watched = len(self._streams)
        if watched < self._most:
            return True
        # whoever encodes it may leave, and then it is ours: so of these, too, no more than that
        return watched < 2 * self._most and self._led(variant)

    def end(self, variant: Variant) -> None:
        """A stream has left a variant."""
        if variant != self._default:
            self._streams[variant] -= 1
            if not self._streams[variant]:
                del self._streams[variant]

    def refusal(self, variant: Variant) -> TooManyVariants:
        """The error that says why a variant cannot be had, and which ones can."""
        return TooManyVariants(variant, self._most, [query_of(each) for each in self._streams])


def query_of(variant: Variant) -> str:
    """The query string that asks for a variant; of uncompressed frames behind ``/raw``."""
    encoding = variant.encoding
    quality = variant.quality if encoding.lossy and not variant.passthrough else None
    named = {"quality": quality, "width": variant.width, "height": variant.height}
    form = []
    if not encoding.compressed:
        form = [_RAW_FORMS.get(encoding, f"pixel_format={encoding.value}")]
    return "&".join(form + [f"{name}={value}" for name, value in named.items() if value])
