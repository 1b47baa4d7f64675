"""A wedged Video Module ends by itself, one that is paused or idle does not, and systemd knows."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.support.mjpeg_server import MjpegServer
from tests.support.pictures import telling_jpeg, write_h264
from tests.support.processes import ROOT, wait_until
from tests.support.streams import STREAM, assert_whole
from tests.support.systemd import NotifyListener
from tests.support.witness import Witness

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.processes import Child, Services

pytestmark = [pytest.mark.faults, pytest.mark.process, pytest.mark.timeout(120)]

FAULTY: Final = "tests.support.faulty_video"
HANG_S: Final = 1.0
UNITS: Final = ("ringcast-video.service", "ringcast-api.service", "ringcast-video@.service")
MOST_EXPOSED: Final = 20
"""Tenths of what systemd-analyze calls exposure: 100 is everything, a plain unit has 92."""


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("capture", "the grabber hangs: waiting for a picture of http://127.0.0.1:"),
        ("retrieve", "the capture loop hangs: a turn of its loop"),
    ],
)
def test_hung_call_ends_the_process_with_all_stacks_and_the_stream_is_live_after_a_restart(
    service: Services, call: str, words: str
) -> None:
    with MjpegServer(telling_jpeg) as server:
        settings = {"video__hang_timeout_sec": HANG_S, "video__read_timeout_sec": 0.5}
        source = server.url if call == "capture" else "pattern://320x240@30"
        victim = service.video(source, program=FAULTY, variables={"FAULT_HANG": call}, **settings)
        api = service.api().wait_ready()
        with Witness(api.url + STREAM, assert_whole) as witness:
            witness.wait_frames(5, "before")
            epoch = witness.epoch
            victim.signal(signal.SIGUSR1)
            assert victim.wait(30.0) == 1
            witness.wait_blank()
            service.video(source)
            witness.wait_epoch_after(epoch)
            witness.wait_frames(5, "after the restart")
    assert words in victim.said()
    assert "in hang_in" in victim.said(), "the stack of the thread that hangs"
    assert 'File "' in victim.said().partition("Current thread")[2] or "Thread 0x" in victim.said()


def test_source_that_hangs_while_it_is_opened_ends_the_process(service: Services) -> None:
    hang = {"FAULT_HANG": "open", "FAULT_WHEN": "start"}
    victim = service.video(program=FAULTY, variables=hang, video__hang_timeout_sec=HANG_S)
    assert victim.wait(30.0) == 1
    assert "the grabber hangs: opening pattern://320x240@30 for" in victim.said()
    clear_up(service)


def clear_up(service: Services) -> None:
    """Start another one, which the one that hung left nothing in the way of."""
    second = service.video()
    second.wait_for_log("segment")
    assert second.stop() == 0


@pytest.mark.slow
def test_what_is_no_hang_goes_on(service: Services, tmp_path: Path) -> None:
    """Paused, without a source, with a silent or a slow one: longer than the timeout, each."""
    slow_file = tmp_path / "slow.mp4"
    write_h264(slow_file, 3, fps=1)
    with MjpegServer(telling_jpeg, stall_after=5) as silent:
        sources = {
            "paused": "pattern://320x240@30",
            "without": str(tmp_path / "missing.mp4"),
            "refused": "http://127.0.0.1:9/",
            "silent": silent.url,
            "slow": "pattern://320x240@0.1",
            "file": str(slow_file),
        }
        settings: dict[str, Any] = {"video__hang_timeout_sec": HANG_S}
        settings["video__read_timeout_sec"] = 60
        running: dict[str, Child] = {}
        for name, source in sources.items():
            camera = f"{service.segment}-{name}"
            running[name] = service.video(source, video__shared_memory_name=camera, **settings)
        for child in running.values():
            child.wait_for_log("segment ")
        for _ in range(3):
            running["paused"].signal(signal.SIGSTOP)
            pass_time(2 * HANG_S)
            running["paused"].signal(signal.SIGCONT)
            pass_time(HANG_S / 4)
        pass_time(2 * HANG_S)
        assert {name: child.process.poll() for name, child in running.items()} == dict.fromkeys(
            sources
        )
        for child in running.values():
            assert child.stop() == 0
            assert "hangs:" not in child.said()


def pass_time(seconds: float) -> None:
    until_s = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() >= until_s, "time to pass", 2 * seconds + 10.0)


class Journal:
    """Hears what a service notifies, and when."""

    def __init__(self) -> None:
        self.listener = NotifyListener(f"@ringcast-test-{os.getpid()}-{time.monotonic_ns()}")
        self.listener.socket.settimeout(0.2)
        self.heard: list[tuple[float, str]] = []
        self._ending = False
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def at(self, word: str) -> list[float]:
        """When a line was heard."""
        return [at_s for at_s, line in self.heard if line == word]

    def close(self) -> None:
        self._ending = True
        self._thread.join(10.0)
        self.listener.socket.close()

    def _listen(self) -> None:
        while not self._ending:
            try:
                message = self.listener.socket.recv(4096).decode()
            except TimeoutError:
                continue
            self.heard += [(time.monotonic(), line) for line in message.split("\n")]


def test_systemd_hears_that_it_is_ready_alive_and_stopping(service: Services) -> None:
    journal = Journal()
    watchdog_s = 4.0
    asked = {"NOTIFY_SOCKET": journal.listener.address, "WATCHDOG_USEC": f"{watchdog_s * 1e6:.0f}"}
    video = service.video(variables=asked)
    wait_until(lambda: len(journal.at("WATCHDOG=1")) >= 4, "signs of life")
    assert video.stop() == 0
    wait_until(lambda: bool(journal.at("STOPPING=1")), "the end")
    journal.close()
    assert len(journal.at("READY=1")) == 1
    assert len(journal.at("STATUS=320x240 from pattern://320x240@30")) == 1
    signs = journal.at("WATCHDOG=1")
    assert max(after - before for before, after in itertools.pairwise(signs)) < watchdog_s / 2


def test_wedged_capture_loop_gives_systemd_no_sign_of_life_and_ends_by_itself(
    service: Services,
) -> None:
    journal = Journal()
    asked = {"NOTIFY_SOCKET": journal.listener.address, "WATCHDOG_USEC": "400000"}
    victim = service.video(
        program=FAULTY, variables=asked | {"FAULT_HANG": "retrieve"}, video__hang_timeout_sec=HANG_S
    )
    wait_until(lambda: len(journal.at("WATCHDOG=1")) >= 4, "signs of life")
    victim.signal(signal.SIGUSR1)
    hung_s = time.monotonic()
    assert victim.wait(30.0) == 1
    journal.close()
    assert max(journal.at("WATCHDOG=1")) - hung_s < HANG_S / 2
    assert not journal.at("STOPPING=1")
    clear_up(service)


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_finds_nothing_wrong_with_a_unit(unit: str, tmp_path: Path) -> None:
    """With the paths of this checkout, because it looks whether the programs are there."""
    text = (ROOT / "deploy/systemd" / unit).read_text(encoding="utf-8")
    here = tmp_path / unit.replace("@", "@door")  # an instance of a template
    here.write_text(text.replace("/opt/ringcast", str(ROOT)), encoding="utf-8")
    verified = analyze("verify", "--man=no", str(here))
    assert verified.returncode == 0, verified.stdout
    assert verified.stdout == ""


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_finds_a_unit_hardened(unit: str) -> None:
    path = f"deploy/systemd/{unit}"
    judged = analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED}", path)
    assert judged.returncode == 0, judged.stdout


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ("systemd-analyze", "--no-pager", *arguments),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
