"""The status of a camera: what is there while it lives, and while there is none."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.api.camera import Camera
    from shared.frame import FrameInfo


def test_status_of_a_camera_that_never_was(camera: Camera) -> None:
    camera.start()
    status = camera.status()
    assert status["online"] is False
    assert status["condition"] == "gone"
    assert status["reason"] == status["why"]
    assert status["why"].startswith("nobody writes /dev/shm/")
    assert status["advice"].endswith("python -m services.video")
    assert status["frame_number"] is None
    assert status["fps"] == 0.0


def test_status_of_a_blank_says_why(camera: Camera, write: Callable[..., FrameInfo]) -> None:
    write(online=False, reason="unplugged")
    camera.start()
    status = camera.status()
    assert (status["online"], status["condition"], status["reason"]) == (False, "live", "unplugged")
    assert status["source"] == "test"
    assert status["worker"] == os.getpid()
    assert status["source_ms"] >= 0.0
    assert (status["leads"], status["follows"], status["auto"]) == ([], [], {})
    assert (status["encoded"], status["encode_seconds"], status["decoded"]) == (0, 0.0, 0)
