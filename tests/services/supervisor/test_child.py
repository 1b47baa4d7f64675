"""One child: its pauses, its end, its restart."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from services.supervisor.child import Child
from tests.support.video import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Clock

pytestmark = pytest.mark.process

WAITS = "import sys, time; time.sleep(60)"
DEAF = (
    "import pathlib, signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "pathlib.Path(sys.argv[1]).touch(); time.sleep(60)"
)


def child(code: str, clock: Clock, *arguments: str) -> Child:
    return Child("Video Module", (sys.executable, "-c", code, *arguments), os.environ, clock)


def tend_until_it_paused(service: Child, caplog: pytest.LogCaptureFixture) -> str:
    caplog.clear()

    def look() -> str:
        service.tend()
        return caplog.messages[-1] if caplog.messages else ""

    return wait_for(look, "a line on its end", 30.0)


def tend_until_it_ended(service: Child) -> int | None:
    def look() -> bool:
        service.tend()
        return service.code is not None

    wait_for(look, "end", 30.0)
    return service.code


def test_pauses_grow_to_half_a_minute_and_it_is_never_given_up(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    service = child("raise SystemExit(1)", clock)
    service.start()
    for number, pause_s in enumerate((1, 2, 4, 8, 16, 30, 30), start=1):
        line = tend_until_it_paused(service, caplog)
        again = f", {number} times in a row" if number > 1 else ""
        start_again = f"starting it again in {pause_s} s"
        assert line == f"Video Module ended with code 1{again}; {start_again}"
        caplog.clear()
        service.tend()
        assert caplog.messages == [], "its pause is not over"
        clock.advance(pause_s)
    service.end(1.0)
    assert service.code == 0


def test_one_that_cannot_be_started_now_is_tried_again(
    clock: Clock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    service = Child("Video Module", ("true",), {"PATH": str(tmp_path)}, clock)
    service.start()
    assert caplog.messages[-1].startswith("Video Module cannot be started: [Errno 2] ")
    assert caplog.messages[-1].endswith("; starting it again in 1 s")
    (tmp_path / "setpriv").write_text("#!/bin/sh\n", encoding="ascii")
    (tmp_path / "setpriv").chmod(0o755)
    clock.advance(1.0)
    assert tend_until_it_ended(service) == 0


def test_one_that_ran_for_a_while_is_started_again_soon(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    service = child("raise SystemExit(3)", clock)
    service.start()
    tend_until_it_paused(service, caplog)
    clock.advance(1.0)
    service.tend()
    clock.advance(61.0)
    line = tend_until_it_paused(service, caplog)
    assert line.endswith("code 3; starting it again in 1 s")
    service.end(1.0)


@pytest.mark.parametrize("code", [0, 2])
def test_end_for_good_is_known(code: int, clock: Clock) -> None:
    service = child(f"raise SystemExit({code})", clock)
    service.start()
    assert tend_until_it_ended(service) == code


def test_asked_to_end_it_ends_without_force(clock: Clock) -> None:
    service = child(WAITS, clock)
    service.start()
    service.end(1.0)
    assert tend_until_it_ended(service) == -15


def test_one_that_does_not_end_is_killed_when_patience_is_over(
    clock: Clock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    deaf = tmp_path / "deaf"
    service = child(DEAF, clock, str(deaf))
    service.start()
    wait_for(deaf.exists, "it to be deaf")
    service.end(5.0)
    service.tend()
    assert service.code is None
    clock.advance(5.0)
    assert tend_until_it_ended(service) == -9
    assert "Video Module does not end; killing it" in caplog.messages


def test_a_restart_is_no_failure_and_has_no_pause(
    clock: Clock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lives = tmp_path / "lives"
    code = f"import sys, time; open(sys.argv[1], 'a').write('x'); {WAITS}"
    service = child(code, clock, str(lives))
    service.start()
    wait_for(lives.exists, "first life")
    service.restart(1.0)

    def second() -> bool:
        service.tend()
        return lives.read_text(encoding="utf-8") == "xx"

    wait_for(second, "second life")
    assert caplog.messages == []
    service.end(1.0)
    tend_until_it_ended(service)


def test_one_that_ended_for_good_can_be_started_again(clock: Clock, tmp_path: Path) -> None:
    lives = tmp_path / "lives"
    service = child("import sys; open(sys.argv[1], 'a').write('x')", clock, str(lives))
    service.start()
    assert tend_until_it_ended(service) == 0
    service.restart(1.0)
    assert service.code is None
    assert tend_until_it_ended(service) == 0
    assert lives.read_text(encoding="utf-8") == "xx"
