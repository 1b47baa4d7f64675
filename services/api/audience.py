"""The clients of one camera in this worker: who they are, and what each is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.api.client import Client

__all__ = ["Audience"]


class Audience:
    """Who watches now. One per camera and worker."""

    def __init__(self) -> None:
        self._clients: dict[str, Client] = {}

    def enter(self, client: Client) -> None:
        """Add a client whose stream begins."""
        self._clients[client.id] = client

    def leave(self, client: Client) -> None:
        """Take a client out; again is harmless."""
        self._clients.pop(client.id, None)

    def clients(self) -> list[Client]:
        """Everybody, who came first being first."""
        return list(self._clients.values())
