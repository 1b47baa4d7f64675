from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from services.api.advice import EMBEDDED, VIDEO_MODULE, Advice, explain, further_camera
from shared.ring.attachment import Condition

if TYPE_CHECKING:
    from shared.naming import SegmentPaths


@pytest.mark.parametrize("advice", [VIDEO_MODULE, EMBEDDED, further_camera("garage_ring")])
def test_every_condition_but_the_good_one_has_advice_of_its_own(advice: Advice) -> None:
    assert advice.on(Condition.LIVE) == ""
    assert len({advice.on(condition) for condition in Condition}) == len(Condition)


def test_advice_for_the_default_camera_is_the_specifications_sentence() -> None:
    expected = "Video Module is not running. Start it with: python -m services.video"
    assert VIDEO_MODULE.on(Condition.GONE) == expected


def test_advice_for_a_further_camera_can_be_copied_into_a_shell() -> None:
    command = "RINGCAST_VIDEO__SHARED_MEMORY_NAME=garage_ring python -m services.video"
    assert further_camera("garage_ring").gone.endswith(command)


def test_missing_ring_is_told_with_its_path_and_its_setting(paths: SegmentPaths) -> None:
    told = explain(os.strerror(errno.ENOENT), paths)
    assert told == f"nobody writes {paths.ring} (video.shared_memory_name={paths.name})"


def test_ring_of_somebody_else_is_told_with_the_user(paths: SegmentPaths) -> None:
    told = explain(os.strerror(errno.EACCES), paths)
    assert told.startswith(f"user {os.geteuid()} may not read {paths.ring}")


def test_anything_else_is_told_as_it_is(paths: SegmentPaths) -> None:
    assert explain("the Video Module has died", paths) == "the Video Module has died"
