"""The settings of mosaics: how large they are, how often composed, how many may be watched.

A part of ``settings_api.py``. Needs the extra ``settings`` (pydantic).
"""

from __future__ import annotations

from pydantic import Field

from .settings_schema import Section

__all__ = ["MosaicSettings"]


class MosaicSettings(Section):
    """``api.mosaic``: several cameras in one picture, ``/stream/mosaic``."""

    width: int = Field(
        1280,
        ge=160,
        le=7680,
        description="Width of a mosaic, pixels, and the most it is high: tiles are 16:9. Clients "
        "may ask for it smaller.",
    )
    fps: float = Field(
        15,
        gt=0,
        le=60,
        description="How often a mosaic is composed at most, per second; it is only when one of "
        "its cameras has a new frame.",
    )
    max: int = Field(
        4,
        ge=1,
        le=100,
        description="Different mosaics composed at a time, by all workers together; who asks for "
        "a further one gets 429 and the list of those there are.",
    )
