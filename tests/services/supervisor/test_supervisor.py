"""Many children: what starts, ends and restarts when the jobs change, and when all is over."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from services.supervisor.jobs import API, Job
from services.supervisor.supervisor import Supervisor
from tests.support.video import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.process

LIVES = (
    "import pathlib, signal, sys, time; there = pathlib.Path(sys.argv[1]); "
    "say = lambda word: there.open('a').write(word); "
    "signal.signal(signal.SIGHUP, lambda *_: say('r')); say('x')\n"
    "while True: time.sleep(60)"
)


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    supervisor = Supervisor(os.environ, 5.0)
    yield supervisor
    supervisor.end()
    assert not supervisor.running()


@pytest.fixture
def job(tmp_path: Path) -> Callable[..., Job]:
    def make(name: str, rests_on: object = 0, code: str = LIVES) -> Job:
        return Job(name, (sys.executable, "-c", code, str(tmp_path / name)), rests_on)

    return make


@pytest.fixture
def lives(tmp_path: Path) -> Callable[[str], str]:
    """What a child has written: x at its start, r for a reload."""

    def of(name: str) -> str:
        path = tmp_path / name
        return path.read_text(encoding="utf-8") if path.exists() else ""

    return of


def tend_until(supervisor: Supervisor, condition: Callable[[], bool], what: str) -> None:
    def look() -> bool:
        supervisor.tend()
        return condition()

    wait_for(look, what, 30.0)


def test_only_what_is_new_gone_or_changed_is_touched(
    supervisor: Supervisor, job: Callable[..., Job], lives: Callable[[str], str]
) -> None:
    supervisor.follow([job("a"), job("b"), job("c")])
    tend_until(supervisor, lambda: lives("a") == lives("b") == lives("c") == "x", "three")
    supervisor.follow([job("a"), job("b", rests_on=1), job("d")])
    tend_until(supervisor, lambda: (lives("b"), lives("d")) == ("xx", "x"), "b again, and d")
    assert lives("a") == "x"
    assert supervisor.over is None


def test_the_api_is_told_to_read_its_settings_anew(
    supervisor: Supervisor, job: Callable[..., Job], lives: Callable[[str], str]
) -> None:
    supervisor.follow([job("a"), job(API)])
    tend_until(supervisor, lambda: lives(API) == "x", "the API")
    supervisor.follow([job("a"), job(API, rests_on=1)])
    tend_until(supervisor, lambda: lives(API) == "xr", "a reload")


def test_all_is_over_when_the_last_video_module_has_ended_for_good(
    supervisor: Supervisor, job: Callable[..., Job], caplog: pytest.LogCaptureFixture
) -> None:
    supervisor.follow([job("a", code="raise SystemExit(2)"), job("b"), job(API)])
    tend_until(supervisor, lambda: bool(caplog.messages), "the end of one")
    assert caplog.messages == ["a ended with code 2, for good"]
    assert supervisor.over is None
    supervisor.follow([job("a", code="raise SystemExit(2)"), job(API)])
    tend_until(supervisor, lambda: supervisor.over is not None, "the end")
    assert supervisor.over == 2


def test_all_is_over_when_the_api_has_ended_for_good(
    supervisor: Supervisor, job: Callable[..., Job]
) -> None:
    supervisor.follow([job("a"), job(API, code="raise SystemExit(0)")])
    tend_until(supervisor, lambda: supervisor.over is not None, "the end")
    assert supervisor.over == 0


def test_the_api_without_a_camera_goes_on(supervisor: Supervisor, job: Callable[..., Job]) -> None:
    supervisor.follow([job(API)])
    supervisor.tend()
    assert supervisor.over is None
    assert supervisor.running()
