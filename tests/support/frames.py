"""Telling frames: every pixel of frame N is derived from N, from its place and from the shape.

So a frame that is torn, stale, swapped, shifted or of another size shows by looking at any eight
bytes of it. Eight bytes are one little-endian word: ``number * A + place * B + shape * C``.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["draw_telling", "is_telling", "number_told", "telling_image"]

_MASK: Final = 2**64 - 1
_NUMBER: Final = 0x9E3779B97F4A7C15  # odd, so that the number can be computed back
_PLACE: Final = 0xD6E8FEB86659FD93
_SHAPE: Final = 0xC2B2AE3D27D4EB4F


@functools.lru_cache(maxsize=64)
def _places(words: int) -> NDArray[np.uint64]:
    return np.arange(words, dtype=np.uint64) * np.uint64(_PLACE)


def _shape_term(shape: tuple[int, ...]) -> int:
    return functools.reduce(lambda term, axis: (term * 65599 + axis) * _SHAPE & _MASK, shape, 1)


def telling_image(shape: tuple[int, ...], number: int) -> NDArray[np.uint8]:
    """Frame ``number`` as a fresh ``uint8[*shape]``."""
    size = math.prod(shape)
    term = (number * _NUMBER + _shape_term(shape)) & _MASK
    words: NDArray[np.uint64] = _places(-(-size // 8)) + np.uint64(term)
    return words.view(np.uint8)[:size].reshape(shape)


def draw_telling(image: NDArray[np.uint8], number: int) -> None:
    """Draw frame ``number`` into ``image``, which has its shape, in place."""
    image[...] = telling_image(image.shape, number)


def is_telling(image: NDArray[np.uint8], number: int) -> bool:
    """Whether every pixel says that this is frame ``number``, whole and unmoved."""
    return bool(np.array_equal(image, telling_image(image.shape, number)))


def number_told(image: NDArray[np.uint8]) -> int:
    """Read the number from the first eight bytes alone."""
    word = int.from_bytes(image.reshape(-1)[:8].tobytes(), "little")
    return (word - _shape_term(image.shape)) * pow(_NUMBER, -1, 2**64) & _MASK
