"""Every setting once: name, type, default, allowed range and what it is for.

The dotted keys of the specification are the names (``video.shared_memory_name``). How values get
in here is the business of ``settings.py``; ``docs/configuration.md`` is generated from the fields.
Needs the extra ``settings`` (pydantic).
"""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from .naming import DEFAULT_DIRECTORY, DEFAULT_NAME, segment_paths

__all__ = ["DEFAULT_CAMERA", "ApiSettings", "LoggingSettings", "StreamSettings", "VideoSettings"]

DEFAULT_CAMERA: Final = "video"
_CAMERA_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")

Seconds = Annotated[float, Field(gt=0, le=3600)]


def _check_order(section: BaseModel, *fields: str) -> None:
    """Refuse values that do not rise in the order of ``fields``; unset ones do not count."""
    values = [(name, getattr(section, name)) for name in fields]
    known = [(name, value) for name, value in values if value is not None]
    for (low_name, low), (high_name, high) in pairwise(known):
        if low > high:
            msg = f"{low_name} {low} is above {high_name} {high}"
            raise ValueError(msg)


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class RingSettings(_Section):
    """``video.ring``: the size of the shared-memory ring."""

    slots: int = Field(
        8,
        ge=2,
        le=64,
        description="Frames the ring holds. A reader that works on pixels in place has "
        "(slots - 1) frame intervals before they are overwritten.",
    )
    reserve_mb: int = Field(
        16,
        ge=0,
        le=65536,
        description="MiB that must stay free in the shared memory directory beside the ring; the "
        "ring is not made otherwise.",
    )


class FileSettings(_Section):
    """``video.file``: video files as a source."""

    loop: bool = Field(
        default=True,
        description="Start a file over when it ends; false ends the Video Module with exit code 0.",
    )


class DeviceSettings(_Section):
    """``video.device``: what to ask of a camera; what it really gives is logged."""

    width: int | None = Field(None, ge=1, le=16384, description="Wanted pixels per row.")
    height: int | None = Field(None, ge=1, le=16384, description="Wanted rows.")
    fps: float | None = Field(None, gt=0, le=1000, description="Wanted frames per second.")
    pixel_format: str | None = Field(
        None, pattern=r"^[A-Z0-9]{4}$", description="Wanted FourCC, for example MJPG or YUYV."
    )


class RetrySettings(_Section):
    """``video.retry``: how often a lost source is tried again."""

    initial_sec: Seconds = Field(
        1.0, description="Pause before the first new try, seconds; doubles with every further one."
    )
    max_sec: Seconds = Field(30.0, description="Longest pause between two tries, seconds.")

    @model_validator(mode="after")
    def _ordered(self) -> RetrySettings:
        _check_order(self, "initial_sec", "max_sec")
        return self


class VideoSettings(_Section):
    """``video``: the Video Module, and where its frames lie."""

    use_shared_memory: bool = Field(
        default=False,
        description="What /stream/video serves: true the Video Module's shared memory, false "
        "(legacy mode) a capture that the API starts by itself.",
    )
    shared_memory_name: str = Field(
        DEFAULT_NAME,
        description="Name of the camera's segment, lock and socket; a different one per camera.",
    )
    shared_memory_directory: Path = Field(
        DEFAULT_DIRECTORY,
        description="Directory of those three files, and of those of sizes and qualities being "
        "watched, which the API writes; should be on a tmpfs.",
    )
    shared_memory_attach_timeout_sec: float = Field(
        5.0,
        ge=0,
        le=3600,
        description="How long a reader waits for the Video Module before it calls it not running.",
    )
    source: str = Field(
        "pattern://1920x1080@30",
        min_length=1,
        description="Where pictures come from: pattern://WIDTHxHEIGHT@FPS, a file, "
        "v4l2:/dev/video0, a bare camera number, rtsp://… or http://… (MJPEG). Short form "
        "VIDEO_SOURCE; VIDEO_FILE names a file.",
    )
    open_timeout_sec: Seconds = Field(
        5.0, description="How long a network source may take to answer, seconds."
    )
    read_timeout_sec: Seconds = Field(
        5.0,
        description="How long a network source may be silent before it counts as lost, seconds.",
    )
    stall_timeout_sec: Seconds = Field(
        2.0,
        description="Silence of the source after which the no-signal frame is shown, seconds; two "
        "periods of a source that is slower than that.",
    )
    passthrough: bool = Field(
        default=True,
        description="Keep the JPEGs of a source that gives JPEG (MJPG cameras, MJPEG files and "
        "streams) as they are; false decodes them, for vision modules that read pixels in place.",
    )
    ring: RingSettings = RingSettings()
    file: FileSettings = FileSettings()
    device: DeviceSettings = DeviceSettings()
    retry: RetrySettings = RetrySettings()

    @field_validator("shared_memory_name")
    @classmethod
    def _name_is_possible(cls, name: str) -> str:
        segment_paths(name)
        return name


class QualitySettings(_Section):
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
        _check_order(self, "min_jpeg_quality", "default_jpeg_quality", "max_jpeg_quality")
        return self


class FramerateSettings(_Section):
    """``api.stream.framerate``: frames per second a client may ask for."""

    default_fps: float = Field(
        30, gt=0, le=240, description="Frames per second when the client names none."
    )
    min_fps: float = Field(1, gt=0, le=240, description="Lowest rate a client may ask.")
    max_fps: float = Field(60, gt=0, le=240, description="Highest rate a client may ask.")

    @model_validator(mode="after")
    def _ordered(self) -> FramerateSettings:
        _check_order(self, "min_fps", "default_fps", "max_fps")
        return self


class ResolutionSettings(_Section):
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
        _check_order(self, "default_width", "max_width")
        _check_order(self, "default_height", "max_height")
        return self


class PerformanceSettings(_Section):
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


class StreamSettings(_Section):
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


class ApiSettings(_Section):
    """``api``: the HTTP server."""

    host: str = Field("127.0.0.1", min_length=1, description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="TCP port; 0 takes a free one.")
    workers: int = Field(
        0,
        ge=0,
        le=64,
        description="Worker processes; 0: one for every two cores, 1 to 4. A frame is encoded once "
        "for all of them.",
    )
    drain_timeout_sec: int = Field(
        8, ge=1, le=600, description="How long SIGTERM waits for answers under way, seconds."
    )
    cameras: dict[str, str] = Field(
        default_factory=dict,
        description="Further cameras as a JSON object, camera name to segment name: "
        '{"door": "door_ring"} serves /stream/door. The camera named video always exists.',
    )
    stream: StreamSettings = StreamSettings()

    @field_validator("cameras")
    @classmethod
    def _cameras_are_possible(cls, cameras: dict[str, str]) -> dict[str, str]:
        for camera, segment in cameras.items():
            if _CAMERA_NAME.fullmatch(camera) is None:
                msg = f"camera name {camera!r} is not valid: 1 to 64 characters of A-Z a-z 0-9 _ -"
                raise ValueError(msg)
            if camera == DEFAULT_CAMERA:
                msg = f"camera name {camera!r} is taken: it is video.shared_memory_name's"
                raise ValueError(msg)
            segment_paths(segment)
        return cameras


class LoggingSettings(_Section):
    """``logging``: what every process writes to standard error."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = Field(
        "INFO", description="Least severe level that is written. Short form LOG_LEVEL."
    )
    format: Literal["text", "json"] = Field(
        "text", description="Readable lines, or one JSON object per line."
    )

    @field_validator("level", mode="before")
    @classmethod
    def _any_case(cls, level: object) -> object:
        return level.upper() if isinstance(level, str) else level
