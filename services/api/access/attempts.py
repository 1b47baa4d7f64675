"""Wrong credentials by client address: counted, said in the log, and answered more shortly.

Each of the first ten of a minute has its line, which a watcher such as fail2ban can count; further
ones get 429 and none. IPv6 addresses are counted by network of 64 bits, of which one client has as
many addresses as it likes. Each worker counts for itself.
"""

from __future__ import annotations

import logging
import math
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from services.api.access.proxies import one_client
from shared.repeats import EACH

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LIMIT", "WINDOW_S", "Attempts"]

log = logging.getLogger(__name__)

LIMIT: Final = 10
WINDOW_S: Final = 60.0
_CAPACITY: Final = 4096


@dataclass(slots=True)
class _Window:
    began_s: float
    count: int = 0


class Attempts:
    """The wrong attempts of the last minute; who was heard of longest ago is forgotten.

    Args:
        clock: Monotonic, seconds.
        capacity: Most addresses that are remembered.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, capacity: int = _CAPACITY
    ) -> None:
        self._clock = clock
        self._capacity = capacity
        self._windows: OrderedDict[str, _Window] = OrderedDict()

    def __len__(self) -> int:
        return len(self._windows)

    def failed(self, address: str, what: str) -> int | None:
        """Count a wrong attempt.

        Args:
            address: Of the client.
            what: What was wrong, for the log; nothing that the client has sent.

        Returns:
            Seconds until the count starts anew, if there were too many; None: not yet.
        """
        now = self._clock()
        network = one_client(address)
        window = self._windows.pop(network, None)
        if window is None or now - window.began_s >= WINDOW_S:
            window = _Window(now)
        self._windows[network] = window
        if len(self._windows) > self._capacity:
            self._windows.popitem(last=False)
        window.count += 1
        if window.count <= LIMIT:
            log.warning("access refused to %s: %s", address, what, extra=EACH)
            return None
        if window.count == LIMIT + 1:
            log.warning(
                "access refused to %s: more than %d wrong attempts within %d s; further ones get "
                "429 and no line",
                *(address, LIMIT, WINDOW_S),
            )
        return max(1, math.ceil(window.began_s + WINDOW_S - now))
