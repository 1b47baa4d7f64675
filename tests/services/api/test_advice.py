from __future__ import annotations

import errno
import os
from functools import partial
from typing import TYPE_CHECKING

import pytest

from services.api.advice import EMBEDDED, VIDEO_MODULE, Advice, advice_for, explain
from shared.ring.attachment import Condition
from shared.settings import load_settings

if TYPE_CHECKING:
    from shared.naming import SegmentPaths

MANY = load_settings(
    environ={
        "RINGCAST_CAMERAS": '{"hall": {"source": "1"}, "door": {"source": "0"}}',
        "RINGCAST_CAMERAS__GARAGE__SHARED_MEMORY_NAME": "garage_ring",
    }
)


@pytest.mark.parametrize(
    "advice", [VIDEO_MODULE, EMBEDDED, *map(partial(advice_for, MANY), MANY.cameras)]
)
def test_every_condition_but_the_good_one_has_advice_of_its_own(advice: Advice) -> None:
    assert advice.on(Condition.LIVE) == ""
    assert len({advice.on(condition) for condition in Condition}) == len(Condition)


def test_advice_for_the_default_camera_is_the_specifications_sentence() -> None:
    expected = "Video Module is not running. Start it with: python -m services.video"
    assert VIDEO_MODULE.on(Condition.GONE) == expected


def test_the_default_camera_needs_no_name() -> None:
    assert advice_for(load_settings(environ={}), "video") is VIDEO_MODULE
    assert advice_for(MANY, "hall") is VIDEO_MODULE


@pytest.mark.parametrize(
    ("camera", "command"),
    [
        ("door", "python -m services.video --camera=door"),
        ("garage", "python -m services.video --camera=garage"),
    ],
)
def test_advice_for_one_of_many_cameras_can_be_copied_into_a_shell(
    camera: str, command: str
) -> None:
    assert advice_for(MANY, camera).gone.endswith(command)


def test_a_camera_of_somebody_else_is_told_with_its_segment() -> None:
    told = advice_for(MANY, "garage").gone
    assert told.startswith("Nobody writes the segment garage_ring. Start what does; or set")


def test_missing_ring_is_told_with_its_path_and_its_setting(paths: SegmentPaths) -> None:
    told = explain(os.strerror(errno.ENOENT), paths)
    assert told == f"nobody writes {paths.ring} (video.shared_memory_name={paths.name})"


def test_ring_of_somebody_else_is_told_with_the_user(paths: SegmentPaths) -> None:
    told = explain(os.strerror(errno.EACCES), paths)
    assert told.startswith(f"user {os.geteuid()} may not read {paths.ring}")


def test_anything_else_is_told_as_it_is(paths: SegmentPaths) -> None:
    assert explain("the Video Module has died", paths) == "the Video Module has died"
