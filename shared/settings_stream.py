"""The settings of the MJPEG streams: what clients may ask for, and what they get by default.

A part of ``settings_api.py``. Needs the extra ``settings`` (pydantic).
"""

from __future__ import annotations

from pydantic import Field, model_validator

from .settings_schema import Seconds, Section, check_order

__all__ = ["StreamSettings"]


class QualitySettings(Section):
    """``api.stream.quality``: JPEG quality a client may ask for."""

    default_jpeg_quality: int = Field(
        85,
        ge=1,
        le=100,
        description="JPEG quality when the client names none; JPEGs that are passed through keep "
        "the quality they have.",
    )
    min_jpeg_quality: int = Field(1, ge=1, le=100, description="Lowest quality a client may ask.")
    max_jpeg_quality: int = Field(
        100, ge=1, le=100, description="Highest quality a client may ask."
    )

    @model_validator(mode="after")
    def _ordered(self) -> QualitySettings:
        check_order(self, "min_jpeg_quality", "default_jpeg_quality", "max_jpeg_quality")
        return self


class FramerateSettings(Section):
    """``api.stream.framerate``: frames per second a client may ask for."""

    default_fps: float = Field(
        30, gt=0, le=240, description="Frames per second when the client names none."
    )
    min_fps: float = Field(1, gt=0, le=240, description="Lowest rate a client may ask.")
    max_fps: float = Field(60, gt=0, le=240, description="Highest rate a client may ask.")

    @model_validator(mode="after")
    def _ordered(self) -> FramerateSettings:
        check_order(self, "min_fps", "default_fps", "max_fps")
        return self


class ResolutionSettings(Section):
    """``api.stream.resolution``: sizes a client may ask for; frames are never enlarged."""

    max_width: int = Field(7680, ge=16, le=65535, description="Largest width a client may ask.")
    max_height: int = Field(4320, ge=16, le=65535, description="Largest height a client may ask.")
    default_width: int | None = Field(
        None,
        ge=16,
        le=65535,
        description="Width when the client names no size; none: the source's.",
    )
    default_height: int | None = Field(
        None,
        ge=16,
        le=65535,
        description="Height when the client names no size; none: the source's.",
    )

    @model_validator(mode="after")
    def _ordered(self) -> ResolutionSettings:
        check_order(self, "default_width", "max_width")
        check_order(self, "default_height", "max_height")
        return self


class PerformanceSettings(Section):
    """``api.stream.performance``: tuning of one worker."""

    encoder_threads: int = Field(
        0,
        ge=0,
        le=64,
        description="JPEG encoder threads per worker; 0: the cores less one, 1 to 4. With more "
        "than one a large frame is encoded in stripes.",
    )
    zero_copy: bool = Field(
        default=True,
        description="Send large parts by splice, which copies nothing; false writes them.",
    )
    repeat_after_sec: float = Field(
        1.0,
        ge=0.1,
        le=60,
        description="Silence after which the last part is sent again: browsers paint late, and "
        "dead connections show.",
    )


class StreamSettings(Section):
    """``api.stream``: the MJPEG streams."""

    quality: QualitySettings = QualitySettings()
    framerate: FramerateSettings = FramerateSettings()
    resolution: ResolutionSettings = ResolutionSettings()
    performance: PerformanceSettings = PerformanceSettings()
    video_loss_grace_sec: float = Field(
        10.0,
        ge=0,
        le=3600,
        description="How long a stream shows the no-signal frame after the Video Module is gone, "
        "before it ends.",
    )
    stall_timeout_sec: Seconds = Field(
        10.0, description="A client that takes no byte for so long is disconnected, seconds."
    )
