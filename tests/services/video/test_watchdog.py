"""The watchdog tells hung from slow, idle and paused; by ticks, moved by hand here."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from services.video.watchdog import Pulse, Watchdog
from tests.support.video import ROOT, wait_for


@pytest.fixture
def accusations() -> list[str]:
    return []


@pytest.fixture
def pulse() -> Pulse:
    return Pulse("grabber")


@pytest.fixture
def watchdog(pulse: Pulse, accusations: list[str]) -> Watchdog:
    return Watchdog((pulse,), 30.0, accusations.append)


def ticks_until_the_end(watchdog: Watchdog) -> int:
    return next(count for count in range(1, 1000) if watchdog.tick())


def test_call_that_lasts_longer_than_the_timeout_hangs(
    watchdog: Watchdog, pulse: Pulse, accusations: list[str]
) -> None:
    pulse.doing("opening rtsp://cam")
    assert watchdog.tick_s == 1.0
    assert ticks_until_the_end(watchdog) == 32  # seen first, then for more than 30 s
    assert accusations == [
        "the grabber hangs: opening rtsp://cam for 31 s (video.hang_timeout_sec 30)"
    ]


def test_time_that_a_call_may_rightly_take_comes_on_top(
    watchdog: Watchdog, pulse: Pulse, accusations: list[str]
) -> None:
    """A file of 0.01 fps gives a picture every 100 s."""
    pulse.doing("waiting for a picture of file:slow.mp4", 200.0)
    assert ticks_until_the_end(watchdog) == 232
    assert accusations[0].endswith("(video.hang_timeout_sec 30 and 200 s that this may take)")


def test_same_thing_begun_again_is_another_call(watchdog: Watchdog, pulse: Pulse) -> None:
    for _ in range(100):
        pulse.doing("waiting for a picture")
        assert not any(watchdog.tick() for _ in range(20))


def test_idle_thread_never_hangs(watchdog: Watchdog, pulse: Pulse) -> None:
    assert not any(watchdog.tick() for _ in range(100))
    pulse.doing("opening")
    watchdog.tick()
    pulse.idle()
    assert not any(watchdog.tick() for _ in range(100))


def test_time_before_a_pause_of_the_thread_does_not_count(watchdog: Watchdog, pulse: Pulse) -> None:
    for _ in range(10):
        pulse.doing("opening")
        assert not any(watchdog.tick() for _ in range(25))
        pulse.idle()
        assert not watchdog.tick()


def test_one_that_hangs_is_found_among_others(accusations: list[str]) -> None:
    loop, grabber = Pulse("capture loop"), Pulse("grabber")
    watchdog = Watchdog((grabber, loop), 4.0, accusations.append)
    loop.doing("a turn")
    for _ in range(5):
        grabber.doing("waiting for a picture")
        assert not watchdog.tick()
    grabber.doing("waiting for a picture")
    assert watchdog.tick()
    assert accusations[0].startswith("the capture loop hangs: a turn for 5 s")


def test_short_timeout_is_cut_into_ticks() -> None:
    assert Watchdog((), 0.2, print).tick_s == pytest.approx(0.05)


def test_it_ticks_by_itself_until_it_is_stopped_and_accuses_once(accusations: list[str]) -> None:
    pulse = Pulse("grabber")
    with Watchdog((pulse,), 0.05, accusations.append):
        pulse.doing("opening")
        wait_for(lambda: accusations, "accusation")
    assert len(accusations) == 1
    with Watchdog((pulse,), 3600.0, accusations.append) as idle:
        pass
    idle.stop()
    assert not [thread for thread in threading.enumerate() if thread.name == "watchdog"]


HANGING = """
import logging, threading
from services.video.watchdog import Pulse, Watchdog, end_process
logging.basicConfig()
pulse = Pulse("grabber")
def waits_for_ever():
    pulse.doing("opening rtsp://cam")
    threading.Event().wait()
threading.Thread(target=waits_for_ever).start()
with Watchdog((pulse,), 0.2, end_process):
    threading.Event().wait()
"""


@pytest.mark.process
def test_process_ends_with_code_1_and_the_stacks_of_all_threads() -> None:
    ended = subprocess.run(
        (sys.executable, "-c", HANGING),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 1
    assert "CRITICAL:services.video.watchdog:the grabber hangs: opening rtsp://cam" in ended.stderr
    assert "in waits_for_ever" in ended.stderr
    assert ended.stderr.count("(most recent call first)") >= 3


@pytest.mark.process
def test_process_ends_even_if_nobody_reads_its_log() -> None:
    """Standard error is a full pipe: the log hangs too, and it may be what hangs."""
    filling = "import os\nos.set_blocking(2, False)\n"
    filling += "try:\n    while True: os.write(2, b'x' * 4096)\nexcept BlockingIOError: pass\n"
    filling += "os.set_blocking(2, True)\n"
    command = (sys.executable, "-c", filling + HANGING)
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE) as hung:
        assert hung.wait(timeout=30) == 1
