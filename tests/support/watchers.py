"""Clients that are only listed: nothing is sent to them."""

from __future__ import annotations

from services.api.client import Client
from services.api.variant import StreamOptions, Variant

__all__ = ["watcher"]


def watcher(name: str, variant: str = "q85p", *, key: str = "", kind: str = "mjpeg") -> Client:
    """A client at 192.0.2.7.

    Args:
        name: Unlike any other's.
        variant: What it watches.
        key: What it calls itself.
        kind: Of its stream.
    """
    client = Client(name, "192.0.2.7", kind, StreamOptions(Variant(85), 30.0, key=key))
    client.variant = variant
    return client
