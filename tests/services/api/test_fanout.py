"""The fan-out with streams that only take notes: who is offered what, how often is it encoded."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING

import gevent
import pytest

from services.api.camera import Camera
from services.api.fanout import Fanout
from services.api.rendition import Rendition
from services.api.variant import Variant
from shared.errors import EncodeError
from tests.support.greenlets import let_run, turns_until
from tests.support.notes import Notes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from services.api.encoded import EncodedFrame
    from services.api.encoder import Encoder
    from shared.frame import FrameInfo
    from shared.naming import SegmentPaths
    from shared.ring.writer import RingWriter
    from shared.settings import Settings

PLAIN = Variant(85)


def watched(camera: Camera, fanout: Fanout, write: Callable[..., FrameInfo]) -> Notes:
    """A client of a camera that has a frame."""
    write()
    camera.start()
    stream = Notes()
    fanout.join(stream)
    return stream


class Drain:
    """Says whether the worker is shutting down."""

    draining = False

    def __call__(self) -> bool:
        return self.draining


@pytest.fixture
def drain() -> Drain:
    return Drain()


@pytest.fixture
def camera(
    paths: SegmentPaths, settings: Settings, encoder: Encoder, drain: Drain
) -> Iterator[Camera]:
    camera = Camera("video", paths, settings, encoder, drain)
    yield camera
    camera.stop()


@pytest.fixture
def fanout(camera: Camera) -> Iterator[Fanout]:
    fanout = camera.fanout(PLAIN)
    yield fanout
    for stream in tuple(fanout.streams):
        fanout.leave(stream)
    turns_until(lambda: camera.clients() == 0 and not camera.feed._waiters, "the greenlet to end")  # noqa: SLF001


def test_everybody_is_sent_the_very_same_object(
    camera: Camera, fanout: Fanout, write: Callable[..., FrameInfo]
) -> None:
    write()
    camera.start()
    streams = [Notes() for _ in range(40)]
    for stream in streams:
        fanout.join(stream)
    turns_until(lambda: all(stream.seen for stream in streams), "everybody served")
    assert len({id(stream.seen[0]) for stream in streams}) == 1
    assert camera.clients() == 40


def test_others_have_their_turn_while_many_are_sent_to(
    camera: Camera, fanout: Fanout, write: Callable[..., FrameInfo]
) -> None:
    """Timers and sockets have it too, not only greenlets that are ready anyway."""
    write()
    camera.start()
    served_meanwhile: list[int] = []

    class Starter(Notes):
        """Starts a timer that is due at once when it is sent something."""

        def send(self, jpeg: EncodedFrame) -> None:
            super().send(jpeg)
            timer.start(look)

    def look() -> None:
        served_meanwhile.append(sum(bool(stream.seen) for stream in streams))

    streams = [Starter() for _ in range(200)]
    timer = gevent.get_hub().loop.timer(0.0)
    for stream in streams:
        fanout.join(stream)
    turns_until(lambda: all(stream.seen for stream in streams), "everybody served")
    timer.close()
    assert served_meanwhile[0] < len(streams) // 2


def test_what_nobody_wants_is_not_encoded(
    camera: Camera, fanout: Fanout, write: Callable[..., FrameInfo]
) -> None:
    write()
    camera.start()
    busy = Notes(eager=False)
    fanout.join(busy)
    turns_until(lambda: busy.tended > 0, "a turn")
    assert camera.status()["encoded"] == 0


def test_new_frames_are_sent_as_they_come(
    camera: Camera, fanout: Fanout, write: Callable[..., FrameInfo]
) -> None:
    stream = watched(camera, fanout, write)
    for number in range(1, 4):
        turns_until(lambda number=number: len(stream.seen) == number, f"frame {number}")  # type: ignore[misc]
        write()
    numbers = [jpeg.sequence for jpeg in stream.seen]
    assert numbers == sorted(set(numbers))


def test_drain_ends_everybody(
    camera: Camera, fanout: Fanout, write: Callable[..., FrameInfo], drain: Drain
) -> None:
    stream = watched(camera, fanout, write)
    drain.draining = True
    turns_until(lambda: bool(stream.ended), "the end")
    assert "shutting down" in stream.ended


def test_loss_of_the_video_module_is_shown_once_a_second(
    camera: Camera, fanout: Fanout, write: Callable[..., FrameInfo], writer: RingWriter
) -> None:
    stream = watched(camera, fanout, write)
    turns_until(lambda: bool(stream.seen), "a frame")
    writer.close()
    turns_until(lambda: not stream.seen[-1].online, "a blank")
    let_run(0.3)
    assert [jpeg.online for jpeg in stream.seen].count(False) == 1
    assert not stream.ended, "it may come back"


def test_where_another_writer_is_expected_the_last_picture_stays_for_a_moment(
    camera: Camera, fanout: Fanout, write: Callable[..., FrameInfo], writer: RingWriter
) -> None:
    camera.handover_s = 3600.0
    stream = watched(camera, fanout, write)
    turns_until(lambda: bool(stream.seen), "a frame")
    writer.close()
    turns_until(lambda: camera.lost_for_s() > 0.3, "its loss")
    assert [jpeg.online for jpeg in stream.seen].count(False) == 0
    camera.handover_s = 0.0
    turns_until(lambda: not stream.seen[-1].online, "a blank, as the moment is over")


def test_frame_that_cannot_be_encoded_is_counted_and_the_next_one_sent(
    camera: Camera,
    fanout: Fanout,
    write: Callable[..., FrameInfo],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    info = write()
    camera.start()
    encode = camera.darkroom.develop

    def fail_for_one(frame: FrameInfo, variant: Variant) -> EncodedFrame:
        if frame.sequence == info.sequence:
            raise EncodeError("bad luck")
        return encode(frame, variant)

    monkeypatch.setattr(camera.darkroom, "develop", fail_for_one)
    stream = Notes()
    fanout.join(stream)
    turns_until(lambda: camera.counters.encode_errors > 0, "the failure")
    newest = write()
    turns_until(lambda: bool(stream.seen), "the next frame")
    assert stream.seen[0].sequence == newest.sequence


def test_frame_is_chosen_when_there_is_room_to_encode_it(
    camera: Camera, fanout: Fanout, write: Callable[..., FrameInfo]
) -> None:
    """Chosen before, it is overwritten while it waits: a third of all, with 32 variants."""
    write()
    camera.start()
    stream = Notes()
    with camera.darkroom.turn:
        fanout.join(stream)
        let_run(0.05)
        newest = [write() for _ in range(6)][-1]  # more than the ring has slots
        turns_until(lambda: camera.feed.newest == newest, "the newest frame")
    turns_until(lambda: bool(stream.seen), "a frame")
    assert stream.seen[0].sequence == newest.sequence
    assert camera.counters.overwritten == 0


def test_client_that_left_while_its_frame_was_encoded_is_sent_nothing(
    camera: Camera,
    fanout: Fanout,
    write: Callable[..., FrameInfo],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write()
    camera.start()
    leaving, staying = Notes(), Notes()
    encode = camera.darkroom.develop

    def encode_and_leave(frame: FrameInfo, variant: Variant) -> EncodedFrame:
        leaving.end("the client has left")
        return encode(frame, variant)

    monkeypatch.setattr(camera.darkroom, "develop", encode_and_leave)
    fanout.join(leaving)
    fanout.join(staying)
    turns_until(lambda: bool(staying.seen), "the other client's frame")
    assert leaving.seen == []


def test_unknown_error_ends_the_streams_instead_of_leaving_them_hanging(
    camera: Camera,
    fanout: Fanout,
    write: Callable[..., FrameInfo],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write()
    camera.start()

    def fail(*_: object) -> EncodedFrame:
        raise ZeroDivisionError

    monkeypatch.setattr(camera.darkroom, "develop", fail)
    stream = Notes()
    fanout.join(stream)
    turns_until(lambda: bool(stream.ended), "the end")
    assert stream.ended == "stream generation error"


def test_greenlet_ends_with_its_last_client(
    camera: Camera, write: Callable[..., FrameInfo]
) -> None:
    fanout = camera.fanout(PLAIN)
    stream = watched(camera, fanout, write)
    turns_until(lambda: bool(stream.seen), "a frame")
    fanout.leave(stream)
    turns_until(lambda: not camera.feed._waiters, "the greenlet to end")  # noqa: SLF001
    assert camera.fanout(PLAIN) is not fanout


def test_pictures_go_at_once_with_the_last_client(
    camera: Camera, write: Callable[..., FrameInfo]
) -> None:
    fanout = camera.fanout(PLAIN)
    stream = watched(camera, fanout, write)
    turns_until(lambda: bool(stream.seen), "a frame")
    fanout.leave(stream)
    turns_until(lambda: fanout.idle, "the end")
    held = [one for one in gc.get_referrers(stream.seen[0]) if isinstance(one, Fanout | Rendition)]
    assert held == [], "each picture is an open file: it must not wait for the collector"


def test_client_that_leaves_before_the_first_picture_is_let_go(fanout: Fanout) -> None:
    stays, leaves = Notes(), Notes()
    fanout.join(stays)
    fanout.join(leaves)
    gone = weakref.ref(leaves)
    fanout.leave(leaves)
    del leaves
    gc.collect()
    assert gone() is None, "a camera without pictures would gather them"
