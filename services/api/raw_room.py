"""How much memory clients of uncompressed frames may hold together.

Each client holds one frame at most: the one that it was sent last, or is being sent. Those who keep
up hold the same one; those who do not hold one each, and so does who asks for a single picture that
is not lossy, until it has all of it. So the clients' number bounds the memory, and who comes when
there is no more room for one is refused.
"""

from __future__ import annotations

from services.api.seat import Seat

__all__ = ["NoRoomForRaw", "RawRoom"]


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


class RawRoom:
    """The room that the uncompressed frames of one camera have in this worker.

    Args:
        limit_mb: ``api.limits.max_raw_mb``.
    """

    def __init__(self, limit_mb: int) -> None:
        self._limit_mb = limit_mb
        self._held_bytes = 0

    def hold(self, frame_bytes: int) -> Seat:
        """Take the room for a client's frame; to be left when the client needs it no more.

        Raises:
            NoRoomForRaw: There is none.
        """
        if self._held_bytes + frame_bytes > self._limit_mb * 2**20:
            raise NoRoomForRaw(self._held_bytes, frame_bytes, self._limit_mb)
        self._held_bytes += frame_bytes
        return Seat(lambda: self._give_back(frame_bytes))

    def _give_back(self, frame_bytes: int) -> None:
        self._held_bytes -= frame_bytes
