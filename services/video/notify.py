"""What systemd wants to hear from a service of ``Type=notify``: sd_notify(3), in a few lines.

A notification is one datagram to the AF_UNIX socket that ``$NOTIFY_SOCKET`` names. Without that
variable nobody listens and nothing is sent, so the capture loop need not know who supervises it.
``WATCHDOG=1`` comes from the capture loop itself and not from a thread beside it, which would go on
saying that all is well while the loop hangs.

Source: sd_notify(3), sd_watchdog_enabled(3).
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Notifier"]

_PER_INTERVAL: Final = 4
"""Signs of life per ``WatchdogSec``; systemd advises two at least."""
_US_PER_S: Final = 1e6


class Notifier:
    """Tells systemd how the service is; used by the capture loop's thread alone.

    Args:
        address: Of the socket, ``/path`` or ``@abstract``; None: nobody listens.
        watchdog_s: How often systemd wants a sign of life, seconds; None: not at all.
    """

    def __init__(self, address: str | None = None, watchdog_s: float | None = None) -> None:
        self._address = address
        self._interval_s = None if watchdog_s is None else watchdog_s / _PER_INTERVAL
        self._alive_due_s = float("-inf")
        self._is_ready = False
        self._status = ""
        self._socket: socket.socket | None = None
        if address:
            flags = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
            self._socket = socket.socket(socket.AF_UNIX, flags)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Self:
        """The one that systemd asks for; the process's own variables if no others are given."""
        environ = os.environ if environ is None else environ
        interval_us = environ.get("WATCHDOG_USEC", "")
        for_us = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        watchdog_s = int(interval_us) / _US_PER_S if interval_us.isdecimal() and for_us else 0.0
        return cls(environ.get("NOTIFY_SOCKET"), watchdog_s or None)

    def turned(self, now_s: float, status: str | None) -> None:
        """The capture loop has made a turn.

        Args:
            now_s: Any steady clock, seconds.
            status: What it shows, for ``systemctl status``; None while there is nothing in the
                ring. The first one also says that the service is ready.
        """
        words = []
        if self._interval_s is not None and now_s >= self._alive_due_s:
            words.append("WATCHDOG=1")
        if status is not None and not self._is_ready:
            words.append("READY=1")
        if status is not None and status != self._status:
            words.append(f"STATUS={status}".replace("\n", " "))
        if not words or not self._send(words):
            return
        if self._interval_s is not None and words[0] == "WATCHDOG=1":
            self._alive_due_s = now_s + self._interval_s
        if status is not None:
            self._is_ready, self._status = True, status

    def stopping(self, why: str) -> None:
        """The service begins to end."""
        self._send(["STOPPING=1", f"STATUS=ending: {why}"])

    def close(self) -> None:
        """Let the socket go; more than once is harmless."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _send(self, words: list[str]) -> bool:
        """Say it; False: systemd did not take it, and may be told again."""
        if self._socket is None or not self._address:
            return True
        # A leading @ stands for the zero byte of Linux's abstract names.
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        try:
            self._socket.sendto("\n".join(words).encode(), address)
        except OSError:  # full or gone: no picture may wait for it
            return False
        return True
