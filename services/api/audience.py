"""The clients of one camera in this worker: who they are, and what each is sent."""

from __future__ import annotations

from typing import Any, Final, Protocol

from services.api.breath import breathe
from services.api.counters import count_up

__all__ = ["FIELDS", "MOST_LISTED", "Audience", "Client"]

FIELDS: Final = (
    "id",
    "key",
    "address",
    "kind",
    "variant",
    "since",
    "fps",
    "sent",
    "sent_bytes",
    "dropped",
    "bitrate_bps",
    "advance_headers",
    "extra_headers",
    "dual_final_frames",
    "zero_data",
)
"""What is told of a client, in this order."""

MOST_LISTED: Final = 1000
"""Clients of a camera that a worker tells of: the newest; all are counted."""

_BREATH: Final = 64
"""Clients told of before the hub may look after others: that many take 0.2 ms."""


class Client(Protocol):
    """One stream's client.

    Attributes:
        id: Unlike that of any other stream of this host, now or later.
        key: What it calls itself; empty: nothing.
        address: Where it is.
        kind: ``mjpeg``, ``raw``, ``y4m`` or ``websocket``.
        variant: Name of what it is sent now; empty: nothing yet.
        since: When it came, seconds since 1970.
        sent: Parts written, repeats included.
        sent_bytes: Bytes written.
        dropped: Frames it was too slow for.
        advance_headers, extra_headers, dual_final_frames, zero_data: Whether it asked for them.
    """

    id: str
    key: str
    address: str
    kind: str
    variant: str
    since: float
    sent: int
    sent_bytes: int
    dropped: int
    advance_headers: bool
    extra_headers: bool
    dual_final_frames: bool
    zero_data: bool

    @property
    def fps(self) -> float:
        """Parts per second over the last two seconds."""
        ...

    @property
    def bitrate_bps(self) -> int:
        """Bits per second over the last two seconds."""
        ...


class Audience:
    """Who watches now. One per camera and worker.

    Attributes:
        entered: How many clients came so far.
    """

    def __init__(self) -> None:
        self.entered = 0
        self._clients: dict[str, Client] = {}

    def __len__(self) -> int:
        return len(self._clients)

    def enter(self, client: Client) -> None:
        """Add a client whose stream begins."""
        self._clients[client.id] = client
        self.entered += 1

    def leave(self, client: Client) -> None:
        """Take a client out; again is harmless."""
        self._clients.pop(client.id, None)

    def rows(self, most: int = MOST_LISTED) -> list[list[Any]]:
        """``FIELDS`` of the newest clients, the oldest of them first; others have a turn meanwhile.

        Args:
            most: How many.
        """
        rows = []
        for count, client in enumerate(list(self._clients.values())[-most:] if most else (), 1):
            rows.append([_told(getattr(client, name)) for name in FIELDS])
            if count % _BREATH == 0:
                breathe()
        return rows

    def by_variant(self) -> dict[str, int]:
        """How many there are of each variant; at most 64 of them, the rest as ``OTHER``."""
        counts: dict[str, int] = {}
        for client in self._clients.values():
            count_up(counts, client.variant)
        return counts


def _told(value: object) -> object:
    return round(value, 3) if isinstance(value, float) else value
