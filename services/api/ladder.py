"""The ladder of ``quality=auto``: the same few variants for everybody, best first.

Fixed, so that clients on the same step share what is encoded: a quality worked out for each client
would be an encoding for each client. Each step takes about half the bytes of the one above it, or
less, whatever the source's size: small sources are made no smaller, but their quality goes down.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from services.api.variant import Variant

__all__ = ["ladder", "step_name"]

_LOWER: Final = ((65, None), (55, 1280), (50, 960), (40, 640), (30, 480))
"""Quality and longest edge in pixels. Of a 1080p picture with fine detail at quality 85 they take
0.62, 0.25, 0.13, 0.05 and 0.03 of the bytes."""


def ladder(top: Variant, least_quality: int) -> tuple[Variant, ...]:
    """The steps below what a client would get without ``auto``, that one first.

    Args:
        top: The first step; for a camera that gives JPEG, its own JPEG.
        least_quality: No step goes below, ``api.stream.quality.min_jpeg_quality``.

    Returns:
        At least one variant, none twice.
    """
    steps = [top]
    for quality, edge in _LOWER:
        step = replace(
            top,
            quality=max(least_quality, min(quality, top.quality)),
            width=_smaller(top.width, edge),
            height=_smaller(top.height, edge),
            passthrough=False,
        )
        if step not in steps and step != replace(top, passthrough=False):
            steps.append(step)
    return tuple(steps)


def step_name(step: Variant) -> str:
    """A step in words, for a header and the status: "85", "50 within 960 x 960"."""
    if step.width is None and step.height is None:
        return str(step.quality)
    return f"{step.quality} within {step.width or '-'} x {step.height or '-'}"


def _smaller(asked: int | None, edge: int | None) -> int | None:
    if asked is None or edge is None:
        return asked or edge
    return min(asked, edge)
