"""Where pictures come from: one class per kind of source, chosen by ``video.source``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from services.video.sources.address import Kind, classify
from services.video.sources.device import DeviceSource
from services.video.sources.file import FileSource
from services.video.sources.http_stream import HttpStreamSource
from services.video.sources.network import NetworkSource
from services.video.sources.node import node_name
from services.video.sources.pattern import PatternSource, parse_pattern
from services.video.sources.source import (
    Grab,
    PictureResized,
    PictureUnreadable,
    Source,
    Wait,
)
from services.video.sources.upstream import is_stream_address
from shared.errors import ConfigError

if TYPE_CHECKING:
    from shared.settings_schema import VideoSettings

__all__ = ["Grab", "PictureResized", "PictureUnreadable", "Source", "Wait", "open_source"]


def open_source(settings: VideoSettings, wait: Wait = time.sleep) -> Source:
    """Make the source that ``video.source`` names; it is not opened yet.

    Args:
        settings: The ``video`` section.
        wait: How sources with a pace of their own sleep; ``Event.wait`` of the event that stops
            the service, so that a slow pace does not delay the end.

    Raises:
        ConfigError: The setting names no kind of source there is.
    """
    try:
        address = classify(settings.source)
        match address.kind:
            case Kind.PATTERN:
                return _pattern(address.target, settings.max_pixels, wait)
            case Kind.FILE:
                return FileSource(
                    Path(address.target),
                    loop=settings.file.loop,
                    wait=wait,
                    passthrough=settings.passthrough,
                    max_pixels=settings.max_pixels,
                )
            case Kind.DEVICE:
                return DeviceSource(
                    Path(address.target),
                    settings.device,
                    passthrough=settings.passthrough,
                    max_pixels=settings.max_pixels,
                )
            case Kind.NETWORK:
                camera = NetworkSource(
                    address.target,
                    open_timeout_s=settings.open_timeout_sec,
                    read_timeout_s=settings.read_timeout_sec,
                    passthrough=settings.passthrough,
                    max_pixels=settings.max_pixels,
                )
                if not is_stream_address(address.target):
                    return camera
                return HttpStreamSource(address.target, node_name(settings), settings, camera)
    except ValueError as error:
        raise ConfigError([f"video.source: {error}"]) from None


def _pattern(url: str, max_pixels: int, wait: Wait) -> PatternSource:
    spec = parse_pattern(url)
    if spec.width * spec.height > max_pixels:
        msg = f"{url!r} has more pixels than video.max_pixels allows ({max_pixels})"
        raise ValueError(msg)
    return PatternSource(spec, wait)
