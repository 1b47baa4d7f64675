"""The Video Module is killed, stopped, restarted and fed rubbish under streams that stay open."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from shared.naming import segment_paths
from shared.ring.reader import RingReader
from tests.shared.ring.actors import Doom
from tests.support.faulty_video import SIZES
from tests.support.mjpeg_server import MjpegServer
from tests.support.pictures import number_in, telling_jpeg
from tests.support.processes import Services, wait_until
from tests.support.streams import STREAM, assert_telling, assert_whole, decoded
from tests.support.witness import Witness

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shared.multipart import Part
    from tests.support.processes import Api, Child

pytestmark = [pytest.mark.faults, pytest.mark.process, pytest.mark.e2e, pytest.mark.timeout(120)]

QUICK_RETRY: Final = {"video__retry__initial_sec": 0.2, "video__retry__max_sec": 0.4}
FAULTY: Final = "tests.support.faulty_video"
SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - the real tmpfs


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """One API for all tests of this file, as it is in life: it outlives many Video Modules."""
    services = Services(tmp_path_factory.mktemp("faults"), f"test-video-{random.getrandbits(40):x}")
    try:
        yield services
    finally:
        services.stop()
        left = list(SHARED_MEMORY.glob(f"{services.segment}*"))
        for path in left:
            path.unlink()
        assert [path.name for path in left] == []


@pytest.fixture(scope="module")
def api(services: Services) -> Api:
    services.video().wait_for_log("segment")
    api = services.api().wait_ready()
    services.children[0].stop()
    return api


@pytest.fixture
def start(services: Services, api: Api) -> Iterator[Callable[..., Child]]:
    """Start a Video Module beside the API; ended properly afterwards, and nothing is left of it."""
    wait_until(lambda: api.answers("/readyz") == 503, "the last one to be missed")
    before = len(services.children)
    yield services.video
    for child in services.children[before:]:
        child.stop()
    left = [path.name for path in SHARED_MEMORY.glob(f"{services.segment}.*")]
    assert left == []


@pytest.fixture
def stream(api: Api) -> str:
    return api.url + STREAM


def wait_live(api: Api) -> None:
    """Wait until a new client would see frames: the API has found the ring, and one in it."""
    wait_until(lambda: api.answers(f"{STREAM}/frame") == 200, "a frame")


def doomed(point: str, **more: str) -> dict[str, str]:
    return {"FAULT_POINT": point, **more}


@pytest.mark.parametrize("point", Doom.IN_FRAME)
def test_killed_at_any_point_of_a_frame_it_is_blank_and_then_live_again(
    start: Callable[..., Child], api: Api, stream: str, point: str
) -> None:
    victim = start(program=FAULTY, variables=doomed(point))
    wait_live(api)
    die_and_come_back(start, stream, victim)


@pytest.mark.parametrize("point", Doom.IN_CREATE)
def test_killed_at_any_point_of_a_larger_segments_creation_it_is_live_again(
    start: Callable[..., Child], api: Api, stream: str, point: str
) -> None:
    victim = start(program=FAULTY, variables=doomed(point, FAULT_GROWS="1"))
    wait_live(api)
    die_and_come_back(start, stream, victim)


def die_and_come_back(start: Callable[..., Child], stream: str, victim: Child) -> None:
    with Witness(stream) as witness:
        witness.wait_frames(5, "before the kill")
        epoch = witness.epoch
        victim.signal(signal.SIGUSR1)
        assert victim.wait() == -signal.SIGKILL
        witness.wait_blank()
        start()
        witness.wait_epoch_after(epoch)
        witness.wait_frames(5, "after the restart")


@pytest.mark.parametrize("point", Doom.IN_CREATE[:-1])
def test_killed_at_any_point_of_the_first_segments_creation_the_next_start_works(
    start: Callable[..., Child], api: Api, stream: str, point: str
) -> None:
    """The last point, "before retire", is not reached where there is no segment before."""
    first = start()
    wait_live(api)
    with Witness(stream) as witness:
        witness.wait_frames(5, "before")
        epoch = witness.epoch
        first.kill()
        victim = start(program=FAULTY, variables=doomed(point, FAULT_WHEN="start"))
        assert victim.wait() == -signal.SIGKILL
        witness.wait_blank()
        start()
        witness.wait_epoch_after(epoch)
        witness.wait_frames(5, "after the restart")


@pytest.mark.slow
def test_stopped_for_five_seconds_it_is_frozen_or_blank_and_then_live_again(
    start: Callable[..., Child], api: Api, stream: str
) -> None:
    """SIGSTOP, for longer than the watchdog would let it hang."""
    video = start(video__hang_timeout_sec=2)
    wait_live(api)
    with Witness(stream) as witness:
        witness.wait_frames(5, "before")
        epoch = witness.epoch
        video.signal(signal.SIGSTOP)
        awake_s = time.monotonic() + 5.0
        witness.wait_blank()
        wait_until(lambda: time.monotonic() >= awake_s, "the end of the pause")
        video.signal(signal.SIGCONT)
        witness.wait_frames(60, "after it was woken")
        assert witness.epoch == epoch
    assert video.process.poll() is None
    assert "hangs" not in video.said()


@pytest.mark.slow
def test_restarts_with_another_size_format_and_number_of_slots_keep_the_stream(
    start: Callable[..., Child], api: Api, stream: str
) -> None:
    with MjpegServer(lambda number: telling_jpeg(number, 400, 304)) as server:
        lives: tuple[tuple[str, dict[str, object]], ...] = (
            ("pattern://640x360@30", {"video__ring__slots": 3}),
            (server.url, {}),
            (server.url, {"video__passthrough": False, "video__ring__slots": 2}),
            ("pattern://320x240@30", {"video__ring__slots": 64}),
        )
        video = start("pattern://480x270@30")
        wait_live(api)
        seen = []
        with Witness(stream, assert_whole) as witness:
            witness.wait_frames(5, "before")
            for source, settings in lives:
                epoch = witness.epoch
                assert video.stop() == 0
                video = start(source, **settings)
                witness.wait_epoch_after(epoch)
                witness.wait_frames(40, f"of {source}")
                assert witness.newest is not None
                seen.append([witness.newest.headers[name] for name in ("x-size", "x-quality")])
    sizes = ["640x360", "400x304", "400x304", "320x240"]
    assert [size for size, _ in seen] == sizes
    assert [quality == "camera" for _, quality in seen] == [False, True, False, False]


def test_of_ten_started_at_once_one_lives_and_the_others_say_why(
    start: Callable[..., Child], api: Api, stream: str
) -> None:
    crowd = [start() for _ in range(10)]
    wait_until(lambda: sum(child.process.poll() is None for child in crowd) == 1, "one to be left")
    losers = [child for child in crowd if child.process.poll() is not None]
    assert [child.process.returncode for child in losers] == [1] * 9
    assert all("another Video Module already writes this camera" in c.said() for c in losers)
    assert not any("Traceback" in child.said() for child in losers)
    wait_live(api)
    with Witness(stream) as witness:
        witness.wait_frames(5, "of the winner")
        epoch = witness.epoch
        late = [start() for _ in range(3)]
        assert [child.wait() for child in late] == [1] * 3
        witness.wait_frames(5, "in spite of the late ones")
        assert witness.epoch == epoch
        assert witness.blanks == 0


def test_source_that_is_unplugged_and_back_keeps_the_stream(
    start: Callable[..., Child], api: Api, stream: str
) -> None:
    with MjpegServer(telling_jpeg) as server:
        start(server.url, **QUICK_RETRY)
        wait_live(api)
        witness = Witness(stream, assert_whole)
        witness.__enter__()
        witness.wait_frames(5, "before")
        epoch = witness.epoch
    witness.wait_blank()
    with MjpegServer(telling_jpeg, port=server.port):
        witness.wait_frames(5, "after it is back")
        assert witness.epoch == epoch
        witness.__exit__(None)


def test_source_that_falls_silent_inside_a_picture_is_lost_and_opened_again(
    start: Callable[..., Child], api: Api, stream: str
) -> None:
    with MjpegServer(telling_jpeg, stall_after=20) as server:
        video = start(f"{server.url}?stall=inside", video__read_timeout_sec=1, **QUICK_RETRY)
        wait_live(api)
        with Witness(stream, assert_whole) as witness:
            witness.wait_frames(5, "before")
            witness.wait_blank()
            witness.wait_frames(5, "of the next connection")
        video.wait_for_log("ended the stream, or sent nothing for 1 s; next try in 0.[12]")
    assert len(server.requests) >= 2


def rubbish_amid(number: int) -> bytes:
    """Two of seven pictures are damaged: one is no JPEG, one is cut off."""
    jpeg = telling_jpeg(number)
    return {2: b"garbage" * 100, 5: jpeg[: len(jpeg) * 2 // 3]}.get(number % 7, jpeg)


@pytest.mark.parametrize("passthrough", [True, False])
def test_damaged_pictures_are_dropped_counted_and_never_shown(
    start: Callable[..., Child],
    api: Api,
    stream: str,
    services: Services,
    passthrough: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    def assert_good(part: Part) -> None:
        assert_whole(part)
        number = number_in(decoded(part))
        assert number is not None
        assert number % 7 not in {2, 5}

    with MjpegServer(rubbish_amid) as server:
        video = start(server.url, video__passthrough=passthrough)
        wait_live(api)
        with Witness(stream, assert_good) as witness:
            witness.wait_frames(60)
            assert witness.blanks == 0
        reader = RingReader.open(segment_paths(services.segment))
        assert reader.dropped >= 60 // 7 * 2
        reader.close()
        assert len(server.requests) == 1, "it was not opened again"
    assert "it is not a JPEG" in video.said()


@pytest.mark.slow
def test_a_hundred_random_changes_of_raw_pictures_size_show_no_wrong_frame(
    start: Callable[..., Child], api: Api, stream: str
) -> None:
    start("pattern://640x360@50", program=FAULTY, variables={"FAULT_SIZES": "4711"})
    wait_live(api)
    check = Changes(assert_telling)
    with Witness(stream, check) as witness:
        wait_until(lambda: check.changes >= 100 or witness.ended is not None, "changes", 60.0)
    assert len(check.sizes) == len(SIZES)


def test_a_hundred_random_changes_of_jpegs_size_show_no_wrong_frame(
    start: Callable[..., Child], api: Api, stream: str
) -> None:
    choice = random.Random(4711)  # noqa: S311 - to be the same every time
    jpegs = [telling_jpeg(number, *choice.choice(SIZES)) for number in range(200)]
    with MjpegServer(lambda number: jpegs[number % 200], fps=40) as server:
        start(server.url)
        wait_live(api)
        check = Changes(assert_whole)
        with Witness(stream, check) as witness:
            wait_until(lambda: check.changes >= 100 or witness.ended is not None, "changes", 60.0)
    assert len(check.sizes) == len(SIZES)


class Changes:
    """A check that also counts how often the size changed."""

    def __init__(self, check: Callable[[Part], None]) -> None:
        self.changes = 0
        self.sizes: set[str] = set()
        self._check = check
        self._last = ""

    def __call__(self, part: Part) -> None:
        size = part.headers["x-size"]
        self.changes += size != self._last
        self._last = size
        self.sizes.add(size)
        self._check(part)
