"""Every setting once: name, type, default, allowed range and what it is for.

Here those of the Video Module and of all processes; the API's stand in ``settings_api.py``.

The dotted keys of the specification are the names (``video.shared_memory_name``). How values get
in here is the business of ``settings.py``; ``docs/configuration.md`` is generated from the fields.
Needs the extra ``settings`` (pydantic).
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from .naming import DEFAULT_DIRECTORY, DEFAULT_NAME, segment_paths

__all__ = [
    "DeviceSettings",
    "LoggingSettings",
    "RetrySettings",
    "Seconds",
    "Section",
    "VideoSettings",
    "check_order",
]

Seconds = Annotated[float, Field(gt=0, le=3600)]


def check_order(section: BaseModel, *fields: str) -> None:
    """Refuse values that do not rise in the order of ``fields``; unset ones do not count."""
    values = [(name, getattr(section, name)) for name in fields]
    known = [(name, value) for name, value in values if value is not None]
    for (low_name, low), (high_name, high) in pairwise(known):
        if low > high:
            msg = f"{low_name} {low} is above {high_name} {high}"
            raise ValueError(msg)


class Section(BaseModel):
    """A group of settings; frozen, and a name that is not in it is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class RingSettings(Section):
    """``video.ring``: the size of the shared-memory ring."""

    slots: int = Field(
        8,
        ge=2,
        le=64,
        description="Frames the ring holds. A reader that works on pixels in place has (slots - "
        "1) frame intervals before they are overwritten.",
    )
    checksums: bool = Field(
        default=False,
        description="For finding faults: the writer stores a CRC-32 with every frame, readers "
        "compare it and streams send it as X-CRC32. Costs about 1.3 ms per uncompressed 1080p "
        "frame and reader.",
    )
    reserve_mb: int = Field(
        16,
        ge=0,
        le=65536,
        description="MiB that must stay free in the shared memory directory beside the ring; the "
        "ring is not made otherwise.",
    )


class FileSettings(Section):
    """``video.file``: video files as a source."""

    loop: bool = Field(
        default=True,
        description="Start a file over when it ends; false ends the Video Module with exit code 0.",
    )


class DeviceSettings(Section):
    """``video.device``: what to ask of a camera; what it really gives is logged."""

    width: int | None = Field(None, ge=1, le=16384, description="Wanted pixels per row.")
    height: int | None = Field(None, ge=1, le=16384, description="Wanted rows.")
    fps: float | None = Field(None, gt=0, le=1000, description="Wanted frames per second.")
    pixel_format: str | None = Field(
        None, pattern=r"^[A-Z0-9]{4}$", description="Wanted FourCC, for example MJPG or YUYV."
    )


class RetrySettings(Section):
    """``video.retry``: how often a lost source is tried again."""

    initial_sec: Seconds = Field(
        1.0, description="Pause before the first new try, seconds; doubles with every further one."
    )
    max_sec: Seconds = Field(30.0, description="Longest pause between two tries, seconds.")

    @model_validator(mode="after")
    def _ordered(self) -> RetrySettings:
        check_order(self, "initial_sec", "max_sec")
        return self


class RelaySettings(Section):
    """``video.relay``: another node of Ringcast as the source, its frames passed on as they are."""

    node: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$",
        description="What this node is called in the X-Hops of its streams, by which loops are "
        "found: a different name for each. The host's name, a slash and "
        "video.shared_memory_name where it is not set.",
    )
    token: SecretStr | None = Field(
        None,
        description="Bearer token for the other node, of a scope that may view streams. Or user "
        "and password in video.source.",
    )
    token_file: Path | None = Field(
        None, description="File that holds that token; read anew for each connection."
    )
    connect_timeout_sec: Seconds = Field(
        1.0, description="How long a connection to the other node may take, seconds."
    )
    silence_timeout_sec: Seconds = Field(
        2.0,
        description="How long the other node may be silent before it is connected to again, "
        "seconds; it repeats its last picture every second.",
    )
    longest_pause_sec: Seconds = Field(
        0.5, description="Longest pause between two tries to connect to the other node, seconds."
    )

    @model_validator(mode="after")
    def _one_token(self) -> RelaySettings:
        if self.token is not None and self.token_file is not None:
            msg = "token and token_file are both given: leave one away"
            raise ValueError(msg)
        return self


class VideoSettings(Section):
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
        repr=False,  # it may hold a password
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
    max_pixels: int = Field(
        100_000_000,
        ge=1,
        le=4_294_836_225,
        description="Largest picture that is accepted, width times height. A JPEG that claims "
        "more is dropped before anything is decoded.",
    )
    hang_timeout_sec: Seconds = Field(
        30.0,
        description="How long the source, or the capture loop, may hang in one call, beyond what "
        "that may rightly take (a network's timeouts, a slow file's pace), before the Video Module "
        "ends with exit code 1 for its supervisor to start it anew, seconds.",
    )
    ring: RingSettings = RingSettings()
    file: FileSettings = FileSettings()
    device: DeviceSettings = DeviceSettings()
    retry: RetrySettings = RetrySettings()
    relay: RelaySettings = RelaySettings()

    @field_validator("shared_memory_name")
    @classmethod
    def _name_is_possible(cls, name: str) -> str:
        segment_paths(name)
        return name


class LoggingSettings(Section):
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
