"""Who else is there: groups that come and go, clients that abort, and who asks for single answers.

All of them draw from one repeatable chance. The groups are load clients, processes of their own, so
that a crowd costs this program nothing.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import struct
import subprocess
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Final

from benchmarks.load import Group
from benchmarks.processes import BUILD, STREAM

if TYPE_CHECKING:
    import random

__all__ = ["Aborters", "Crowd", "Pollers"]

QUERIES: Final = (
    *("", "?quality=50", "?width=320", "?fps=5", "?advance_headers=1"),
    *("?quality=auto", "?quality=auto&fps=10"),
)
_SLOW_SHARE: Final = 0.2
_CUT_SHARE: Final = 0.1
_LONGEST_STAY_S: Final = 40.0
_MOST_GROUPS: Final = 8
_MOST_IN_GROUP: Final = 12
_RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER with no patience: close() sends RST, as a killed browser tab does."""
_ASKED: Final = (
    *(f"{STREAM}/status", f"{STREAM}/frame", f"{STREAM}/frame?quality=40&width=320"),
    *("/healthz", "/readyz", "/cameras", "/", "/favicon.ico"),
)
_EVERY_S: Final = 0.25
_ANSWER_TIMEOUT_S: Final = 10.0
_EXPECTED: Final = (200, 429, 503)


class Crowd:
    """Groups of clients, each a load client of its own that stays for a while and then leaves."""

    def __init__(self, port: int, chance: random.Random) -> None:
        self._port = port
        self._chance = chance
        self._present: dict[subprocess.Popen[bytes], int] = {}
        self.came = 0

    @property
    def size(self) -> int:
        """Clients that are there."""
        return sum(self._present.values())

    def stir(self) -> None:
        """Forget who has left; now and then let some in, or cut some off in the middle."""
        self._present = {child: n for child, n in self._present.items() if child.poll() is None}
        if len(self._present) < _MOST_GROUPS and self._chance.random() < 0.5:  # noqa: PLR2004
            self._let_in()
        elif self._present and self._chance.random() < _CUT_SHARE:
            self._chance.choice(list(self._present)).kill()

    def _let_in(self) -> None:
        slow = self._chance.random() < _SLOW_SHARE
        clients = self._chance.randint(1, _MOST_IN_GROUP)
        path = STREAM + self._chance.choice(QUERIES)
        group = Group("all", clients, path, rate=50_000 * slow, rcvbuf=8192 * slow)
        stay_s = self._chance.uniform(1.0, _LONGEST_STAY_S)
        command = [str(BUILD / "load_client"), "--port", str(self._port), "--warmup", "0"]
        command += ["--seconds", f"{stay_s:.1f}", "--group", group.argument()]
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
        self._present[child] = clients
        self.came += clients

    def leave(self) -> None:
        """Everybody at once."""
        for child in self._present:
            child.kill()
            child.wait()
        self._present = {}


class Aborters:
    """Clients that break off with a reset: at once, within the request, or within a picture."""

    def __init__(self, port: int, chance: random.Random) -> None:
        self._port = port
        self._chance = chance
        self._present: list[tuple[float, socket.socket]] = []
        self.came = 0

    def stir(self) -> None:
        """Break off who has been there long enough; let up to three more in."""
        now = time.monotonic()
        for until_s, client in self._present:
            if until_s <= now:
                client.close()
        self._present = [one for one in self._present if one[0] > now]
        for _ in range(self._chance.randint(0, 3)):
            with contextlib.suppress(OSError):  # nobody listens, or all are busy: try another time
                self._let_in(now + self._chance.choice((0.0, 0.05, 0.3, 2.0)))

    def _let_in(self, until_s: float) -> None:
        path = STREAM + self._chance.choice((*QUERIES, "/frame"))
        request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n\r\n".encode()
        client = socket.create_connection(("127.0.0.1", self._port), timeout=1.0)
        self._present.append((until_s, client))
        self.came += 1
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        client.sendall(request[: self._chance.choice((0, 9, len(request), len(request)))])

    def leave(self) -> None:
        """Everybody at once."""
        for _, client in self._present:
            client.close()
        self._present = []


class Pollers(threading.Thread):
    """Asks for snapshots, status and pages, four times a second.

    Attributes:
        answers: How often each status code came; 0: none did, as while a worker is being replaced.
        unexpected: Answers that are neither 200 nor "not now", the first few of them.
    """

    def __init__(self, port: int, chance: random.Random) -> None:
        super().__init__(name="pollers", daemon=True)
        self.answers: Counter[int] = Counter()
        self.unexpected: list[str] = []
        self._port = port
        self._chance = chance
        self._leaving = threading.Event()

    def run(self) -> None:
        """Ask until ``leave``."""
        while not self._leaving.wait(_EVERY_S):
            path = self._chance.choice(_ASKED)
            code = self._ask(path)
            self.answers[code] += 1
            if code and code not in _EXPECTED:
                self.unexpected.append(f"{code} for {path}")

    def leave(self) -> None:
        """Ask no more."""
        self._leaving.set()
        self.join(2 * _ANSWER_TIMEOUT_S)

    def _ask(self, path: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_ANSWER_TIMEOUT_S)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            return 0
        else:
            return answer.status
        finally:
            connection.close()
