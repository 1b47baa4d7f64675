"""The grabber keeps at it: opens, hands over in turns, backs off, tries again, lets go."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING

import pytest

from services.video.backoff import Backoff
from services.video.grabber import Grabber
from services.video.messages import (
    GrabberFailed,
    Inbox,
    Message,
    PictureReady,
    SourceFinished,
    SourceLost,
    SourceOpened,
)
from services.video.sources.source import Grab, monotonic_ns
from services.video.watchdog import Pulse
from shared.errors import SourceEnded, SourceUnavailable
from shared.frame import Geometry, PixelFormat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shared.ring.writer import Slot


class ScriptedSource:
    """A source that does what its script says: one entry per ``open`` or ``grab``."""

    def __init__(self, *script: Exception | str) -> None:
        self._script = list(script)
        self.label = "script"
        self.details = "scripted"
        self.longest_open_s = 3.0
        self.longest_grab_s = 2.0
        self.closed = 0
        self.threads: set[str] = set()

    def open(self) -> None:
        self._next()

    def grab(self) -> Grab:
        self._next()
        return Grab(Geometry(8, 4, PixelFormat.BGR24), monotonic_ns())

    def retrieve(self, slot: Slot) -> Geometry:
        return slot.geometry

    def close(self) -> None:
        self.closed += 1

    def _next(self) -> None:
        self.threads.add(threading.current_thread().name)
        step = self._script.pop(0) if self._script else "go on"
        if isinstance(step, Exception):
            raise step


class Rig:
    """A running grabber and its inbox."""

    def __init__(
        self, source: ScriptedSource, initial_s: float = 0.001, pulse: Pulse | None = None
    ) -> None:
        self.inbox: Inbox = queue.SimpleQueue()
        self.stopping = threading.Event()
        self.pulse = pulse or Pulse("grabber")
        self.grabber = Grabber(
            source, self.inbox, Backoff(initial_s, 30.0, lambda: 0.0), self.stopping, self.pulse
        )
        self.grabber.start()

    def next(self) -> Message:
        return self.inbox.get(timeout=5)


@pytest.fixture
def run() -> Iterator[Callable[..., Rig]]:
    rigs: list[Rig] = []

    def start(source: ScriptedSource, initial_s: float = 0.001) -> Rig:
        rigs.append(Rig(source, initial_s))
        return rigs[-1]

    yield start
    for rig in rigs:
        assert rig.grabber.stop(5.0)


def test_server_that_ends_after_every_picture_is_asked_less_and_less_often(
    run: Callable[..., Rig], caplog: pytest.LogCaptureFixture
) -> None:
    one_picture = ("open", "picture", SourceUnavailable("ended the stream"))
    rig = run(ScriptedSource(*one_picture * 3))
    for _ in range(3):
        assert rig.next() == SourceOpened()
        assert isinstance(rig.next(), PictureReady)
        rig.grabber.resume()
        assert rig.next() == SourceLost("ended the stream")

    pauses = [message.rpartition("next try in ")[2] for message in caplog.messages]
    assert pauses == ["0.001 s", "0.002 s", "0.004 s"]


def test_watchdog_is_told_of_every_call_and_what_it_may_take() -> None:
    calls: list[tuple[str, float] | None] = []
    pulse = Pulse("grabber")

    class Looking(ScriptedSource):
        def _next(self) -> None:
            call = pulse.call
            calls.append(None if call is None else (call.what, call.may_take_s))
            super()._next()

    source = Looking("open", "picture", SourceUnavailable("gone"))
    rig = Rig(source, initial_s=3600.0, pulse=pulse)
    rig.next()
    rig.next()
    assert rig.pulse.call is None, "the picture's turn is somebody else's"
    rig.grabber.resume()
    assert rig.next() == SourceLost("gone")
    assert calls == [
        ("opening script", 3.0),
        ("waiting for a picture of script", 2.0),
        ("waiting for a picture of script", 2.0),
    ]
    assert rig.grabber.stop(5.0)
    assert rig.pulse.call is None, "a pause is no call"


def test_pictures_are_handed_over_in_turns(run: Callable[..., Rig]) -> None:
    rig = run(ScriptedSource())

    assert rig.next() == SourceOpened()
    assert isinstance(rig.next(), PictureReady)
    with pytest.raises(queue.Empty):
        rig.inbox.get(timeout=0.05)  # not before the first one was retrieved
    rig.grabber.resume()
    assert isinstance(rig.next(), PictureReady)


def test_source_that_does_not_open_is_tried_again(run: Callable[..., Rig]) -> None:
    source = ScriptedSource(SourceUnavailable("no cable"), SourceUnavailable("no power"))
    rig = run(source)

    assert rig.next() == SourceLost("no cable")
    assert rig.next() == SourceLost("no power")
    assert rig.next() == SourceOpened()
    assert source.closed == 2
    assert source.threads == {"grabber"}


def test_source_that_is_lost_is_closed_and_opened_again(run: Callable[..., Rig]) -> None:
    source = ScriptedSource("open", "picture", SourceUnavailable("gone"))
    rig = run(source)
    assert rig.next() == SourceOpened()
    assert isinstance(rig.next(), PictureReady)
    rig.grabber.resume()

    assert rig.next() == SourceLost("gone")
    assert rig.next() == SourceOpened()
    assert source.closed == 1


def test_source_whose_pictures_are_of_no_use_is_lost_too(run: Callable[..., Rig]) -> None:
    source = ScriptedSource()
    rig = run(source)
    assert rig.next() == SourceOpened()
    assert isinstance(rig.next(), PictureReady)
    rig.grabber.resume("nothing but damaged pictures")

    assert rig.next() == SourceLost("nothing but damaged pictures")
    assert rig.next() == SourceOpened()
    assert source.closed == 1


def test_loss_is_logged_with_the_reason_and_the_next_try(
    run: Callable[..., Rig], caplog: pytest.LogCaptureFixture
) -> None:
    rig = run(ScriptedSource(SourceUnavailable("no cable")))
    rig.next()
    rig.next()

    assert "source script: no cable; next try in 0.001 s" in caplog.messages


def test_file_that_is_through_ends_the_grabber(run: Callable[..., Rig]) -> None:
    source = ScriptedSource("open", SourceEnded("through"))
    rig = run(source)

    assert rig.next() == SourceOpened()
    assert rig.next() == SourceFinished("through")
    assert rig.grabber.stop(5.0)
    assert source.closed == 1


def test_error_nobody_expected_is_passed_on(run: Callable[..., Rig]) -> None:
    error = ZeroDivisionError("a bug")
    rig = run(ScriptedSource("open", error))

    assert rig.next() == SourceOpened()
    assert rig.next() == GrabberFailed(error)


def test_stop_cuts_a_pause_short(run: Callable[..., Rig]) -> None:
    source = ScriptedSource(SourceUnavailable("no cable"))
    rig = run(source, initial_s=3600.0)
    rig.next()

    assert rig.grabber.stop(5.0)
    assert source.closed == 2


def test_stop_while_a_picture_waits_for_its_turn(run: Callable[..., Rig]) -> None:
    source = ScriptedSource()
    rig = run(source)
    rig.next()
    rig.next()

    assert rig.grabber.stop(5.0)
    assert source.closed == 1


def test_stop_does_not_wait_for_a_source_that_hangs() -> None:
    released = threading.Event()

    class Hanging(ScriptedSource):
        def grab(self) -> Grab:
            released.wait()
            return super().grab()

    rig = Rig(Hanging())
    rig.next()

    assert not rig.grabber.stop(0.05)
    released.set()
    assert rig.grabber.stop(5.0)
