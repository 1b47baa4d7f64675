"""How much memory clients of uncompressed frames may hold together.

Each client holds one frame at most: the one that it was sent last, or is being sent. Those who keep
up hold the same one; those who do not hold one each. So the clients' number bounds the memory, and
who comes when there is no more room for one is refused.
"""

from __future__ import annotations

__all__ = ["NoRoomForRaw", "check_room"]


class NoRoomForRaw(Exception):  # noqa: N818 - named after the state
    """One more client might hold more memory than uncompressed frames may take.

    Attributes:
        limit_mb: How much they may take.
    """

    def __init__(self, held_bytes: int, frame_bytes: int, limit_mb: int) -> None:
        super().__init__(
            f"The clients of uncompressed frames may hold {held_bytes / 2**20:.0f} MiB already; "
            f"a frame of {frame_bytes / 2**20:.1f} MiB more is over api.limits.max_raw_mb="
            f"{limit_mb}. Ask for a smaller width, for pixel_format=gray8, or try again later."
        )
        self.limit_mb = limit_mb


def check_room(held_bytes: int, frame_bytes: int, limit_mb: int) -> None:
    """Refuse a client for whose frame there is no room.

    Args:
        held_bytes: What the clients there are may hold.
        frame_bytes: What one more would.
        limit_mb: ``api.limits.max_raw_mb``, of one camera in one worker.

    Raises:
        NoRoomForRaw: It would be too much.
    """
    if held_bytes + frame_bytes > limit_mb * 2**20:
        raise NoRoomForRaw(held_bytes, frame_bytes, limit_mb)
