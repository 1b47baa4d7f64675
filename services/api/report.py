"""What the status document says about a camera, as one worker sees it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from services.api.camera import Camera
    from services.api.fanout import Fanout
    from shared.frame import FrameInfo
    from shared.ring.attachment import Attachment

__all__ = ["about_source", "about_worker"]


def about_source(camera: Camera, attachment: Attachment) -> dict[str, Any]:
    """Say how the camera fares: the same in every worker, but for the moment it is asked.

    Args:
        camera: The camera.
        attachment: To its ring.
    """
    newest, reader, fresh = camera.feed.newest, attachment.reader, camera.fresh()
    age_ms = camera.feed.age_ms()
    return {
        "camera": camera.name,
        "online": camera.shows(),
        "reason": (newest.reason if newest and fresh else "") or camera.why(),
        "condition": str(attachment.condition),
        "why": camera.why(),
        "advice": camera.advice(),
        "source": reader.label if reader else None,
        "width": newest.geometry.width if newest else None,
        "height": newest.geometry.height if newest else None,
        "pixel_format": newest.geometry.pixel_format.name if newest else None,
        "fps": round(camera.feed.fps(), 2) if fresh else 0.0,
        "frame_number": newest.origin_sequence if newest else None,
        "epoch": str(newest.origin_epoch) if newest else None,
        "ring_epoch": str(newest.epoch) if newest else None,
        "age_ms": round(age_ms, 1) if age_ms is not None else None,
        "source_ms": _source_ms(newest) if newest else None,
        "source_dropped": reader.dropped if reader else None,
        "relay": camera.origin().status(reader.label) if reader else None,
    }


def about_worker(camera: Camera, fanouts: list[Fanout]) -> dict[str, Any]:
    """Say what this worker has done for the camera's clients, and does now.

    Args:
        camera: The camera.
        fanouts: Of the variants that are watched.
    """
    renditions = [fanout.rendition for fanout in fanouts]
    return {
        "worker": os.getpid(),
        "clients": camera.clients(),
        **camera.count().numbers(),
        "leads": [each.suffix for each in renditions if each.leads],
        "follows": [each.suffix for each in renditions if each.follows],
        "auto": {each.rendition.suffix: each.adaptive for each in fanouts if each.adaptive},
    }


def _source_ms(info: FrameInfo) -> float:
    """What the source took to decode a frame and lay it into the ring, milliseconds."""
    return round((info.published_at - info.captured_at) / 1e6, 2)
