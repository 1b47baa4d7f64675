"""Every counter of the status document moves when its event is provoked, in a real worker."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

import numpy as np
import pytest

from shared.frame import Geometry, MonotonicNs, PixelFormat
from shared.naming import segment_paths
from shared.publisher import Publisher
from shared.ring.writer import RingWriter
from tests.support.audience import Viewer
from tests.support.mjpeg_client import MjpegClient
from tests.support.processes import wait_until
from tests.support.streams import STREAM, status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.processes import Api, Services

pytestmark = [pytest.mark.faults, pytest.mark.process, pytest.mark.e2e, pytest.mark.timeout(120)]

SIZE: Final = (640, 480)
GARBAGE: Final = np.frombuffer(b"\xff\xd8 no picture at all \xff\xd9", np.uint8)


class Camera:
    """A Video Module that does as it is told.

    Attributes:
        mood: "calm": 20 frames per second; "hurried": as many as go; "broken": JPEGs that are none;
            "silent": it lives and gives nothing.
    """

    def __init__(self, service: Services) -> None:
        self._paths = segment_paths(service.segment)
        self._leaving = threading.Event()
        self._noise = np.random.default_rng(1).integers(0, 255, (*SIZE[::-1], 3), np.uint8)
        self.mood = "calm"
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        """End the ring properly."""
        self._leaving.set()
        self._thread.join(20.0)

    def _run(self) -> None:
        with (
            RingWriter(self._paths, slots=2, label="test") as writer,
            Publisher(self._paths) as publisher,
        ):
            while not self._leaving.is_set():
                self._turn(writer, publisher)

    def _turn(self, writer: RingWriter, publisher: Publisher) -> None:
        writer.heartbeat()
        publisher.check()
        if self.mood == "broken":
            slot = writer.begin(Geometry(*SIZE, PixelFormat.JPEG), size_bytes=GARBAGE.nbytes)
            slot.payload[: GARBAGE.nbytes] = GARBAGE
            now = MonotonicNs(time.monotonic_ns())
            publisher.publish(writer.commit(slot, now, size_bytes=GARBAGE.nbytes))
        elif self.mood != "silent":
            slot = writer.begin(Geometry(*SIZE, PixelFormat.BGR24))
            slot.image[:] = self._noise
            publisher.publish(writer.commit(slot, MonotonicNs(time.monotonic_ns())))
        if self.mood != "hurried":
            self._leaving.wait(0.05)


@pytest.fixture
def camera(service: Services) -> Iterator[Camera]:
    camera = Camera(service)
    yield camera
    camera.stop()


def wait_for_more(api: Api, counter: str, than: int = 0) -> None:
    """Wait until a counter of the worker has moved, and the sum over all workers with it."""
    wait_until(lambda: status(api)[counter] > than, f"{counter} to move beyond {than}")
    if f"{counter}_total" in status(api):
        assert status(api)[f"{counter}_total"] > than


def test_every_counter_moves_when_its_event_is_provoked(service: Services, camera: Camera) -> None:
    api = service.api(api__workers=1).wait_ready()
    viewer = Viewer(api.url + STREAM + "?quality=50&fps=10")
    fast = Viewer(api.url + STREAM + "?quality=99&fps=60")
    wait_for_more(api, "sent")
    wait_for_more(api, "encoded")
    wait_for_more(api, "encode_seconds")
    wait_for_more(api, "skipped")  # 10 of 20 frames per second
    with MjpegClient(api.url + STREAM + "?quality=100", receive_buffer_bytes=4096):
        wait_for_more(api, "dropped")  # it reads nothing
    camera.mood = "silent"
    wait_for_more(api, "repeated", status(api)["repeated"])
    camera.mood = "broken"
    wait_for_more(api, "encode_errors", status(api)["encode_errors"])
    camera.mood = "hurried"
    wait_for_more(api, "overwritten", status(api)["overwritten"])
    camera.mood = "calm"
    attached = status(api)["attached"]
    camera.stop()
    again = Camera(service)
    try:
        wait_for_more(api, "attached", attached)
        assert not viewer.ended
        assert not fast.ended
    finally:
        viewer.leave()
        fast.leave()
        again.stop()
    assert "Traceback" not in api.said()


def test_client_that_reads_nothing_is_counted_as_stalled(service: Services, camera: Camera) -> None:
    api = service.api(api__workers=1, api__stream__stall_timeout_sec=1.0).wait_ready()
    assert camera.mood == "calm"
    with MjpegClient(api.url + STREAM + "?quality=100", receive_buffer_bytes=4096):
        wait_for_more(api, "stalled")
