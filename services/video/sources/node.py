"""What this node is called among others: by that a loop of nodes that relay each other is found."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from shared.settings_schema import VideoSettings

__all__ = ["node_name"]

_OTHERS: Final = re.compile(r"[^A-Za-z0-9._-]+")
_MAX_NAME: Final = 64


def node_name(video: VideoSettings) -> str:
    """``video.relay.node``, or the host's name and the segment's: ``gate-3/billiards_video``."""
    if video.relay.node is not None:
        return video.relay.node
    host = _OTHERS.sub("-", socket.gethostname()).lstrip("._-") or "node"
    segment = video.shared_memory_name
    return f"{host[: max(1, _MAX_NAME - 1 - len(segment))]}/{segment}"[:_MAX_NAME]
