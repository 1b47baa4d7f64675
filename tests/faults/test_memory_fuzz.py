"""Segments and notifications of any bytes: no signal, no wrong picture, no error but ours."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pytest
import zmq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.frame import Epoch, MonotonicNs, Sequence
from shared.naming import segment_paths
from shared.notification import Notification
from shared.ring.reader import RingReader
from shared.ring.writer import RingWriter
from tests.shared.conftest import TINY
from tests.support.frames import draw_telling
from tests.support.processes import ROOT, wait_until
from tests.support.streams import STREAM, status
from tests.support.verifier import Verifier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.naming import SegmentPaths
    from tests.support.processes import Services

pytestmark = [pytest.mark.faults, pytest.mark.process, pytest.mark.slow, pytest.mark.timeout(180)]

EXAMPLES: Final = 2000
MESSAGES: Final = 100_000
SLOTS: Final = 4
FRAMES: Final = 6
PAGE: Final = 4096
TABLE_END: Final = PAGE + SLOTS * 192
CRC_AT: Final = 336
OUR_ERRORS: Final = {
    "FrameDamaged",
    "FrameOverwritten",
    "ProtocolError",
    "RingUnavailable",
    "SegmentDamaged",
}

places = st.integers(0, 639) | st.integers(PAGE, TABLE_END - 1) | st.sampled_from([384, 448, 512])
words = st.integers(0, TABLE_END // 8 - 1).map(lambda word: word * 8)
flips = st.tuples(places, st.binary(min_size=1, max_size=1))
numbers = st.sampled_from([0, 1, 2, 3, 4, 5, 6, 7, 2**31, 2**32 - 1, 2**63, 2**64 - 1])
whole_words = st.tuples(
    words | places.map(lambda place: place // 8 * 8),
    (numbers | st.integers(0, 2**64 - 1)).map(lambda number: struct.pack("<Q", number)),
)
runs = st.tuples(places, st.binary(min_size=2, max_size=400))
splices = st.tuples(places, places, st.integers(1, 400))
sizes = (
    st.none()
    | st.none()
    | st.none()
    | st.integers(0, PAGE * 16)
    | st.sampled_from([0, 1, PAGE, 2 * PAGE, 6 * PAGE])
)


class Looker:
    """A process that looks at mutated copies of a segment, see ``tests.support.looker``."""

    def __init__(self, paths: SegmentPaths) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.looker", str(paths.directory), paths.name],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.looks = self.delivered = 0
        self.errors: dict[str, int] = {}

    def look(self, **mutation: object) -> dict[str, Any]:
        """Have it look; it must answer, whatever the bytes are."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(mutation), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        assert line, f"ended with {self.process.wait(10)}"
        seen: dict[str, Any] = json.loads(line)
        self.looks += 1
        self.delivered += seen["delivered"]
        for error in seen["errors"]:
            self.errors[error] = self.errors.get(error, 0) + 1
        return seen

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait(10) == 0


@pytest.fixture(params=[False, True], ids=["without checksums", "with checksums"], scope="module")
def looker(request: pytest.FixtureRequest) -> Iterator[tuple[Looker, bytes, bool]]:
    """A writer of six frames in four slots, whose segment is copied and mutated."""
    checksums: bool = request.param
    folder = Path("/dev/shm") / f"ringcast-fuzz-{os.getpid()}-{int(checksums)}"  # noqa: S108
    folder.mkdir(mode=0o750)
    paths = segment_paths("camera", folder)
    with RingWriter(paths, slots=SLOTS, checksums=checksums, label="fuzz") as writer:
        for _ in range(FRAMES):
            slot = writer.begin(TINY)
            draw_telling(slot.image, slot.sequence)
            writer.commit(slot, MonotonicNs(slot.sequence))
        found = Looker(paths)
        assert found.look(changes=[], splices=[], size=None, late=False)["delivered"] == SLOTS
        yield found, paths.ring.read_bytes(), checksums
        found.close()
    folder.rmdir()


def sealed(content: bytes, changes: list[tuple[int, bytes]]) -> tuple[int, bytes]:
    """The change that makes the CRC of a changed header right again."""
    head = bytearray(content[:CRC_AT])
    for offset, value in changes:
        head[offset : offset + len(value)] = value
    return CRC_AT, struct.pack("<I", zlib.crc32(head[:CRC_AT]))


def test_mutated_segments_never_end_a_reader_nor_show_a_wrong_picture(
    looker: tuple[Looker, bytes, bool],
) -> None:
    found, content, checksums = looker

    @settings(
        max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(
        st.lists(flips | whole_words | runs, max_size=6),
        st.lists(splices, max_size=2),
        sizes,
        st.booleans(),
        st.booleans(),
    )
    def look(
        changes: list[tuple[int, bytes]],
        splicing: list[tuple[int, int, int]],
        size: int | None,
        late: bool,  # noqa: FBT001 - drawn
        good_crc: bool,  # noqa: FBT001 - drawn
    ) -> None:
        if good_crc and checksums:  # a header of somebody who knows how; only checksums tell then
            changes = [*changes, sealed(content, changes)]
        told = [(offset, value.hex()) for offset, value in changes]
        seen = found.look(changes=told, splices=splicing, size=size, late=late)
        assert seen["wrong"] == []
        assert set(seen["errors"]) <= OUR_ERRORS

    look()
    print(  # noqa: T201 - the numbers of docs/operating.md
        f"\n{found.looks} mutated segments looked at, {found.delivered} pictures delivered, 0 "
        f"wrong, 0 signals; refused: {found.errors}"
    )
    assert found.looks > EXAMPLES


class Thief:
    """Has a camera's notification socket before the Video Module does, and API workers on it.

    Attributes:
        sent: Messages sent so far.
    """

    def __init__(self, context: zmq.Context[Any], paths: SegmentPaths) -> None:
        self._paths = paths
        self._socket = context.socket(zmq.XPUB)
        self._socket.set_hwm(1000)
        self._socket.bind(paths.endpoint)
        self._chance = np.random.default_rng(7)
        self._thread = threading.Thread(target=self._flood, daemon=True)
        self._said_enough = threading.Event()
        self.sent = 0

    def wait_for_victim(self) -> None:
        assert self._socket.poll(30_000)
        assert self._socket.recv() == b"\x01" + self._paths.topic

    def flood(self) -> None:
        """Begin to send nonsense, in bursts, until ``stop``."""
        self._thread.start()

    def stop(self) -> None:
        self._said_enough.set()
        self._thread.join(20)

    def _flood(self) -> None:
        reader = RingReader.open(self._paths)
        epoch = reader.epoch
        reader.close()
        while not self._said_enough.wait(0.02):
            for _ in range(1000):
                self._send_nonsense(epoch)

    def _send_nonsense(self, epoch: Epoch) -> None:
        """One message that no publisher of ours sends."""
        chance, topic = self._chance, self._paths.topic
        kind = int(chance.integers(7))
        body = chance.bytes(int(chance.integers(0, 249)))
        at = MonotonicNs(1)
        if kind == 0:
            self._socket.send(topic + body)
        elif kind == 1:
            self._socket.send(body)  # of another topic, most likely
        elif kind == 2:
            self._socket.send_multipart([topic, body, b""])
        elif kind == 3:
            self._socket.send(Notification(topic, Epoch(1), Sequence(7), at).pack())
        elif kind == 4:  # whoever knows the epoch is listened to, and can only wake
            self._socket.send(Notification(topic, epoch, Sequence(2**63), at).pack())
        elif kind == 5:
            self._socket.send(Notification(topic, epoch, Sequence(7), at).pack()[:-1])
        else:
            self._socket.send(Notification(topic, epoch, Sequence(7), at).pack() + body[:200])
        self.sent += 1

    def send_too_long(self) -> None:
        self._socket.send(self._paths.topic + bytes(1000))

    def close(self) -> None:
        self._socket.close(linger=0)


@pytest.fixture
def thief(zmq_context: zmq.Context[Any], segment_name: str) -> Iterator[Thief]:
    found = Thief(zmq_context, segment_paths(segment_name))
    yield found
    found.close()


@pytest.mark.e2e
def test_a_flood_of_nonsense_from_a_stolen_socket_changes_nothing(
    thief: Thief, service: Services
) -> None:
    api = service.api()
    thief.wait_for_victim()
    service.video("pattern://320x240@30")
    wait_until(segment_paths(service.segment).ring.exists, "a ring")
    thief.flood()
    worker, slowest_s = api.wait_ready().worker().pid, 0.0
    with Verifier(api.url + STREAM) as client:
        client.wait_live_since(time.time())
        while thief.sent < MESSAGES:
            asked_s = time.monotonic()
            assert api.answers("/healthz") == 200
            slowest_s = max(slowest_s, time.monotonic() - asked_s)
        client.wait_live_since(time.time())
        flooded = status(api)
        thief.stop()
        thief.send_too_long()  # libzmq ends the connection, for good

        def only_good_ones() -> bool:
            before = status(api)
            client.wait_live_since(time.time(), frames=30)
            after = status(api)
            told = after["notifications"] - before["notifications"]
            return bool(told > 20 and after["refused"] == before["refused"])

        wait_until(only_good_ones, "notifications of the Video Module and no others")
    print(  # noqa: T201 - the numbers of docs/operating.md
        f"\n{thief.sent} messages sent, {flooded['notifications']} received, "
        f"{flooded['refused']} refused; slowest /healthz {slowest_s * 1000:.0f} ms; "
        f"{client.live} pictures checked, {len(client.wrong)} wrong"
    )
    assert client.wrong == []
    assert (client.connects, client.blanks) == (1, 0)
    assert api.worker().pid == worker
    assert 0 < flooded["refused"] <= flooded["notifications"]
    assert "Traceback" not in api.said()


@pytest.mark.e2e
def test_a_stolen_socket_that_says_nothing_is_left_for_the_right_one(
    thief: Thief, service: Services
) -> None:
    """Else the API would see four frames a second for ever: its connection is a good one."""
    api = service.api()
    thief.wait_for_victim()
    service.video("pattern://320x240@30")
    api.wait_ready()
    wait_until(lambda: status(api)["notifications"] > 30, "notifications")
