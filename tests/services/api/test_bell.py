from __future__ import annotations

import logging
import os
import socket
from typing import TYPE_CHECKING

import pytest

from services.api.bell import Bell
from shared.naming import segment_paths

if TYPE_CHECKING:
    from pathlib import Path

    from shared.naming import SegmentPaths
    from tests.conftest import Clock


@pytest.fixture
def paths(tmp_path: Path) -> SegmentPaths:
    return segment_paths("bell", tmp_path)


def frames_without_notification(bell: Bell, clock: Clock, seconds: float) -> None:
    for _ in range(int(4 * seconds)):
        bell.moved()
        clock.advance(0.25)


def test_frames_without_notifications_are_said_once_and_so_is_the_end_of_it(
    paths: SegmentPaths, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    bell = Bell(paths, clock=clock)
    silent = []
    for seconds in (4.0, 30.0):
        frames_without_notification(bell, clock, seconds)
        silent.append(bell.silent)
    bell.rang()
    bell.rang()
    assert [*silent, bell.silent] == [False, True, False]
    said = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert [level for level, _ in said] == ["WARNING", "INFO"]
    assert f"{paths.socket} cannot be found (No such file" in said[0][1]
    assert said[1][1] == "bell: notifications come again"


def test_silence_that_comes_and_goes_does_not_fill_the_log(
    paths: SegmentPaths, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    bell = Bell(paths, clock=clock)
    for _ in range(6):
        frames_without_notification(bell, clock, 6.0)
        bell.rang()
    assert [record.levelname for record in caplog.records].count("WARNING") == 1


def test_camera_that_gives_nothing_owes_no_notification(paths: SegmentPaths, clock: Clock) -> None:
    bell = Bell(paths, clock=clock)
    bell.moved()
    clock.advance(60.0)
    assert not bell.silent
    bell.rang()
    bell.moved()
    assert not bell.silent


@pytest.mark.parametrize("what", ["folder", "closed", "unanswered"])
def test_advice_names_what_is_wrong_with_the_file(
    paths: SegmentPaths, clock: Clock, caplog: pytest.LogCaptureFixture, what: str
) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        if what == "folder":
            paths.socket.mkdir()
        else:
            server.bind(str(paths.socket))
            paths.socket.chmod(0 if what == "closed" else 0o660)
        frames_without_notification(Bell(paths, clock=clock), clock, 6.0)
    advice = {
        "folder": "is no socket: remove it",
        "closed": f"user {os.geteuid()} may not write to {paths.socket} (s---------)",
        "unanswered": "restart the Video Module",
    }
    if what == "closed" and os.geteuid() == 0:  # root may everything
        what = "unanswered"
    assert advice[what] in caplog.text
