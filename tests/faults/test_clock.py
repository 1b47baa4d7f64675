"""The wall clock is set back, and forth again, under running services: nothing may stall."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import pytest

from shared.frame_code import read_codes
from tests.support.streams import STREAM, decoded
from tests.support.wall_clock import WallClock
from tests.support.witness import Witness

if TYPE_CHECKING:
    from pathlib import Path

    from shared.multipart import Part
    from tests.support.processes import Services

pytestmark = [pytest.mark.faults, pytest.mark.process, pytest.mark.e2e, pytest.mark.timeout(120)]

HOUR_S: Final = 3600
FRAMES: Final = 60


def assert_same_frame(part: Part) -> None:
    """As ``assert_telling``, but one captured before the jump may be sent after it."""
    top, bottom = read_codes(decoded(part))
    assert top is not None
    assert top == bottom
    assert top.sequence == part.number


@pytest.mark.slow
def test_wall_clock_that_jumps_an_hour_stalls_nothing(service: Services, tmp_path: Path) -> None:
    clock = WallClock(tmp_path)
    service.variables |= clock.variables
    video = service.video()
    api = service.api().wait_ready()
    with Witness(api.url + STREAM, assert_same_frame, epochs_rise=False) as witness:
        witness.wait_frames(FRAMES, "before")
        epoch = witness.epoch
        for offset_s in (-HOUR_S, 0, HOUR_S):
            clock.set(offset_s)
            witness.wait_frames(5, "right after the jump")
            began_s, began = time.monotonic(), witness.frames
            witness.wait_frames(FRAMES, "after the jump")
            fps = (witness.frames - began) / (time.monotonic() - began_s)
            assert fps > 15.0, "30 are sent"
            assert witness.newest is not None
            assert abs(witness.newest.timestamp - time.time() - offset_s) < 5.0
        assert witness.epoch == epoch
        assert witness.blanks == 0
        clock.set(-HOUR_S)
        assert video.stop() == 0
        witness.wait_blank()
        service.video()
        witness.wait_frames(5, "of a Video Module that starts in the past")
    assert api.answers("/readyz") == 200
    assert "Traceback" not in api.said() + video.said()
