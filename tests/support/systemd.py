"""Stands where systemd does: a datagram socket that hears what a service notifies."""

from __future__ import annotations

import socket

__all__ = ["NotifyListener"]


class NotifyListener:
    """One notification socket.

    Args:
        address: ``/path`` or ``@abstract``, as in ``$NOTIFY_SOCKET``.

    Attributes:
        address: The same.
        socket: Ours, bound to it.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        self.socket.settimeout(0.0)

    def heard(self) -> list[list[str]]:
        """The lines of every notification since this was asked last."""
        messages = []
        while True:
            try:
                messages.append(self.socket.recv(4096).decode().split("\n"))
            except BlockingIOError:
                return messages
