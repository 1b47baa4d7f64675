"""Somebody with the writer's rights damages its segment: clients see live frames again.

Never a wrong one. Who is inside the memory at the moment when it is cut is ended by SIGBUS; then a
supervisor starts it anew, which is this test for the Video Module, and gunicorn for a worker.
"""

from __future__ import annotations

import os
import re
import signal
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import numpy as np
import pytest

from shared.ring.layout import State, Word
from tests.support.processes import wait_until
from tests.support.streams import STREAM
from tests.support.verifier import Verifier

if TYPE_CHECKING:
    from tests.support.processes import Api, Child, Services

pytestmark = [
    pytest.mark.faults,
    pytest.mark.process,
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.timeout(180),
]

SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - the kernel's own tmpfs, not a temp file
CHANCE: Final = np.random.default_rng()
ROUNDS: Final = 4
PAGE: Final = 4096
TABLE_BYTES: Final = 8 * 192
STATE_AT: Final = Word.STATE * 8
HEAD_AT: Final = Word.HEAD * 8
HEARTBEAT_AT: Final = Word.HEARTBEAT * 8

Damage = Callable[[Path], None]


def resize(factor: float) -> Damage:
    def act(ring: Path) -> None:
        os.truncate(ring, int(ring.stat().st_size * factor))

    return act


def empty_and_extend(ring: Path) -> None:
    """The size is right again, all content is gone, and no memory is taken."""
    with ring.open("r+b", buffering=0) as file:  # the name may soon be another segment's
        size = os.fstat(file.fileno()).st_size
        file.truncate(0)
        file.truncate(size)


def scribble(at: int, content: Callable[[], bytes]) -> Damage:
    def act(ring: Path) -> None:
        with ring.open("r+b", buffering=0) as file:
            file.seek(at)
            file.write(content())

    return act


def noise_all_over(ring: Path) -> None:
    with ring.open("r+b", buffering=0) as file:
        file.write(CHANCE.bytes(ring.stat().st_size))


def put_back(ring: Path) -> None:
    """Everything as it was half a second ago: all stamps and checksums are right, but old."""
    then = ring.read_bytes()
    threading.Event().wait(0.5)
    with ring.open("r+b", buffering=0) as file:
        file.write(then)


DAMAGES: Final[dict[str, tuple[Damage, ...]]] = {
    "size": (resize(0.0), resize(0.5), resize(1.5), empty_and_extend),
    "header": (
        scribble(0, lambda: CHANCE.bytes(PAGE)),
        scribble(0, lambda: bytes(PAGE)),
        scribble(STATE_AT, lambda: CHANCE.bytes(8)),
        scribble(STATE_AT, lambda: struct.pack("<Q", State.RETIRED)),
        scribble(HEAD_AT, lambda: CHANCE.bytes(8)),
        scribble(HEARTBEAT_AT, lambda: CHANCE.bytes(8)),
    ),
    "contents": (
        scribble(PAGE, lambda: CHANCE.bytes(TABLE_BYTES)),
        scribble(PAGE, lambda: bytes(TABLE_BYTES)),
        noise_all_over,
        put_back,
    ),
}


class Supervised:
    """A Video Module that is started anew when a signal has ended it.

    Attributes:
        deaths: How often that was.
    """

    def __init__(self, service: Services, source: str) -> None:
        self._service = service
        self._source = source
        self._child: Child = service.video(source)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.deaths: list[int] = []

    def _run(self) -> None:
        while not self._over.wait(0.02):
            code = self._child.process.poll()
            if code is not None:
                self.deaths.append(code)
                self._child = self._service.video(self._source)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._over.set()
        self._thread.join(20.0)


def worker_deaths(api: Api) -> int:
    """How many of its workers SIGBUS has ended."""
    return len(re.findall(r"Worker \(pid:\d+\) was sent SIGBUS", api.said()))


class Toll:
    """What a series of damages has cost.

    Attributes:
        recovered: How long after each damage a frame captured after it had arrived, seconds.
        checked: Live pictures that clients have checked.
        wrong: Those that were wrong.
        connects: Connections that clients made.
        workers: Workers of the API that SIGBUS ended.
    """

    def __init__(self) -> None:
        self.recovered: list[float] = []
        self.checked = 0
        self.wrong: list[str] = []
        self.connects = 0
        self.workers = 0

    def say(self, what: str, video: Supervised) -> None:
        """Print the numbers for docs/operating.md."""
        print(  # noqa: T201
            f"\n{what}: {len(self.recovered) // 2} times, live again after "
            f"{min(self.recovered):.2f} to {max(self.recovered):.2f} s, {self.checked} pictures "
            f"checked, {len(self.wrong)} wrong, {self.connects} connections of 2 clients; SIGBUS "
            f"ended the Video Module {len(video.deaths)} times, a worker {self.workers} times"
        )


def inflict(service: Services, video: Supervised, acts: tuple[Damage, ...]) -> Toll:
    """Damage the segment in one way after the other, each time until both see new frames."""
    ring = SHARED_MEMORY / f"{service.segment}.ring"
    api, toll = service.api().wait_ready(), Toll()
    pause = threading.Event()
    with Verifier(api.url + STREAM) as plain, Verifier(f"{api.url}{STREAM}?width=320") as small:
        for act in acts:
            wait_until(ring.exists, "a segment")
            pause.wait(CHANCE.uniform(0.05, 0.15))
            act(ring)
            at_s = time.time()
            toll.recovered += [plain.wait_live_since(at_s), small.wait_live_since(at_s)]
    toll.checked, toll.wrong = plain.live + small.live, plain.wrong + small.wrong
    toll.connects, toll.workers = plain.connects + small.connects, worker_deaths(api)
    assert toll.wrong == []
    assert set(video.deaths) <= {-signal.SIGBUS}
    assert toll.connects == 2 or toll.workers > 0, "only a worker's end ends a stream"
    return toll


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_segment_is_replaced_and_no_client_sees_a_wrong_picture(
    service: Services, kind: str
) -> None:
    with Supervised(service, "pattern://640x480@30") as video:
        inflict(service, video, DAMAGES[kind] * ROUNDS).say(kind, video)


def test_who_is_inside_when_the_segment_is_cut_is_started_again(service: Services) -> None:
    """With 1080p, writer and encoder are inside a good part of the time."""
    with Supervised(service, "pattern://1920x1080@30") as video:
        inflict(service, video, (resize(0.0),) * 12).say("cut, 1080p", video)
