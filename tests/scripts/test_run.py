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

from scripts.run import claim_port
from tests.support.tls import make_certificate

if TYPE_CHECKING:
    from collections.abc import Iterator

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
@pytest.mark.parametrize("words", ["services.video", "gunicorn"])
def test_when_one_service_dies_the_other_is_ended(run: Run, words: str) -> None:
    run.wait_until_ready()
    services = run.services()
    run.service(words).kill()
    assert run.wait() != 0
    assert are_gone(services)
    assert b"ended with code -9; ending the rest" in run.log


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
