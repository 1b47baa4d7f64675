"""A client behind a narrow line: it takes its bytes at a given rate, whatever is there."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Self

from tests.support.mjpeg_client import MjpegClient

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.multipart import Part

__all__ = ["ShapedReader"]

_SIP_BYTES = 8192
_BUFFER_BYTES = 16384


class ShapedReader:
    """Reads a stream at a limited rate, in the caller's thread.

    Args:
        url: Of the stream.
        bytes_per_s: The limit; may be set anew at any time.

    Attributes:
        bytes_per_s: The limit.
        parts: All it has received.
        headers: The response's header fields, names in lower case.
    """

    def __init__(self, url: str, bytes_per_s: float) -> None:
        self._client = MjpegClient(url, receive_buffer_bytes=_BUFFER_BYTES)
        self.bytes_per_s = bytes_per_s
        self.parts: list[Part] = []
        self.headers = self._client.headers

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._client.close()

    def read(self, duration_s: float, until: Callable[[Part], bool] = lambda _: False) -> bool:
        """Read for so long, or until a part is what is waited for; says whether it came."""
        pause = threading.Event()
        started_at, last = time.monotonic(), time.monotonic()
        allowance = 0.0
        while (now := time.monotonic()) - started_at < duration_s:
            # never more in hand than one sip: a line does not save up what was not used
            allowance = min(allowance + (now - last) * self.bytes_per_s, 2.0 * _SIP_BYTES)
            last = now
            if allowance < _SIP_BYTES:
                pause.wait((_SIP_BYTES - allowance) / self.bytes_per_s)
                continue
            allowance -= _SIP_BYTES
            part = self._client.sip(_SIP_BYTES)
            if part is not None:
                self.parts.append(part)
                if until(part):
                    return True
        return False

    def rate(self, last_s: float) -> float:
        """Frames per second of late."""
        now = time.monotonic()
        return sum(part.received_at > now - last_s for part in self.parts) / last_s
