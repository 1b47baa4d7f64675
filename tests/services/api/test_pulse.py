from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from services.api import pulse as module
from services.api.pulse import Lateness, Pulse
from tests.support.greenlets import let_run, turns_until

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def seconds() -> list[None]:
    """Grows by one entry a second."""
    return []


@pytest.fixture
def pulse(monkeypatch: pytest.MonkeyPatch, seconds: list[None]) -> Iterator[Pulse]:
    """A pulse of a thousand beats per second."""
    monkeypatch.setattr(module, "_BEAT_S", 0.001)
    monkeypatch.setattr(module, "_ENOUGH", 20)
    pulse = Pulse(lambda: seconds.append(None))
    yield pulse
    pulse.stop()
    pulse.stop()


def test_lateness_is_median_99th_percentile_and_worst() -> None:
    lateness = Lateness()
    assert lateness.summary() == {"p50": 0.0, "p99": 0.0, "max": 0.0}
    for number in range(1, 101):
        lateness.note(number / 1000)
    assert lateness.summary() == {"p50": 51.0, "p99": 100.0, "max": 100.0}
    lateness.note(-1.0)
    for _ in range(1200):
        lateness.note(0.0)
    assert len(lateness) == 1200
    assert lateness.summary()["max"] == 0.0, "only the last minute counts"


def test_pulse_beats_and_does_the_work_of_each_second(pulse: Pulse, seconds: list[None]) -> None:
    pulse.start()
    turns_until(lambda: len(seconds) == 3, "three times the work")
    assert len(pulse.lateness) >= 60
    pulse.stop()
    let_run(0.05)
    assert len(seconds) == 3


def test_worker_that_is_late_says_so_once_with_advice(
    pulse: Pulse, seconds: list[None], caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(20):
        pulse.lateness.note(0.4)
    pulse.start()
    turns_until(lambda: len(seconds) == 3, "three looks")
    (record,) = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert "400 ms or longer" in record.getMessage()
    assert "api.workers" in record.getMessage()
