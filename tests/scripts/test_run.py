"""Tests of scripts/run.py: the real services, started as ``make run`` starts them."""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil
import pytest

from scripts.run import Service, claim_port
from tests.support.pictures import write_h264
from tests.support.tls import make_certificate
from tests.support.video import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Clock

ROOT: Final = Path(__file__).resolve().parents[2]
WAIT_S: Final = 30.0


class Run:
    """``python -m scripts.run`` as a child, with a free port and a camera of its own."""

    def __init__(self, directory: Path, **variables: str) -> None:
        self.process = subprocess.Popen(
            (sys.executable, "-m", "scripts.run"),
            cwd=ROOT,
            env={
                **os.environ,
                "RINGCAST_API__PORT": "0",
                "RINGCAST_VIDEO__SHARED_MEMORY_NAME": f"test_run_{os.getpid()}",
                "RINGCAST_VIDEO__SHARED_MEMORY_DIRECTORY": str(directory),
                "VIDEO_SOURCE": "pattern://320x240@10",
                **variables,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.log = b""

    def wait_for(self, words: str) -> re.Match[bytes]:
        """Read the output until it holds the regular expression."""
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while (found := re.search(words.encode(), self.log)) is None:
                assert selector.select(WAIT_S), f"no {words!r} in time in {self.log.decode()}"
                news = os.read(self.process.stdout.fileno(), 65536)
                assert news, f"it ended without {words!r}: {self.log.decode()}"
                self.log += news
        return found

    def wait_until_ready(self) -> str:
        """Give the URL once it is printed."""
        return self.wait_for(r"Ringcast is running: (\S+)").group(1).decode()

    def services(self) -> list[psutil.Process]:
        """Give every process below."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def service(self, words: str) -> psutil.Process:
        """Give the direct child whose command line holds the words."""
        children = psutil.Process(self.process.pid).children()
        (found,) = (child for child in children if words in " ".join(child.cmdline()))
        return found

    def wait(self) -> int:
        """Read the rest of the output; give the exit code."""
        self.log += self.process.communicate(timeout=WAIT_S)[0]
        return self.process.returncode


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    started = Run(tmp_path)
    with started.process:
        yield started
        with contextlib.suppress(psutil.NoSuchProcess):  # a finished one: the normal case
            for process in started.services():
                process.kill()
        started.process.kill()


def are_gone(processes: list[psutil.Process]) -> bool:
    gone, alive = psutil.wait_procs(processes, timeout=WAIT_S)
    return len(gone) >= 2 and not alive


@pytest.mark.process
@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_both_services_and_leaves_nothing(
    run: Run, number: signal.Signals, tmp_path: Path
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
    run = Run(
        tmp_path,
        RINGCAST_API__TLS__CERTIFICATE_FILE=str(certificate),
        RINGCAST_API__TLS__KEY_FILE=str(key),
        RINGCAST_API__AUTH__TOKEN="token-of-everything",  # noqa: S106 - of nobody
    )
    with run.process:
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
    run: Run, words: str, name: str
) -> None:
    url = run.wait_until_ready()
    (other,) = {"services.video", "gunicorn"} - {words}
    victim, survivor = run.service(words), run.service(other)
    for again in ("; starting it again in 1 s", ", 2 times in a row; .* in 2 s"):
        victim.kill()
        run.wait_for(f"{name} ended with code -9{again}")
        wait_for(lambda: has_frames(url), "frames again", 30.0)
        (dead, victim) = (victim, run.service(words))
        assert victim.pid != dead.pid
    assert survivor.is_running()
    assert run.process.poll() is None


def has_frames(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}stream/video/shm/frame", timeout=5) as answer:
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
    run = Run(segments, VIDEO_SOURCE=str(clip), RINGCAST_VIDEO__FILE__LOOP="false")
    assert run.wait() == 0
    assert b"Video Module ended with code 0; ending the rest" in run.log
    assert list(segments.iterdir()) == []


def child(code: str, clock: Clock) -> Service:
    return Service("Video Module", (sys.executable, "-c", code), os.environ, clock)


def tend_until_it_paused(service: Service, capsys: pytest.CaptureFixture[str]) -> str:
    said: list[str] = []

    def look() -> bool:
        assert service.tend() is None
        said.append(capsys.readouterr().err)
        return bool(said[-1])

    wait_for(look, "a line on its end", 30.0)
    return said[-1].strip()


@pytest.mark.process
def test_pauses_grow_to_half_a_minute_and_it_is_never_given_up(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    service = child("raise SystemExit(1)", clock)
    service.start()
    for number, pause_s in enumerate((1, 2, 4, 8, 16, 30, 30), start=1):
        line = tend_until_it_paused(service, capsys)
        again = f", {number} times in a row" if number > 1 else ""
        start_again = f"starting it again in {pause_s} s"
        assert line == f"Video Module ended with code 1{again}; {start_again}"
        assert service.tend() is None, "its pause is not over"
        clock.advance(pause_s)
    service.end(1.0)


@pytest.mark.process
def test_one_that_ran_for_a_while_is_started_again_soon(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    service = child("import sys; sys.stdin.read(); raise SystemExit(3)", clock)
    service.start()
    tend_until_it_paused(service, capsys)
    clock.advance(1.0)
    assert service.tend() is None
    clock.advance(61.0)
    assert tend_until_it_paused(service, capsys).endswith("code 3; starting it again in 1 s")
    service.end(1.0)


@pytest.mark.process
@pytest.mark.parametrize("code", [0, 2])
def test_end_for_good_is_told(code: int, clock: Clock) -> None:
    service = child(f"raise SystemExit({code})", clock)
    service.start()
    codes: list[int] = []

    def look() -> bool:
        found = service.tend()
        codes.extend([] if found is None else [found])
        return bool(codes)

    wait_for(look, "end", 30.0)
    assert codes == [code]


@pytest.mark.process
@pytest.mark.e2e
@pytest.mark.slow
def test_the_services_end_when_run_itself_is_killed(run: Run) -> None:
    run.wait_until_ready()
    services = run.services()
    run.process.kill()
    assert are_gone(services)


@pytest.mark.process
def test_a_wrong_setting_is_a_sentence_and_exit_code_2(tmp_path: Path) -> None:
    run = Run(tmp_path, RINGCAST_API__WORKERS="none")
    assert run.wait() == 2
    assert b"api.workers 'none'" in run.log
    assert b"Traceback" not in run.log


def test_a_port_in_use_is_refused_with_advice() -> None:
    advice = r"choose another port: make run PORT="
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match=advice):
        claim_port(*taken.getsockname())


def test_port_0_is_a_free_one() -> None:
    port = claim_port("127.0.0.1", 0)
    with socket.create_server(("127.0.0.1", port)) as mine:
        assert mine.getsockname()[1] == port
