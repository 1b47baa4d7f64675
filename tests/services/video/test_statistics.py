"""One line a minute, and complaints that do not flood."""

from __future__ import annotations

import logging

import pytest

from services.video.statistics import Statistics


@pytest.fixture(autouse=True)
def _all_levels(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def test_minute_is_summed_up_when_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    statistics = Statistics(now_s=100.0)
    for frame in range(1, 1801):
        statistics.count_frame(100.0 + frame / 30)
    statistics.count_dropped(3)

    statistics.report(159.9)
    assert caplog.messages == []

    statistics.report(160.0)
    assert caplog.messages == ["30.0 fps; in the last minute 1800 frames, 3 dropped"]


def test_every_minute_counts_anew(caplog: pytest.LogCaptureFixture) -> None:
    statistics = Statistics(now_s=0.0)
    statistics.count_dropped(3)
    statistics.report(60.0)
    statistics.report(61.0)
    statistics.report(120.0)

    assert len(caplog.messages) == 2
    assert caplog.messages[1].endswith("0 frames, 0 dropped")


def test_complaint_with_every_picture_is_voiced_now_and_then(
    caplog: pytest.LogCaptureFixture,
) -> None:
    statistics = Statistics(now_s=0.0)
    for picture in range(31):
        statistics.complain(picture / 3, "damaged")

    assert caplog.messages == ["damaged", "damaged (29 more like this)"]


def test_damaged_pictures_are_told_where_there_are_any(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    statistics = Statistics(0.0)
    statistics.count_dropped(3)
    statistics.count_damaged()
    statistics.report(60.0)
    statistics.report(120.0)

    assert caplog.messages == [
        "0.0 fps; in the last minute 0 frames, 3 dropped (1 of them damaged)",
        "0.0 fps; in the last minute 0 frames, 0 dropped",
    ]
