"""The supervisor as its operator meets it: real cameras, killed, hung, changed, ended."""

from __future__ import annotations

import json
import signal
import urllib.request
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from shared.naming import segment_paths
from tests.support.pictures import write_h264
from tests.support.supervised import WAIT_S, Supervised, are_gone
from tests.support.tls import make_certificate
from tests.support.video import Watcher, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SMALL = "pattern://128x96@20"


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Supervised]:
    with Supervised(tmp_path) as started:
        yield started


@pytest.mark.process
@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_both_services_and_leaves_nothing(
    run: Supervised, number: signal.Signals, tmp_path: Path
) -> None:
    with urllib.request.urlopen(run.wait_until_ready(), timeout=WAIT_S) as page:
        assert page.status == 200
    services = run.services()
    run.process.send_signal(number)
    assert run.wait() == 0
    assert are_gone(services)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.process
@pytest.mark.e2e
@pytest.mark.slow
def test_https_and_credentials_are_no_hindrance(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make_certificate(key, certificate)
    with Supervised(
        tmp_path,
        RINGCAST_API__TLS__CERTIFICATE_FILE=str(certificate),
        RINGCAST_API__TLS__KEY_FILE=str(key),
        RINGCAST_API__AUTH__TOKEN="token-of-everything",  # noqa: S106 - of nobody
    ) as run:
        assert run.wait_until_ready().startswith("https://127.0.0.1:")
        run.process.terminate()
        assert run.wait() == 0


@pytest.mark.process
@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.faults
@pytest.mark.parametrize(
    ("words", "name"), [("services.video", "Video Module"), ("gunicorn", "API")]
)
def test_one_that_fails_is_started_again_while_the_other_goes_on(
    run: Supervised, words: str, name: str
) -> None:
    url = run.wait_until_ready()
    (other,) = {"services.video", "gunicorn"} - {words}
    victim, survivor = run.service(words), run.service(other)
    for again in ("; starting it again in 1 s", ", 2 times in a row; .* in 2 s"):
        victim.kill()
        run.wait_for(f"{name} ended with code -9{again}")
        wait_for(lambda: has_frame(f"{url}stream/video/shm/frame"), "frames again", 30.0)
        (dead, victim) = (victim, run.service(words))
        assert victim.pid != dead.pid
    assert survivor.is_running()
    assert run.process.poll() is None


def has_frame(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.mark.process
@pytest.mark.e2e
def test_file_that_is_through_ends_both_services_in_peace(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    write_h264(clip, 15, 30)
    segments = tmp_path / "segments"
    segments.mkdir()
    with Supervised(segments, VIDEO_SOURCE=str(clip), RINGCAST_VIDEO__FILE__LOOP="false") as run:
        assert run.wait() == 0
        assert b"Video Module ended with code 0, for good" in run.log
    assert list(segments.iterdir()) == []


@pytest.mark.process
@pytest.mark.e2e
@pytest.mark.slow
def test_the_services_end_when_run_itself_is_killed(run: Supervised) -> None:
    run.wait_until_ready()
    services = run.services()
    run.process.kill()
    assert are_gone(services)


@pytest.mark.process
def test_a_wrong_setting_is_a_sentence_and_exit_code_2(tmp_path: Path) -> None:
    with Supervised(tmp_path, RINGCAST_API__WORKERS="none") as run:
        assert run.wait() == 2
        assert b"api.workers 'none'" in run.log
        assert b"Traceback" not in run.log


@pytest.fixture
def config(tmp_path: Path) -> Callable[[dict[str, Any]], Path]:
    """Writes the configuration file: cameras by name."""

    def write(cameras: dict[str, Any]) -> Path:
        path, new = tmp_path / "cameras.json", tmp_path / "new.json"
        new.write_text(json.dumps({"cameras": cameras}), encoding="utf-8")
        return new.replace(path)

    return write


@pytest.fixture
def segments(tmp_path: Path) -> Path:
    directory = tmp_path / "segments"
    directory.mkdir()
    return directory


class Seen:
    """The rings of some cameras, and which life of each writer is in them."""

    def __init__(self, directory: Path, *names: str) -> None:
        self._watchers = {name: Watcher(segment_paths(name, directory)) for name in names}

    def epochs(self) -> dict[str, int]:
        """Wait for a picture of every camera; the epochs of all."""
        return {name: self.epoch(name) for name in self._watchers}

    def epoch(self, name: str, other_than: int = 0) -> int:
        """Wait for a picture of one camera, of another epoch than one."""
        info, _ = self._watchers[name].wait(
            lambda info: info.online and info.epoch != other_than, f"picture of {name}", WAIT_S
        )
        return info.epoch

    def advances(self, name: str, frames: int = 5) -> None:
        """Wait for some frames more of one camera."""
        watcher = self._watchers[name]
        first, _ = watcher.wait(lambda info: info.online, f"picture of {name}", WAIT_S)
        watcher.wait(lambda info: info.sequence >= first.sequence + frames, "more frames", WAIT_S)

    def close(self) -> None:
        for watcher in self._watchers.values():
            watcher.close()


@pytest.fixture
def seen(segments: Path) -> Iterator[Seen]:
    seen = Seen(segments, "door", "yard", "hall")
    yield seen
    seen.close()


def pid_of(run: Supervised, camera: str) -> int:
    return run.service(f"--camera={camera}").pid


@pytest.mark.process
@pytest.mark.slow
@pytest.mark.faults
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_camera_that_dies_or_hangs_touches_no_other(
    config: Callable[[dict[str, Any]], Path], segments: Path, seen: Seen, number: signal.Signals
) -> None:
    path = config({name: {"source": SMALL} for name in ("door", "yard", "hall")})
    with Supervised(segments, arguments=(str(path),)) as run:
        before = seen.epochs()
        pids = {name: pid_of(run, name) for name in before}
        run.service("--camera=yard").send_signal(number)
        for name in ("door", "hall"):
            seen.advances(name)
        if number == signal.SIGKILL:
            run.wait_for("Video Module of yard ended with code -9; starting it again in 1 s")
            assert seen.epoch("yard", other_than=before["yard"]) != before["yard"]
        for name in ("door", "hall"):
            assert pid_of(run, name) == pids[name]
            assert seen.epoch(name) == before[name]
        run.process.terminate()
        assert run.wait() == 0
    assert [path.name for path in segments.glob("*.ring")] == (
        ["yard.ring"] if number == signal.SIGSTOP else []
    ), "one that was stopped is killed in the end, and the others end in order"


@pytest.mark.process
@pytest.mark.slow
def test_a_changed_file_starts_ends_and_restarts_those_it_names_and_no_other(
    config: Callable[[dict[str, Any]], Path], segments: Path, seen: Seen
) -> None:
    path = config({"door": {"source": SMALL}, "yard": {"source": SMALL}})
    with Supervised(segments, arguments=(str(path),)) as run:
        door, yard = seen.epoch("door"), seen.epoch("yard")
        pid = pid_of(run, "door")
        path.write_text("{", encoding="utf-8")
        run.wait_for("is not JSON: .* What was valid before stays so")
        config(
            {
                "door": {"source": SMALL},
                "yard": {"source": SMALL, "ring": {"slots": 3}},
                "hall": {"source": SMALL},
            }
        )
        assert seen.epoch("yard", other_than=yard) != yard
        seen.advances("hall")
        config({"door": {"source": SMALL}, "hall": {"source": SMALL}})
        run.wait_for("Video Module of yard is no longer wanted")
        wait_for(lambda: not (segments / "yard.ring").exists(), "the end of yard", WAIT_S)
        assert pid_of(run, "door") == pid
        assert seen.epoch("door") == door
        run.process.terminate()
        assert run.wait() == 0


@pytest.mark.process
@pytest.mark.slow
def test_a_camera_whose_source_is_wrong_is_left_and_all_is_over_when_the_last_one_is(
    config: Callable[[dict[str, Any]], Path], segments: Path, tmp_path: Path
) -> None:
    clip = tmp_path / "clip.mp4"
    write_h264(clip, 15, 30)
    path = config(
        {
            "door": {"source": "pattern://1x1@1"},
            "hall": {"source": str(clip), "file": {"loop": False}},
        }
    )
    with Supervised(segments, arguments=(str(path),)) as run:
        run.wait_for("ringcast: cameras.door.source: 'pattern://1x1@1' is out of range")
        run.wait_for("Video Module of door ended with code 2, for good")
        assert run.wait() == 2
        assert b"Video Module of hall ended with code 0, for good" in run.log


@pytest.mark.process
@pytest.mark.e2e
@pytest.mark.slow
def test_the_api_serves_every_camera_and_a_new_one_after_a_change(
    config: Callable[[dict[str, Any]], Path], segments: Path
) -> None:
    path = config({"door": {"source": SMALL}, "yard": {"source": SMALL}})
    with Supervised(segments, arguments=(str(path), "--with-api")) as run:
        url = run.wait_until_ready()
        for name in ("door", "yard"):
            frame = f"{url}stream/{name}/frame"
            wait_for(partial(has_frame, frame), name, WAIT_S)
        assert not has_frame(f"{url}stream/hall/frame")
        config({name: {"source": SMALL} for name in ("door", "yard", "hall")})
        wait_for(lambda: has_frame(f"{url}stream/hall/frame"), "the new camera", WAIT_S)


@pytest.mark.process
def test_every_line_of_a_camera_says_which_one_it_is(
    config: Callable[[dict[str, Any]], Path], segments: Path, seen: Seen
) -> None:
    path = config({"door": {"source": SMALL}, "yard": {"source": SMALL}})
    with Supervised(segments, arguments=(str(path),)) as run:
        seen.epoch("door")
        seen.epoch("yard")
        run.process.terminate()
        assert run.wait() == 0
        lines = [line for line in run.log.decode().splitlines() if " services.video" in line]
    assert {line.rpartition(" camera=")[2] for line in lines} == {"door", "yard"}


@pytest.mark.process
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--video.source=0",), b"--video.source=0 is no option of services.supervisor"),
        ((), b"no camera has a source, so there is nothing to run: door"),
    ],
)
def test_what_cannot_be_run_is_a_sentence_and_exit_code_2(
    config: Callable[[dict[str, Any]], Path],
    segments: Path,
    arguments: tuple[str, ...],
    sentence: bytes,
) -> None:
    path = config({"door": {}})
    with Supervised(segments, arguments=(str(path), *arguments)) as run:
        assert run.wait() == 2
        assert sentence in run.log
