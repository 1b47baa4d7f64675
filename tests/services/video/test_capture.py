"""The capture loop, message by message, on a real ring."""

from __future__ import annotations

import os
import queue
import re
import threading
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from services.video.capture import CaptureLoop
from services.video.messages import (
    GrabberFailed,
    Inbox,
    Message,
    PictureReady,
    SourceFinished,
    SourceLost,
    SourceOpened,
    StopRequested,
)
from services.video.notify import Notifier
from services.video.sources.source import (
    Grab,
    PictureResized,
    PictureUnreadable,
    Relayed,
    monotonic_ns,
)
from services.video.watchdog import Pulse
from shared.errors import RingSpaceError
from shared.frame import Epoch, Geometry, PixelFormat, Sequence
from shared.publisher import Publisher
from shared.ring.reader import RingReader
from shared.ring.writer import RingWriter
from shared.settings_schema import RetrySettings, VideoSettings
from tests.support.systemd import NotifyListener
from tests.support.video import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.frame import FrameInfo
    from shared.naming import SegmentPaths
    from shared.ring.writer import Slot

SMALL = Geometry(64, 48, PixelFormat.BGR24)
SMALLER = Geometry(32, 24, PixelFormat.BGR24)
LARGER = Geometry(640, 480, PixelFormat.BGR24)
GRAY = Geometry(64, 48, PixelFormat.GRAY8)
STOP = StopRequested("the test")
ROOM_BYTES = 64 * 2**20


class Source:
    """Fills slots with the number of the retrieve; or does what ``then`` says, once."""

    label = "source"
    details = "scripted"

    def __init__(self) -> None:
        self.retrieved = 0
        self.then: Exception | None = None

    def retrieve(self, slot: Slot) -> Geometry:
        self.retrieved += 1
        if self.then is not None:
            error, self.then = self.then, None
            try:
                raise error
            finally:
                del error  # else it holds this frame, this the slot, and that the segment
        if slot.geometry.pixel_format is PixelFormat.JPEG:
            slot.payload[:] = self.retrieved
        else:
            slot.image[:] = self.retrieved
        return slot.geometry


class Turns:
    """Stands where the grabber does; counts how often it got the source back."""

    def __init__(self) -> None:
        self.resumed = 0
        self.lost_because: list[str | None] = []

    def resume(self, lost_because: str | None = None) -> None:
        self.resumed += 1
        self.lost_because.append(lost_because)


class Rig:
    """A capture loop on a real ring, fed by hand."""

    def __init__(self, writer: RingWriter, publisher: Publisher, **settings: float) -> None:
        self.source = Source()
        self.turns = Turns()
        self.inbox: Inbox = queue.SimpleQueue()
        self.pulse = Pulse("capture loop")
        self.notifier = Notifier()
        self._writer = writer
        self.loop = CaptureLoop(
            self.source,  # type: ignore[arg-type]  # scripted
            self.turns,  # type: ignore[arg-type]  # scripted
            writer,
            publisher,
            self.inbox,
            VideoSettings(retry=RetrySettings(initial_sec=30, max_sec=30), **settings),
        )

    def run(self, *messages: Message) -> str:
        """Give it the messages and then the wish to end; every one is handled before that."""
        for message in (*messages, STOP):
            self.inbox.put(message)
        return self.loop.run(self.pulse, self.notifier)

    def newest(self) -> tuple[FrameInfo, np.ndarray, int]:
        """The newest frame, and how many frames the ring counts as dropped."""
        reader = RingReader.open(self._writer.paths)
        with reader.view(reader.head) as view:
            frame = view.info, view.copy(), reader.dropped
        reader.close()
        return frame


@pytest.fixture
def publisher(paths: SegmentPaths) -> Iterator[Publisher]:
    with Publisher(paths) as publisher:
        yield publisher


@pytest.fixture
def rig(writer: RingWriter, publisher: Publisher) -> Rig:
    return Rig(writer, publisher)


def picture(
    geometry: Geometry = SMALL, dropped: int = 0, period_s: float | None = None
) -> PictureReady:
    return PictureReady(Grab(geometry, monotonic_ns(), dropped=dropped, period_s=period_s))


def jpeg(size_bytes: int) -> PictureReady:
    geometry = Geometry(64, 48, PixelFormat.JPEG)
    return PictureReady(Grab(geometry, monotonic_ns(), size_bytes=size_bytes))


def test_picture_goes_into_the_ring_with_its_capture_time(rig: Rig) -> None:
    ready = picture()
    rig.run(SourceOpened(), ready)

    info, image, _ = rig.newest()
    assert info.sequence == 1
    assert info.online
    assert info.geometry == SMALL
    assert info.captured_at == ready.grab.captured_at <= info.published_at
    assert (image == 1).all()
    assert rig.turns.resumed == 1


def test_pictures_the_source_dropped_are_counted_in_the_ring(rig: Rig) -> None:
    rig.run(picture(), picture(dropped=3), picture(dropped=1))

    assert rig.newest()[2] == 4


@pytest.mark.parametrize("geometry", [SMALLER, LARGER, GRAY])
def test_picture_of_another_size_than_promised_is_copied_once(rig: Rig, geometry: Geometry) -> None:
    other = np.full(geometry.shape, 99, np.uint8)
    rig.source.then = PictureResized(geometry, other)

    rig.run(picture(SMALL))

    info, image, _ = rig.newest()
    assert (info.sequence, info.geometry) == (1, geometry)
    assert (image == 99).all()


def test_growing_picture_starts_a_new_epoch_and_goes_on_counting(rig: Rig) -> None:
    rig.run(picture(SMALL))
    before, _, _ = rig.newest()

    rig.run(picture(LARGER))

    after, image, _ = rig.newest()
    assert after.epoch != before.epoch
    assert after.sequence == before.sequence + 1
    assert (image == 2).all()


def test_unreadable_picture_is_dropped_and_its_number_used_again(rig: Rig) -> None:
    rig.source.then = PictureUnreadable("damaged")

    rig.run(picture(), picture())

    info, image, dropped = rig.newest()
    assert (info.sequence, dropped) == (1, 1)
    assert (image == 2).all()
    assert rig.turns.resumed == 2


def test_source_of_nothing_but_damaged_pictures_is_to_be_opened_again(
    writer: RingWriter, publisher: Publisher
) -> None:
    rig = Rig(writer, publisher, stall_timeout_sec=0.05)
    rig.source.then = PictureUnreadable("damaged")
    rig.run(picture())
    due_s = time.monotonic() + 0.05
    wait_for(lambda: time.monotonic() > due_s, "stall")
    rig.source.then = PictureUnreadable("damaged")
    rig.run(picture())
    rig.source.then = PictureUnreadable("damaged")
    rig.run(SourceOpened(), picture())

    # The last one has a new chance: the source has just been opened.
    assert rig.turns.lost_because == [None, "nothing but damaged pictures for 0 s", None]


def test_lost_source_is_blanked_at_once_in_the_size_it_had(rig: Rig) -> None:
    rig.run(picture(), SourceLost("no cable"))

    info, image, _ = rig.newest()
    assert (info.online, info.reason, info.geometry) == (False, "no cable", SMALL)
    assert info.sequence == 2
    assert len(np.unique(image)) > 1


@pytest.mark.parametrize("reason", ["x" * 200, "ö" * 100, "x" + "€" * 100])
def test_long_reason_is_cut_at_a_character(rig: Rig, reason: str) -> None:
    rig.run(SourceLost(reason))

    shown = rig.newest()[0].reason
    assert shown.endswith("…")
    assert reason.startswith(shown.removesuffix("…"))
    assert 60 < len(shown.encode()) <= 64


def test_blank_of_a_gray_camera_is_gray(rig: Rig) -> None:
    rig.run(picture(GRAY), SourceLost("no cable"))

    assert rig.newest()[0].geometry == GRAY


def test_blank_before_any_picture_is_small(rig: Rig) -> None:
    rig.run(SourceLost("no cable"))

    assert rig.newest()[0].geometry == Geometry(640, 360, PixelFormat.BGR24)


def test_loss_again_and_again_is_one_blank_a_second(rig: Rig) -> None:
    rig.run(picture(), *(SourceLost(f"try {number}") for number in range(10)))

    assert rig.newest()[0].sequence == 2


def test_picture_after_a_loss_is_online_again(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    rig.run(picture(), SourceLost("no cable"), SourceOpened(), picture())

    info, _, _ = rig.newest()
    assert (info.online, info.reason, info.sequence) == (True, "", 3)
    assert "source source: recovered after" in caplog.text


def test_first_picture_of_all_recovers_nothing(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    rig.run(SourceLost("no cable"), SourceOpened(), picture())

    assert "source source: first picture after" in caplog.text
    assert "recovered" not in caplog.text


def test_silence_is_blanked_after_the_stall_timeout_and_the_heart_beats_on(
    writer: RingWriter, publisher: Publisher
) -> None:
    rig = Rig(writer, publisher, stall_timeout_sec=0.3)
    rig.inbox.put(picture())
    working = threading.Thread(target=rig.loop.run, args=(rig.pulse, rig.notifier))
    working.start()
    try:
        reader = wait_for(lambda: open_ring(writer.paths), "ring")
        beats = set[int]()

        def blanked() -> bool:
            beats.add(reader.heartbeat)
            return reader.head == 2

        wait_for(blanked, "blank")
        with reader.view(reader.head) as view:
            assert view.info.reason == "no picture from source for 0 s"
        assert len(beats) >= 2  # between the picture and the blank there was nothing but beats
        reader.close()
    finally:
        rig.inbox.put(STOP)
        working.join(5)
    assert not working.is_alive()


def test_source_that_is_slow_by_nature_has_not_stalled(
    writer: RingWriter, publisher: Publisher
) -> None:
    rig = Rig(writer, publisher, stall_timeout_sec=0.1)
    rig.inbox.put(picture(period_s=0.4))
    stopper = threading.Timer(0.6, rig.inbox.put, [STOP])
    stopper.start()

    rig.loop.run(rig.pulse, rig.notifier)

    assert rig.newest()[0].online


def test_rate_of_a_source_that_does_not_know_it_is_learned_from_its_gaps(
    writer: RingWriter, publisher: Publisher
) -> None:
    rig = Rig(writer, publisher, stall_timeout_sec=0.1)
    rig.inbox.put(picture())
    for at_s, message in ((0.4, picture()), (1.0, STOP)):
        threading.Timer(at_s, rig.inbox.put, [message]).start()

    rig.loop.run(rig.pulse, rig.notifier)

    info, _, _ = rig.newest()
    assert info.online
    assert info.sequence > 2  # the first gap was blanked: the rate was not known yet


def test_outage_is_not_taken_for_the_rate_of_the_source(
    writer: RingWriter, publisher: Publisher
) -> None:
    rig = Rig(writer, publisher, stall_timeout_sec=0.1)
    rig.inbox.put(picture())
    for at_s, message in ((0.05, picture()), (0.7, picture()), (0.75, picture()), (1.3, STOP)):
        threading.Timer(at_s, rig.inbox.put, [message]).start()

    rig.loop.run(rig.pulse, rig.notifier)

    info, _, _ = rig.newest()
    assert not info.online  # blanked after stall_timeout, not after twice the outage


def test_picture_that_waits_is_shown_before_a_blank_that_is_due(
    writer: RingWriter, publisher: Publisher
) -> None:
    rig = Rig(writer, publisher, stall_timeout_sec=0.05)
    rig.run(picture())
    due_s = time.monotonic() + 0.05
    wait_for(lambda: time.monotonic() > due_s, "stall")

    rig.run(SourceOpened(), picture())

    info, _, _ = rig.newest()
    assert (info.sequence, info.online) == (2, True)


def open_ring(paths: SegmentPaths) -> RingReader | None:
    return RingReader.open(paths) if paths.ring.exists() else None


def test_systemd_and_the_watchdog_hear_of_it(rig: Rig) -> None:
    listener = NotifyListener(f"@ringcast-test-{os.getpid()}")
    rig.notifier = Notifier(listener.address)
    with listener.socket, rig.notifier:
        rig.run(picture(), SourceLost("no cable"))
        assert listener.heard() == [
            ["READY=1", "STATUS=64x48 from source"],
            ["STATUS=blanks: no cable"],
            ["STOPPING=1", "STATUS=ending: stopped by the test"],
        ]
    assert rig.pulse.call is not None


def test_ends_say_why(rig: Rig) -> None:
    assert rig.run() == "stopped by the test"
    assert rig.run(SourceFinished("a.mp4 is through")) == "a.mp4 is through"


def test_error_of_the_grabber_is_raised_here(rig: Rig) -> None:
    with pytest.raises(ZeroDivisionError):
        rig.run(GrabberFailed(ZeroDivisionError()))


@pytest.fixture
def cramped(paths: SegmentPaths, publisher: Publisher) -> Iterator[Rig]:
    """A ring with room for 64 MiB and not for more."""
    room = os.statvfs(paths.directory)
    reserve_bytes = max(0, room.f_bavail * room.f_frsize - ROOM_BYTES)
    with RingWriter(paths, slots=8, reserve_bytes=reserve_bytes) as writer:
        yield Rig(writer, publisher)


HUGE = Geometry(4000, 3000, PixelFormat.BGR24)


def test_picture_there_is_no_room_for_leaves_the_old_ring_and_says_so_on_it(
    cramped: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    cramped.run(picture(SMALL))
    before, _, _ = cramped.newest()

    cramped.run(picture(HUGE))

    blank, _, dropped = cramped.newest()
    assert blank.epoch == before.epoch
    assert (blank.online, blank.geometry) == (False, SMALL)
    assert blank.reason == "no room in shared memory for 4000x3000: see the log"
    assert dropped == 1
    assert "not enough shared memory" in caplog.text
    assert re.search(r"Next try in (1[5-9]|2\d|30) s", caplog.text)


@pytest.mark.parametrize("announced", [True, False])
def test_picture_that_fits_only_without_the_old_ring_replaces_it(
    cramped: Rig,
    announced: bool,  # noqa: FBT001 - a parameter
) -> None:
    large, larger = (Geometry(*size, PixelFormat.BGR24) for size in ((1280, 720), (1920, 1080)))
    cramped.run(picture(large))
    before, _, _ = cramped.newest()
    if not announced:
        cramped.source.then = PictureResized(larger, np.full(larger.shape, 99, np.uint8))

    cramped.run(picture(larger if announced else large))

    after, _, _ = cramped.newest()
    assert after.epoch != before.epoch
    assert (after.sequence, after.online, after.geometry) == (2, True, larger)


def test_room_is_not_asked_for_with_every_picture(
    cramped: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    cramped.run(picture(SMALL), *(picture(HUGE) for _ in range(20)))

    assert caplog.text.count("not enough shared memory") == 1
    assert cramped.newest()[2] == 20
    assert cramped.turns.resumed == 21


def test_smaller_jpeg_of_the_same_geometry_is_shown_while_there_is_no_room_for_larger_ones(
    cramped: Rig,
) -> None:
    cramped.run(jpeg(20_000), jpeg(2**30), jpeg(2**30), jpeg(20_000))

    info, _, dropped = cramped.newest()
    assert (info.online, info.size_bytes, dropped) == (True, 20_000, 2)


def test_blank_of_a_source_of_jpegs_is_one_too(rig: Rig) -> None:
    rig.run(jpeg(20_000))
    before, _, _ = rig.newest()
    rig.run(SourceLost("no cable"))

    info, payload, _ = rig.newest()
    assert (info.online, info.epoch) == (False, before.epoch)
    assert info.geometry == Geometry(64, 48, PixelFormat.JPEG)
    assert bytes(payload[:2]) == b"\xff\xd8"


def test_picture_that_fits_again_ends_the_blank(cramped: Rig) -> None:
    cramped.run(picture(SMALL), picture(HUGE), picture(SMALL))

    assert cramped.newest()[0].online


def test_no_room_for_the_very_first_picture_ends_the_service(cramped: Rig) -> None:
    with pytest.raises(RingSpaceError):
        cramped.run(picture(HUGE))


def test_no_room_even_for_the_first_blank_ends_the_service(
    paths: SegmentPaths, publisher: Publisher
) -> None:
    with (
        RingWriter(paths, reserve_bytes=2**60) as writer,
        pytest.raises(RingSpaceError, match="not enough shared memory"),
    ):
        Rig(writer, publisher).run(SourceLost("no cable"))


def relayed(number: int, *, repeated: bool = False) -> PictureReady:
    said = Relayed((Epoch(9), Sequence(number)), hops=("gate", "hall"), repeated=repeated)
    return PictureReady(Grab(SMALL, monotonic_ns(), relayed=said))


def test_loss_that_may_be_over_soon_shows_no_blank(rig: Rig) -> None:
    rig.run(relayed(1), SourceLost("the link is cut", returns=True), SourceOpened(), relayed(2))

    info, _, _ = rig.newest()
    assert (info.sequence, info.origin_sequence, info.online) == (2, 2, True)


def test_loss_that_lasts_longer_than_the_stall_timeout_shows_one(
    writer: RingWriter, publisher: Publisher
) -> None:
    rig = Rig(writer, publisher, stall_timeout_sec=0.05)
    rig.inbox.put(relayed(1))
    rig.inbox.put(SourceLost("the link is cut", returns=True))
    runs = threading.Thread(target=rig.loop.run, args=(rig.pulse, rig.notifier))
    runs.start()
    wait_for(lambda: writer.paths.ring.exists() and not rig.newest()[0].online, "a blank")
    rig.inbox.put(STOP)
    runs.join()
    assert rig.newest()[0].reason == "the link is cut"


def test_repeated_frame_is_a_sign_of_life_and_not_written(rig: Rig) -> None:
    rig.run(relayed(1), *(relayed(1, repeated=True) for _ in range(3)))

    assert rig.newest()[0].sequence == 1
    assert rig.turns.resumed == 4


def test_repeated_frame_ends_a_blank(rig: Rig) -> None:
    rig.run(relayed(1), SourceLost("no host"))
    rig.run(relayed(1, repeated=True))

    info, _, _ = rig.newest()
    assert (info.online, info.origin, info.sequence) == (True, (9, 1), 3)
