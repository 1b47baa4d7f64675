"""Cameras: what is asked for, what is said when they cannot be had. On a fake at OpenCV's seam."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import cv2
import pytest

from services.video.sources.device import DeviceSource
from shared.errors import SourceUnavailable
from shared.settings_schema import DeviceSettings
from tests.support.capture import FakeCapture
from tests.support.pictures import telling_picture

CHARACTER_DEVICE = Path("/dev/null")
MJPG = float(int.from_bytes(b"MJPG", "little"))
YUYV = float(int.from_bytes(b"YUYV", "little"))


def test_camera_is_opened_through_video4linux() -> None:
    camera = FakeCapture([telling_picture(0)])
    DeviceSource(CHARACTER_DEVICE, DeviceSettings(), make_capture=camera).open()

    assert camera.opened_with is not None
    assert camera.opened_with[:2] == ("/dev/null", cv2.CAP_V4L2)


def test_wishes_are_asked_for_and_a_camera_that_obeys_is_no_news(
    caplog: pytest.LogCaptureFixture,
) -> None:
    camera = FakeCapture([telling_picture(0)])
    wishes = DeviceSettings(width=1280, height=720, fps=25, pixel_format="MJPG")
    source = DeviceSource(CHARACTER_DEVICE, wishes, make_capture=camera)

    source.open()

    assert source.details == "1280x720, MJPG, 25 fps"
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_camera_that_gives_something_else_is_warned_about(
    caplog: pytest.LogCaptureFixture,
) -> None:
    given = {
        cv2.CAP_PROP_FRAME_WIDTH: 640.0,
        cv2.CAP_PROP_FRAME_HEIGHT: 480.0,
        cv2.CAP_PROP_FPS: 15.0,
        cv2.CAP_PROP_FOURCC: YUYV,
    }
    camera = FakeCapture([telling_picture(0)], properties=given)
    wishes = DeviceSettings(width=1280, height=720, fps=30, pixel_format="MJPG")

    DeviceSource(CHARACTER_DEVICE, wishes, make_capture=camera).open()

    warning = (
        "v4l2:/dev/null: width 1280 wished, 640 given; height 720 wished, 480 given; "
        "fps 30.0 wished, 15 given; format MJPG wished, YUYV given"
    )
    assert caplog.messages == [warning]


def test_wishes_nobody_has_are_not_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    camera = FakeCapture([telling_picture(0)], properties={cv2.CAP_PROP_FOURCC: MJPG})

    DeviceSource(CHARACTER_DEVICE, DeviceSettings(), make_capture=camera).open()

    assert caplog.messages == []


def test_missing_camera_says_so() -> None:
    with pytest.raises(SourceUnavailable, match=r"there is no /dev/video97: is the camera plugged"):
        DeviceSource(Path("/dev/video97"), DeviceSettings()).open()


def test_file_is_not_a_camera(tmp_path: Path) -> None:
    path = tmp_path / "video0"
    path.touch()

    with pytest.raises(SourceUnavailable, match="is not a device"):
        DeviceSource(path, DeviceSettings()).open()


def test_camera_that_may_not_be_used_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may use everything, so the kernel's answer is set."""
    monkeypatch.setattr(os, "access", lambda *_args: False)

    with pytest.raises(SourceUnavailable, match="add it to group video"):
        DeviceSource(CHARACTER_DEVICE, DeviceSettings()).open()


def test_camera_that_does_not_open_says_what_may_be_wrong() -> None:
    camera = FakeCapture([], opens=False)

    with pytest.raises(SourceUnavailable, match="in use by another program"):
        DeviceSource(CHARACTER_DEVICE, DeviceSettings(), make_capture=camera).open()
    assert camera.released == 1


def test_device_that_is_no_camera_does_not_open() -> None:
    """The real OpenCV on a real device node that is none."""
    with pytest.raises(SourceUnavailable, match="does not open as a camera"):
        DeviceSource(CHARACTER_DEVICE, DeviceSettings()).open()


def test_camera_that_falls_silent_is_lost() -> None:
    source = DeviceSource(
        CHARACTER_DEVICE, DeviceSettings(), make_capture=FakeCapture([telling_picture(0)])
    )
    source.open()
    source.grab()

    with pytest.raises(SourceUnavailable, match="gives no pictures any more"):
        source.grab()
