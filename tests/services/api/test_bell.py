from __future__ import annotations

import logging
import os
import socket
from typing import TYPE_CHECKING

import pytest

from services.api.bell import Bell
from shared.doorbell import Hearing
from shared.frame import Epoch, MonotonicNs, Sequence
from shared.naming import segment_paths
from shared.notification import Notification

if TYPE_CHECKING:
    from pathlib import Path

    from shared.naming import SegmentPaths
    from tests.conftest import Clock


EPOCH = Epoch(7)


@pytest.fixture
def paths(tmp_path: Path) -> SegmentPaths:
    return segment_paths("bell", tmp_path)


class Ringing:
    """A bell, and the frames and notifications it hears of."""

    def __init__(self, paths: SegmentPaths, clock: Clock) -> None:
        self.hearing = Hearing(clock)
        self.bell = Bell(paths, self.hearing)
        self._clock = clock
        self._note = Notification(paths.topic, EPOCH, Sequence(1), MonotonicNs(1)).pack()

    def frames(self, seconds: float, *, heard: bool = False) -> None:
        """Find a frame every 250 ms."""
        for _ in range(int(4 * seconds)):
            if heard:
                self.hearing.heard(self._note, EPOCH)
            self.hearing.frame_found()
            self.bell.listen()
            self._clock.advance(0.25)


def test_frames_without_notifications_are_said_once_and_so_is_the_end_of_it(
    paths: SegmentPaths, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    ringing = Ringing(paths, clock)
    silent = []
    for seconds in (4.0, 30.0):
        ringing.frames(seconds)
        silent.append(ringing.bell.silent)
    ringing.frames(1.0, heard=True)
    assert [*silent, ringing.bell.silent] == [False, True, False]
    said = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert [level for level, _ in said] == ["WARNING", "INFO"]
    assert f"{paths.socket} cannot be found (No such file" in said[0][1]
    assert said[1][1] == "bell: notifications come again"


def test_a_doorbell_that_is_opened_anew_in_vain_is_said_as_well(
    paths: SegmentPaths, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    ringing = Ringing(paths, clock)
    for _ in range(12):
        ringing.frames(1.0)
        ringing.hearing.renewed()
    assert ringing.bell.silent
    assert len(caplog.records) == 1


def test_silence_that_comes_and_goes_does_not_fill_the_log(
    paths: SegmentPaths, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    ringing = Ringing(paths, clock)
    for _ in range(6):
        ringing.frames(6.0)
        ringing.frames(1.0, heard=True)
    assert [record.levelname for record in caplog.records].count("WARNING") == 1


def test_camera_that_gives_nothing_owes_no_notification(paths: SegmentPaths, clock: Clock) -> None:
    ringing = Ringing(paths, clock)
    ringing.frames(0.25)
    clock.advance(60.0)
    assert not ringing.bell.silent
    ringing.frames(0.25, heard=True)
    assert not ringing.bell.silent


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
        Ringing(paths, clock).frames(6.0)
    advice = {
        "folder": "is no socket: remove it",
        "closed": f"user {os.geteuid()} may not write to {paths.socket} (s---------)",
        "unanswered": "restart the Video Module",
    }
    if what == "closed" and os.geteuid() == 0:  # root may everything
        what = "unanswered"
    assert advice[what] in caplog.text
