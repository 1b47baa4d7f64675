"""The embedded capture with a real child."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from services.api.embedded import EmbeddedCapture
from shared.errors import ProtocolError, RingUnavailable
from shared.naming import segment_paths
from shared.ring.reader import RingReader
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from shared.settings import Settings

pytestmark = pytest.mark.process


def test_capture_writes_its_own_segment_until_it_is_stopped(
    settings: Settings, segment_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RINGCAST_CONFIG", str(tmp_path / "config.json"))
    monkeypatch.setenv("RINGCAST_VIDEO__SOURCE", "pattern://160x120@30")
    capture = EmbeddedCapture(settings)
    assert capture.segment == f"{segment_name}_legacy"
    paths = segment_paths(capture.segment)

    def alive() -> bool:
        try:
            reader = RingReader.open(paths)
        except (RingUnavailable, ProtocolError):
            return False
        alive = reader.writer_lives()
        reader.close()
        return alive

    capture.start(needed=lambda: not alive())
    wait_until(alive, "the capture to write")
    capture.stop()
    capture.stop()
    assert not alive()
    names = [thread.name for thread in threading.enumerate()]
    wait_until(
        lambda: "embedded-capture" not in [thread.name for thread in threading.enumerate()],
        f"its thread to end: {names}",
    )


def test_capture_that_is_not_needed_is_not_started(settings: Settings) -> None:
    asked = threading.Event()

    def needed() -> bool:
        asked.set()
        return False

    capture = EmbeddedCapture(settings)
    capture.start(needed)
    assert asked.wait(5.0)
    capture.stop()
    assert not segment_paths(capture.segment).lock.exists()
