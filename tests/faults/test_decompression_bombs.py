"""Pictures that claim to be immense are refused before they are decoded, wherever they are from."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final, Self

import cv2
import numpy as np
import pytest

from shared.frame import Geometry, MonotonicNs, PixelFormat
from shared.naming import segment_paths
from shared.ring.reader import RingReader
from shared.ring.writer import RingWriter
from tests.support.mjpeg_client import get
from tests.support.mjpeg_server import MjpegServer
from tests.support.pictures import claiming, number_in, telling_jpeg, write_h264, write_mjpeg
from tests.support.processes import wait_until
from tests.support.streams import STREAM, assert_whole, picture
from tests.support.witness import Witness

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.processes import Child, Services

pytestmark = [
    pytest.mark.faults,
    pytest.mark.process,
    pytest.mark.e2e,
    pytest.mark.timeout(120),
]

MIB: Final = 2**20
ROOM: Final = 100 * MIB
"""What a process may take more at its worst; the valid bomb is 150 MiB to FFmpeg, 412 as BGR."""
CLAIMS: Final = ((30_000, 30_000), (65_500, 65_500), (12_000, 12_000))


def solid_bomb() -> bytes:
    """A whole and valid JPEG of 12000x12000 gray pixels, 144 million, in half a megabyte."""
    done, data = cv2.imencode(".jpg", np.full((12_000, 12_000), 128, np.uint8))
    assert done
    return bytes(data)


def peak_bytes(child: Child) -> int:
    """The most memory that the process ever had."""
    with open(f"/proc/{child.process.pid}/status", encoding="ascii") as lines:  # noqa: PTH123
        (peak,) = (line.split()[1] for line in lines if line.startswith("VmHWM"))
    return int(peak) * 1024


@pytest.fixture(scope="module")
def bombs() -> list[bytes]:
    claimed = [claiming(telling_jpeg(1), width, height) for width, height in CLAIMS]
    return [*claimed, solid_bomb()]


@pytest.mark.parametrize("passthrough", [True, False])
@pytest.mark.parametrize("kind", ["http", "file"])
def test_bombs_amid_pictures_are_dropped_and_counted(
    service: Services,
    bombs: list[bytes],
    tmp_path: Path,
    kind: str,
    passthrough: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    def mixed(number: int) -> bytes:
        return bombs[number // 3 % 4] if number % 3 == 2 else telling_jpeg(number)

    with MjpegServer(mixed) as server:
        source = server.url
        if kind == "file":
            source = str(tmp_path / "bombs.avi")
            write_mjpeg(tmp_path / "bombs.avi", [mixed(number) for number in range(24)], fps=30)
        video = service.video(source, video__passthrough=passthrough)
        api = service.api().wait_ready()
        before = peak_bytes(video)
        with Witness(api.url + STREAM, assert_whole) as witness:
            witness.wait_frames(50)
            assert witness.blanks == 0
        assert peak_bytes(video) < before + ROOM
        reader = RingReader.open(segment_paths(service.segment))
        assert reader.dropped >= 50 // 3
        reader.close()
    assert "pixels, more than video.max_pixels (100000000)" in video.said()


def test_bombs_alone_are_no_signal_with_the_reason(service: Services, bombs: list[bytes]) -> None:
    with MjpegServer(lambda number: bombs[number % 4]) as server:
        video = service.video(server.url, video__stall_timeout_sec=0.5)
        video.wait_for_log("nothing but damaged pictures for .* s; next try in ")
        assert peak_bytes(video) < 200 * MIB
        assert "claims 30000x30000 pixels, more than video.max_pixels" in video.said()


@pytest.mark.parametrize("passthrough", [True, False])
def test_source_that_announces_more_than_is_allowed_is_refused_at_opening(
    service: Services,
    tmp_path: Path,
    passthrough: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    clip = tmp_path / "clip.mp4"
    write_h264(clip, 3, 30)
    settings = {"video__max_pixels": 320 * 240 - 1, "video__passthrough": passthrough}
    video = service.video(str(clip), **settings)  # type: ignore[arg-type]  # settings by name
    video.wait_for_log(r"320x240 pixels, more than video\.max_pixels \(76799\); next try in ")
    assert video.process.poll() is None


def test_pattern_beyond_the_limit_is_a_setting_to_correct(service: Services) -> None:
    video = service.video("pattern://320x240@30", video__max_pixels=1000)
    assert video.wait() == 2
    assert "has more pixels than video.max_pixels allows (1000)" in video.said()


class Writing(threading.Thread):
    """Stands where the Video Module does, and writes the same JPEG as frames of 320x240.

    Attributes:
        jpeg: What it writes; may be changed at any time.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.jpeg = telling_jpeg(1)
        self._name = name
        self._stopping = threading.Event()

    def run(self) -> None:
        with RingWriter(segment_paths(self._name), slots=4) as writer:
            while not self._stopping.wait(0.02):
                jpeg = np.frombuffer(self.jpeg, np.uint8)
                slot = writer.begin(Geometry(320, 240, PixelFormat.JPEG), MIB)
                slot.payload[: jpeg.size] = jpeg
                writer.commit(slot, MonotonicNs(time.monotonic_ns()), size_bytes=jpeg.size)
                del slot

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self.join()


def test_bomb_in_the_ring_is_an_encode_error_of_the_api(
    service: Services, bombs: list[bytes]
) -> None:
    """Whoever wrote it: the API believes no JPEG's word about its own size."""
    with Writing(service.segment) as writing:
        api = service.api()
        wait_until(lambda: api.answers(f"{STREAM}/frame?quality=50") == 200, "the API")
        before = api.worker().memory_info().rss
        for bomb in bombs:
            writing.jpeg = bomb
            wait_until(lambda: api.answers(f"{STREAM}/frame?quality=50") == 500, "the refusal")
        _, _, body = get(f"{api.url}{STREAM}/frame?quality=50")
        assert b"claims 12000x12000 pixels, not 320x240" in body
        assert api.worker().memory_info().rss < before + ROOM
        writing.jpeg = telling_jpeg(7)
        wait_until(lambda: api.answers(f"{STREAM}/frame?quality=50") == 200, "a picture again")
        _, _, body = get(f"{api.url}{STREAM}/frame?quality=50")
        assert number_in(picture(body)) == 7
