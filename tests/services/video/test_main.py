"""The whole Video Module as its operator meets it: started, watched, killed, started again."""

from __future__ import annotations

import re
import signal
import stat
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from shared.ring.reader import RingReader
from tests.support.mjpeg_server import MjpegServer
from tests.support.pictures import bars_are_right, number_in, telling_jpeg
from tests.support.rtsp_server import RtspServer
from tests.support.video import ROOT, VideoProcess, Watcher, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from shared.naming import SegmentPaths

    StartVideo = Callable[..., VideoProcess]

pytestmark = pytest.mark.process

SMALL_PATTERN = "--video.source=pattern://640x480@30"
QUICK_RETRY = ("--video.retry.initial_sec=0.2", "--video.retry.max_sec=0.4")


def run_to_the_end(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-m", "services.video", *arguments)
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False
    )


def test_pattern_arrives_whole_and_carries_the_sequence_of_the_ring(
    start_video: StartVideo, watcher: Watcher
) -> None:
    start_video(SMALL_PATTERN)

    for wanted in (1, 5, 10):
        info, image = watcher.wait(lambda info: info.sequence >= wanted, f"frame {wanted}")  # noqa: B023 - used at once
        assert number_in(image) == info.sequence
        assert info.online
        assert (info.geometry.width, info.geometry.height) == (640, 480)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signal_ends_it_and_leaves_nothing(
    start_video: StartVideo, watcher: Watcher, paths: SegmentPaths, number: signal.Signals
) -> None:
    video = start_video(SMALL_PATTERN)
    watcher.wait(lambda info: info.sequence >= 3, "frames")
    assert paths.socket.exists()

    code, took_s = video.end(number)

    assert code == 0
    assert took_s < 1.0  # promised by issue 2, section 2
    assert not paths.ring.exists()
    assert not paths.socket.exists()
    assert f"stopped by {number.name}" in video.log


def test_end_of_standard_input_ends_it_only_when_asked_to(
    start_video: StartVideo, watcher: Watcher
) -> None:
    video = start_video(SMALL_PATTERN, "--exit-with-stdin")
    watcher.wait(lambda info: info.online, "frame")
    assert video.popen.stdin is not None

    video.popen.stdin.close()

    assert video.popen.wait(timeout=5) == 0
    assert "standard input" in video.log


@pytest.mark.faults
def test_it_does_not_outlive_a_parent_that_is_killed(watcher: Watcher, paths: SegmentPaths) -> None:
    """Legacy mode: an API worker starts it with a pipe, and workers do get kill -9."""
    arguments = (
        *("-m", "services.video", "--exit-with-stdin", "--video.ring.reserve_mb=0"),
        *(f"--video.shared_memory_directory={paths.directory}", SMALL_PATTERN),
    )
    script = (
        "import subprocess, sys\n"
        f"subprocess.Popen([sys.executable, *{arguments!r}], stdin=subprocess.PIPE).wait()"
    )
    parent = subprocess.Popen((sys.executable, "-c", script), cwd=ROOT)
    watcher.wait(lambda info: info.online, "frame")

    parent.kill()
    parent.wait(timeout=10)

    files = (paths.ring, paths.socket, paths.lock)
    wait_for(lambda: not any(path.exists() for path in files), "end of the child")


@pytest.mark.faults
@pytest.mark.slow
def test_signal_ends_it_while_the_source_hangs_in_c(
    start_video: StartVideo, watcher: Watcher
) -> None:
    with MjpegServer(telling_jpeg, stall_after=5) as server:
        video = start_video(
            f"--video.source={server.url}",
            "--video.read_timeout_sec=60",
            "--video.stall_timeout_sec=0.3",
        )
        watcher.wait(lambda info: not info.online and info.sequence > 5, "blank")

        code, took_s = video.end()

    assert code == 0
    assert took_s < 1.0
    assert "leaving without it" in video.log


@pytest.mark.faults
def test_silent_source_is_blanked_with_the_reason_and_the_heartbeat_goes_on(
    start_video: StartVideo, watcher: Watcher, paths: SegmentPaths
) -> None:
    with MjpegServer(telling_jpeg, stall_after=5) as server:
        start_video(
            f"--video.source={server.url}",
            "--video.read_timeout_sec=60",
            "--video.stall_timeout_sec=0.3",
        )
        info, image = watcher.wait(lambda info: not info.online, "blank")

        assert info.reason.startswith("no picture from http://127.0.0.1:")
        assert number_in(image) is None
        assert (info.geometry.width, info.geometry.height) == (320, 240)  # as before
        reader = RingReader.open(paths)
        first = reader.heartbeat
        wait_for(lambda: reader.heartbeat != first, "heartbeat", 2.0)
        reader.close()


@pytest.mark.faults
def test_pause_of_the_whole_process_is_no_silence_of_the_source(
    start_video: StartVideo, watcher: Watcher
) -> None:
    """SIGSTOP, or a paused container: the picture is there before anybody could miss it."""
    video = start_video(SMALL_PATTERN, "--video.stall_timeout_sec=0.5")
    before, _ = watcher.wait(lambda info: info.online, "frame")
    video.popen.send_signal(signal.SIGSTOP)
    awake_s = time.monotonic() + 1.0
    wait_for(lambda: time.monotonic() > awake_s, "pause")
    video.popen.send_signal(signal.SIGCONT)

    watcher.wait(lambda info: info.sequence > before.sequence + 10, "frames again")

    assert "no picture" not in video.log


@pytest.mark.faults
def test_kill_leaves_a_mess_that_the_next_start_clears_and_works_on(
    start_video: StartVideo, watcher: Watcher, paths: SegmentPaths
) -> None:
    first = start_video(SMALL_PATTERN)
    killed_info, _ = watcher.wait(lambda info: info.sequence >= 3, "frames")
    first.end(signal.SIGKILL)
    assert paths.ring.exists()
    assert paths.socket.exists()

    second = start_video(SMALL_PATTERN)

    info, image = watcher.wait(lambda info: info.epoch != killed_info.epoch, "new epoch")
    assert number_in(image) == info.sequence
    assert second.end()[0] == 0
    assert not paths.ring.exists()


@pytest.mark.faults
def test_second_writer_leaves_with_a_clear_error_and_the_first_goes_on(
    start_video: StartVideo, watcher: Watcher, paths: SegmentPaths
) -> None:
    start_video(SMALL_PATTERN)
    before, _ = watcher.wait(lambda info: info.online, "frame")
    socket_inode = paths.socket.stat().st_ino

    second = start_video(SMALL_PATTERN)

    assert second.popen.wait(timeout=10) == 1
    assert "another Video Module already writes this camera" in second.log
    assert paths.socket.stat().st_ino == socket_inode
    after, _ = watcher.wait(lambda info: info.sequence > before.sequence + 5, "more frames")
    assert after.epoch == before.epoch


@pytest.mark.faults
def test_source_is_lost_blanked_and_comes_back_by_itself(
    start_video: StartVideo, watcher: Watcher
) -> None:
    with MjpegServer(telling_jpeg) as server:
        port = server.port
        video = start_video(f"--video.source={server.url}", *QUICK_RETRY)
        online, image = watcher.wait(lambda info: info.online, "frame")
        assert bars_are_right(image)

    blank, _ = watcher.wait(lambda info: not info.online, "blank")
    assert "127.0.0.1" in blank.reason

    with MjpegServer(telling_jpeg, port=port):
        back, image = watcher.wait(
            lambda info: info.online and info.sequence > blank.sequence, "frames again"
        )
        assert bars_are_right(image)
        assert back.epoch == online.epoch
        wait_for(lambda: "recovered after" in video.log, "line in the log")
        assert re.search(r"next try in 0\.[12]\d? s", video.log)


@pytest.mark.faults
@pytest.mark.slow
def test_rtsp_camera_is_lost_and_comes_back_by_itself(
    start_video: StartVideo, watcher: Watcher, h264_file: Path
) -> None:
    with RtspServer(h264_file) as server:
        port = server.port
        start_video(f"--video.source={server.url}", *QUICK_RETRY)
        _, image = watcher.wait(lambda info: info.online, "frame")
        assert bars_are_right(image)
        assert number_in(image) is not None

    blank, _ = watcher.wait(lambda info: not info.online, "blank")

    with RtspServer(h264_file, port=port):
        _, image = watcher.wait(
            lambda info: info.online and info.sequence > blank.sequence, "frames again"
        )
        assert bars_are_right(image)


@pytest.mark.slow
def test_blanks_come_once_a_second_while_there_was_never_a_picture(
    start_video: StartVideo, watcher: Watcher, tmp_path: Path
) -> None:
    video = start_video(f"--video.source={tmp_path / 'missing.mp4'}")

    first, _ = watcher.wait(lambda info: not info.online, "blank")
    third, _ = watcher.wait(lambda info: info.sequence >= first.sequence + 2, "third blank")

    assert first.reason.startswith("there is no file")
    assert (first.geometry.width, first.geometry.height) == (640, 360)
    assert third.published_at - first.published_at > 1.8e9
    assert re.search(r"next try in (0\.\d+|1) s", video.log)
    assert re.search(r"next try in (1\.\d|1|2) s", video.log)


def test_h264_file_plays_with_right_colors_and_loops(
    start_video: StartVideo, watcher: Watcher, h264_file: Path
) -> None:
    start_video(f"--video.source={h264_file}")

    _, image = watcher.wait(lambda info: info.sequence > 35, "second round")

    assert bars_are_right(image)
    assert number_in(image) is not None


@pytest.mark.slow
def test_file_that_is_not_looped_ends_the_service_in_peace(
    start_video: StartVideo, h264_file: Path
) -> None:
    started_s = time.monotonic()
    video = start_video(f"--video.source={h264_file}", "--video.file.loop=false")

    assert video.popen.wait(timeout=20) == 0
    assert "is through" in video.log
    assert time.monotonic() - started_s > 0.9  # a second of video, at its own pace


def test_password_of_the_source_is_nowhere_to_be_seen(
    start_video: StartVideo, watcher: Watcher, paths: SegmentPaths
) -> None:
    secret = "hunter2"  # noqa: S105 - the point of the test
    with MjpegServer(telling_jpeg) as server:
        url = server.url.replace("http://", f"http://admin:{secret}@") + f"?token={secret}"
        video = start_video(f"--video.source={url}", *QUICK_RETRY)
        watcher.wait(lambda info: info.online, "frame")
        reader = RingReader.open(paths)
        label = reader.label
        reader.close()
    blank, _ = watcher.wait(lambda info: not info.online, "blank")

    assert label == server.url
    assert secret not in video.log + blank.reason + label


def test_socket_is_for_owner_and_group_whatever_the_umask(
    start_video: StartVideo, watcher: Watcher, paths: SegmentPaths
) -> None:
    start_video(SMALL_PATTERN)
    watcher.wait(lambda info: info.online, "frame")

    assert stat.S_IMODE(paths.socket.stat().st_mode) == 0o660


def test_wrong_settings_are_all_named_and_the_exit_code_is_2() -> None:
    ended = run_to_the_end("--video.ring.slots=1", "--video.open_timeout_sec=-1")

    assert ended.returncode == 2
    assert "video.ring.slots" in ended.stderr
    assert "video.open_timeout_sec" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("camera", "sentence"),
    [
        ("attic", "there is no camera 'attic'; there are: hall, door"),
        (
            "door",
            (
                "camera 'door' has no source; set cameras.door.source, or leave it to whoever "
                "writes segment door; with a source there are: hall"
            ),
        ),
    ],
)
def test_a_camera_that_cannot_be_captured_here_is_refused_with_those_that_can(
    camera: str, sentence: str
) -> None:
    ended = run_to_the_end(
        f"--camera={camera}",
        "--cameras.hall.source=0",
        "--cameras.door.file.loop=0",
    )
    assert ended.returncode == 2
    assert ended.stderr == f"ringcast: {sentence}\n"


@pytest.mark.parametrize("named", [["--camera=door"], []])
def test_it_writes_the_camera_that_is_named_or_else_the_first(
    start_video: StartVideo, watcher: Watcher, paths: SegmentPaths, named: list[str]
) -> None:
    start_video(
        *named,
        f"--cameras.door.shared_memory_name={paths.name}",
        "--cameras.door.source=pattern://128x96@20",
        "--cameras.yard.source=pattern://64x64@5",
    )
    info, _ = watcher.wait(lambda info: info.online, "frame")
    assert (info.geometry.width, info.geometry.height) == (128, 96)


@pytest.mark.parametrize("source", ["gopher://x", "pattern://1x1@30", "rtsp://"])
def test_impossible_source_is_a_setting_to_correct(source: str) -> None:
    ended = run_to_the_end(f"--video.source={source}")

    assert ended.returncode == 2
    assert ended.stderr.startswith("ringcast: video.source: ")


@pytest.mark.faults
def test_no_room_for_the_first_segment_is_a_clear_error(segment_directory: Path) -> None:
    ended = run_to_the_end(
        f"--video.shared_memory_directory={segment_directory}", "--video.ring.reserve_mb=65536"
    )

    assert ended.returncode == 1
    assert "not enough shared memory" in ended.stderr
    assert "RINGCAST_VIDEO__RING__SLOTS" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_missing_directory_is_a_clear_error(tmp_path: Path) -> None:
    ended = run_to_the_end(f"--video.shared_memory_directory={tmp_path / 'missing'}")

    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr


def test_configuration_file_is_read(tmp_path: Path, segment_directory: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text('{"video.source": "gopher://x"}', encoding="utf-8")

    ended = run_to_the_end(str(config), f"--video.shared_memory_directory={segment_directory}")

    assert ended.returncode == 2
    assert "gopher" in ended.stderr
