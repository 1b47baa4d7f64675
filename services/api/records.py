"""What a worker tells of its cameras beside plain numbers, and keeps of those that have gone.

By camera: what was encoded by variant, by whoever had the worker's place before as well, and the
chronicle of its frames. Cameras are named by their sheets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from services.api.chronicle import Chronicle
from services.api.counters import MOST_NAMES, count_up

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.api.camera import Camera

__all__ = ["Records"]

_GONE_KEPT: Final = 512
"""Cameras that have gone of which is told, for when they come again."""


class Records:
    """The records of one worker.

    Args:
        encoded: What those before it have encoded, by camera and variant.
        chronicles: The longest that anybody has told, by camera.
    """

    def __init__(
        self, encoded: Mapping[str, Mapping[str, int]], chronicles: Mapping[str, Chronicle]
    ) -> None:
        self._encoded = {sheet: dict(counts) for sheet, counts in encoded.items()}
        self._chronicles = dict(chronicles)

    def see(self, sheet: str, camera: Camera) -> None:
        """Write into a camera's chronicle how far its ring is, if it has any frame."""
        if camera.feed.newest is not None:
            camera.tell(self._chronicles.setdefault(sheet, Chronicle()))

    def keep(self, sheet: str, camera: Camera) -> None:
        """A camera goes: what was recorded of it is kept for when it comes again."""
        self.see(sheet, camera)
        encoded = self._encoded_of(sheet, camera, MOST_NAMES)
        chronicle = self._chronicles.get(sheet)
        self.forget(sheet)
        if encoded:
            self._encoded[sheet] = encoded
        if chronicle is not None:
            self._chronicles[sheet] = chronicle  # as the newest of those that have gone

    def forget(self, sheet: str) -> None:
        """A camera goes that does not come again."""
        self._encoded.pop(sheet, None)
        self._chronicles.pop(sheet, None)

    def document(self, cameras: Mapping[str, Camera], names: int) -> dict[str, Any]:
        """What there is to tell: ``encoded``, ``seen`` and ``watching``, each by camera.

        Args:
            cameras: Those there are.
            names: Variants of a camera that are told apart; the rest is ``OTHER``.
        """
        self._forget_oldest(cameras)
        return {
            "encoded": {
                sheet: self._encoded_of(sheet, cameras.get(sheet), names)
                for sheet in dict.fromkeys([*self._encoded, *cameras])
            },
            "seen": {sheet: each.document() for sheet, each in self._chronicles.items()},
            "watching": {
                sheet: _fewer(camera.audience.by_variant(), names)
                for sheet, camera in cameras.items()
            },
        }

    def _encoded_of(self, sheet: str, camera: Camera | None, names: int) -> dict[str, int]:
        counts = _fewer(self._encoded.get(sheet, {}), names)
        for variant, encoded in camera.counters.variants.items() if camera else ():
            count_up(counts, variant, encoded, names)
        return counts

    def _forget_oldest(self, cameras: Mapping[str, Camera]) -> None:
        for kept in (self._encoded, self._chronicles):
            for oldest in [each for each in kept if each not in cameras][:-_GONE_KEPT]:
                del kept[oldest]


def _fewer(counts: Mapping[str, int], names: int) -> dict[str, int]:
    """The same with at most so many names, and ``OTHER``."""
    fewer: dict[str, int] = {}
    for name, count in counts.items():
        count_up(fewer, name, count, names)
    return fewer
