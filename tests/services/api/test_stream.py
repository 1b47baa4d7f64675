"""One client at the other end of a real connection; time is moved by hand."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import gc
import itertools
import math
import random
import socket
import weakref
from typing import TYPE_CHECKING

import gevent
import pytest

from services.api import mjpeg
from services.api.adaptive import Adaptation
from services.api.client import Client
from services.api.connection import Connection
from services.api.counters import Counters
from services.api.encoded import EncodedFrame, framed
from services.api.framing import MultipartAhead, MultipartFraming
from services.api.lifespan import AGED, LEAVING, Lifespan
from services.api.part import use_files
from services.api.stream import Patience, Stream
from services.api.variant import parse_options
from shared.frame import Epoch, FrameInfo, Geometry, MonotonicNs, PixelFormat, Sequence
from shared.settings_stream import StreamSettings
from tests.support.greenlets import let_run, turns_until
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from services.api.fanout import Viewer
    from tests.conftest import Clock

GEOMETRY = Geometry(64, 48, PixelFormat.BGR24)
FPS = 30.0


def frame(sequence: int, epoch: int = 1, *, online: bool = True) -> FrameInfo:
    at = MonotonicNs(10**12 + round(sequence * 1e9 / FPS))
    return FrameInfo(Epoch(epoch), Sequence(sequence), at, at, GEOMETRY, 1, online)


@functools.cache
def jpeg(
    sequence: int, size_bytes: int = 100, epoch: int = 1, *, online: bool = True
) -> EncodedFrame:
    data = b"\xff\xd8" + random.Random(sequence).randbytes(size_bytes - 4) + b"\xff\xd9"  # noqa: S311
    return framed(frame(sequence, epoch, online=online), data)


def wire(jpeg: EncodedFrame, *, advance: bool = False) -> bytes:
    """The bytes a client is to receive for it."""
    return jpeg.part.read(*(jpeg.advance if advance else jpeg.whole))


class Bench:
    """A stream, its client's socket, and what the stream counts."""

    def __init__(
        self,
        clock: Clock,
        fps: float = 60.0,
        *,
        advance_headers: bool = False,
        dual_final_frames: bool = False,
        max_age_s: float = 0.0,
    ) -> None:
        self.leaves_at = math.inf
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.client = socket.socket()
            self.client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            self.client.connect(listener.getsockname())
            self.server, _ = listener.accept()
        self.server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
        self.client.settimeout(5.0)
        self.counters = Counters()
        self.connection = Connection(self.server, 10.0)
        options = dataclasses.replace(
            parse_options({}, StreamSettings()), fps=fps, dual_final_frames=dual_final_frames
        )
        lifespan = Lifespan("80", lambda _: self.leaves_at, max_age_s, clock)
        self.stream = Stream(
            Client("1", "192.0.2.1", "mjpeg", options, clock),
            self.connection,
            MultipartAhead() if advance_headers else MultipartFraming(),
            self.counters,
            patience=Patience(10.0, 1.0, lifespan),
            clock=clock,
        )

    def give(self, sequence: int) -> bool:
        """Offer a frame as the fan-out does."""
        wanted = self.stream.wants(frame(sequence), FPS)
        if wanted:
            self.stream.send(jpeg(sequence))
        return wanted

    def clog(self, sequence: int) -> None:
        """Send a part that neither side's buffers can hold."""
        assert self.stream.wants(frame(sequence), FPS)
        self.stream.send(jpeg(sequence, 300_000))

    def received(self) -> bytes:
        """Everything the client has been sent; the server's end is closed for it."""
        self.server.close()
        received = bytearray()
        while more := self.client.recv(1 << 20):
            received += more
        return bytes(received)

    def close(self) -> None:
        self.stream.end("the test is over")
        self.client.close()
        self.server.close()


@pytest.fixture
def bench(clock: Clock) -> Iterator[Bench]:
    with contextlib.closing(Bench(clock)) as bench:
        yield bench


@pytest.fixture(params=[True, False], ids=["files", "bytes"])
def store(request: pytest.FixtureRequest) -> Iterator[None]:
    """Parts in memory files, then in plain bytes."""
    use_files(enabled=request.param)
    yield
    use_files(enabled=True)


def turning(action: Callable[[], object], condition: Callable[[], bool]) -> Callable[[], bool]:
    """A condition for ``wait_until`` that does something and lets greenlets run first."""

    def holds() -> bool:
        action()
        let_run()
        return condition()

    return holds


def test_every_new_frame_is_sent_once(bench: Bench) -> None:
    assert bench.give(1)
    assert not bench.give(1)
    assert bench.give(2)
    assert bench.stream.client.sent == 2
    assert bench.client.recv(65536).count(b"X-Frame-Number") >= 1


def test_frames_beyond_the_wanted_rate_are_skipped_and_counted_once(clock: Clock) -> None:
    with contextlib.closing(Bench(clock, fps=10.0)) as bench:
        sent = 0
        for number in range(1, 31):
            wait_until(bench.stream.ready, "the last part to leave")
            sent += bench.give(number) or bench.give(number)
    assert sent == 10
    assert bench.counters.skipped == 20
    assert bench.counters.dropped == 0


def test_frame_asked_about_again_after_a_newer_one_is_not_counted_twice(clock: Clock) -> None:
    """The newer one is being encoded while the older is handed out."""
    with contextlib.closing(Bench(clock, fps=1.0)) as bench:
        assert bench.give(1)
        for number in (2, 3, 2, 3, 4, 3, 4):
            assert not bench.give(number)
    assert bench.counters.skipped == 3


def test_frame_from_a_variants_ring_counts_as_the_cameras_frame_it_was_made_from(
    bench: Bench,
) -> None:
    made = dataclasses.replace(
        frame(1, epoch=9), origin_epoch=Epoch(1), origin_sequence=Sequence(5)
    )
    assert bench.give(4)
    wait_until(bench.stream.ready, "the part to leave")
    assert bench.stream.wants(made, FPS)
    bench.stream.send(framed(made, b"picture"))
    assert not bench.give(5)
    wait_until(bench.stream.ready, "the part to leave")
    assert bench.give(6)


def test_frames_that_come_while_the_last_is_unsent_are_dropped(bench: Bench) -> None:
    bench.clog(1)
    assert not any(bench.give(number) for number in range(2, 7))
    assert bench.stream.client.dropped == 4, "the newest of them may still be sent"
    assert bench.counters.dropped == 4


def test_part_that_fits_into_the_kernels_buffer_is_unsent_all_the_same(bench: Bench) -> None:
    """Else seconds of old video pile up in the kernel, and the client sees the past."""
    bench.server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 212992)
    assert bench.stream.wants(frame(1), FPS)
    bench.stream.send(jpeg(1, 100_000))
    assert not any(bench.give(number) for number in range(2, 7))
    assert bench.stream.client.sent == 1


def test_slow_client_continues_with_the_newest_frame_at_a_part_border(bench: Bench) -> None:
    bench.clog(1)
    running = gevent.spawn(bench.stream.run)
    received = bytearray()
    for number in range(2, 6):
        bench.give(number)
    bench.client.settimeout(0.01)
    while not bench.give(6):
        let_run()
        with contextlib.suppress(TimeoutError):
            received += bench.client.recv(1 << 20)
    bench.client.settimeout(5.0)
    bench.stream.end("enough")
    running.join(5.0)
    received += bench.received()
    assert received == wire(jpeg(1, 300_000)) + wire(jpeg(6)) + mjpeg.CLOSING


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("advance", [False, True])
def test_every_byte_comes_from_its_right_place_however_slowly_it_is_taken(
    clock: Clock, *, advance: bool
) -> None:
    """Parts are dropped everywhere else once sent: the rest comes from what the stream holds."""
    dice = random.Random(7)  # noqa: S311 - a fixed seed, no secret
    received, sent = bytearray(), []
    with contextlib.closing(Bench(clock, advance_headers=advance)) as bench:
        running = gevent.spawn(bench.stream.run)
        bench.client.settimeout(0.002)
        for number in range(1, 400):
            if bench.stream.wants(frame(number), FPS):
                picture = dice.randbytes(dice.randrange(100, 100_000))
                part = framed(frame(number), picture)
                sent.append(wire(part, advance=advance))
                bench.stream.send(part)
                del part
            let_run()
            with contextlib.suppress(TimeoutError):
                received += bench.client.recv(dice.randrange(1, 30_000))
        assert bench.stream.client.dropped > 50, "else it was not slow"
        bench.client.settimeout(5.0)
        while len(received) < len(b"".join(sent)):
            let_run()
            received += bench.client.recv(1 << 20)
        bench.stream.end("enough")
        running.join(5.0)
        received += bench.received()
    assert len(sent) > 15
    assert received == b"".join(sent) + (mjpeg.ADVANCE_CLOSING if advance else mjpeg.CLOSING)


def test_last_part_is_repeated_after_a_second_of_silence(bench: Bench, clock: Clock) -> None:
    bench.give(1)
    wait_until(bench.stream.ready, "the part to leave")
    clock.advance(0.9)
    bench.stream.tend()
    assert bench.counters.repeated == 0
    clock.advance(0.2)
    bench.stream.tend()
    assert bench.counters.repeated == 1
    assert bench.stream.client.sent == 2


def test_stream_slower_than_the_repeats_is_not_repeated_between_its_frames(clock: Clock) -> None:
    with contextlib.closing(Bench(clock, fps=1.0)) as bench:
        bench.give(1)
        wait_until(bench.stream.ready, "the part to leave")
        clock.advance(1.2)  # the next frame may still come
        bench.stream.tend()
        assert bench.counters.repeated == 0
        clock.advance(0.1)
        bench.stream.tend()
        assert bench.counters.repeated == 1


def test_client_that_takes_nothing_is_ended_after_the_stall_timeout(
    bench: Bench, clock: Clock
) -> None:
    bench.clog(1)
    running = gevent.spawn(bench.stream.run)
    let_run(0.3)  # the greenlet fills the kernel's buffer and waits
    clock.advance(9.0)
    let_run(0.3)  # it looks again every 250 ms
    assert not bench.stream.ended
    clock.advance(2.0)
    ended = turning(lambda: None, lambda: bool(bench.stream.ended))
    wait_until(ended, "the stall to be noticed")
    assert "took nothing" in bench.stream.ended
    assert bench.counters.stalled == 1
    clock.advance(1.0)
    running.join(5.0)
    assert running.ready()


def test_client_that_left_is_noticed_without_frames(bench: Bench, clock: Clock) -> None:
    bench.give(1)
    bench.client.close()
    clock.advance(0.25)
    wait_until(turning(bench.stream.tend, lambda: bool(bench.stream.ended)), "the end")
    assert bench.stream.ended == "the client has left"
    assert not bench.give(2)


def test_client_that_closed_its_half_is_noticed_amid_frames(bench: Bench, clock: Clock) -> None:
    bench.client.shutdown(socket.SHUT_WR)
    numbers = itertools.count(1)

    def goes_on() -> None:
        clock.advance(0.05)
        bench.give(next(numbers))
        bench.client.recv(1 << 20)
        bench.stream.tend()

    wait_until(turning(goes_on, lambda: bool(bench.stream.ended)), "the end")
    assert bench.stream.ended == "the client has left"


def test_frame_after_our_own_blank_is_sent_even_if_its_number_was_seen(bench: Bench) -> None:
    """A Video Module that hung and goes on has the same epoch and maybe the same newest frame."""
    bench.give(5)
    wait_until(bench.stream.ready, "the part to leave")
    bench.stream.send(jpeg(5, online=False))
    wait_until(bench.stream.ready, "the blank to leave")
    assert bench.give(5)


def test_older_frame_is_not_sent_after_our_own_blank(bench: Bench) -> None:
    """What a worker shows may be a frame behind the number that its blank has."""
    bench.give(4)
    wait_until(bench.stream.ready, "the part to leave")
    bench.stream.send(jpeg(6, online=False))
    wait_until(bench.stream.ready, "the blank to leave")
    assert not bench.give(5)
    assert bench.give(6)


def test_asking_whether_a_frame_would_be_taken_counts_nothing(bench: Bench) -> None:
    bench.clog(1)
    gevent.spawn(bench.stream.run)
    assert not bench.give(2)
    assert not bench.stream.would_take(frame(3), FPS)
    assert bench.counters.dropped == 0, "frame 2 may still be sent"
    read = turning(lambda: bench.client.recv(1 << 20), bench.stream.ready)
    wait_until(read, "the part to leave")
    assert bench.stream.would_take(frame(3), FPS)
    assert bench.give(2)
    assert bench.counters.dropped == 0
    wait_until(bench.stream.ready, "the part to leave")
    assert not bench.stream.would_take(frame(2), FPS)


def test_end_says_goodbye_with_the_closing_boundary(bench: Bench) -> None:
    bench.give(1)
    bench.stream.end("the server is shutting down")
    bench.stream.run()
    assert bench.received().endswith(b"\r\n--frame\r\n--frame--\r\n")


def test_end_of_a_stream_with_advance_headers_closes_the_part_that_was_announced(
    clock: Clock,
) -> None:
    with contextlib.closing(Bench(clock, advance_headers=True)) as bench:
        bench.give(1)
        bench.stream.end("the server is shutting down")
        bench.stream.run()
        assert bench.received() == wire(jpeg(1), advance=True) + mjpeg.ADVANCE_CLOSING


def test_no_boundary_is_written_into_a_picture_that_is_only_half_sent(
    bench: Bench, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.clog(1)
    send = bench.connection.send
    room_for_a_boundary = len(mjpeg.CLOSING)
    monkeypatch.setattr(
        bench.connection,
        "send",
        lambda part, start, end: (
            send(part, start, end) if end - start <= room_for_a_boundary else 0
        ),
    )
    received = bench.client.recv(65536)  # so there is room for a boundary
    running = gevent.spawn(bench.stream.run)
    bench.stream.end("the server is shutting down")
    wait_until(turning(lambda: clock.advance(0.1), running.ready), "the farewell to be over")
    received += bench.received()
    assert received == wire(jpeg(1, 300_000))[: len(received)]


def test_ended_stream_goes_at_once_with_the_picture_it_was_sent_last(clock: Clock) -> None:
    bench = Bench(clock)
    picture = framed(frame(1), b"\xff\xd8" + bytes(40_000) + b"\xff\xd9")
    gone = weakref.ref(picture.part), weakref.ref(bench.stream)
    assert bench.stream.wants(frame(1), FPS)
    bench.stream.send(picture)
    bench.close()
    bench.stream.run()
    gc.disable()  # a picture is an open file: it must not wait for the collector
    try:
        vars(bench).clear()  # the bench itself stands in a circle: its stream asks it for the time
        del picture
        assert [ref() for ref in gone] == [None, None]
    finally:
        gc.enable()


def test_stream_that_is_old_enough_ends_with_the_closing_boundary(clock: Clock) -> None:
    with contextlib.closing(Bench(clock, max_age_s=100.0)) as bench:
        bench.give(1)
        wait_until(bench.stream.ready, "the part to leave")
        bench.stream.tend()
        assert bench.stream.ended == ""
        clock.advance(101.0)
        bench.stream.tend()
        assert bench.stream.ended == AGED
        bench.stream.run()
        assert bench.counters.aged == 1
        assert bench.received() == wire(jpeg(1)) + mjpeg.CLOSING


def test_stream_whose_turn_has_come_ends_only_when_its_part_is_whole(bench: Bench) -> None:
    bench.clog(1)
    running = gevent.spawn(bench.stream.run)
    bench.leaves_at = 1000.0
    received, tended = bytearray(), 0
    bench.client.settimeout(0.01)
    while not bench.stream.ended:
        bench.stream.tend()
        tended += 1
        let_run()
        with contextlib.suppress(TimeoutError):
            received += bench.client.recv(20_000)
    assert tended > 3, "else the part was not slow"
    bench.client.settimeout(5.0)
    running.join(5.0)
    received += bench.received()
    assert received == wire(jpeg(1, 300_000)) + mjpeg.CLOSING
    assert (bench.stream.ended, bench.counters.drained) == (LEAVING, 1)


class NotedAdaptation(Adaptation):
    """Wants to be moved at every miss; writes down when it was."""

    def __init__(self) -> None:
        self.notes: list[bool] = []
        self.followed = 0

    def note(self, now_s: float, *, missed: bool) -> bool:
        del now_s
        self.notes.append(missed)
        return missed

    def follow(self, stream: Viewer) -> None:
        del stream
        self.followed += 1


def test_client_is_moved_to_another_variant_between_two_parts_only(bench: Bench) -> None:
    adaptation = bench.stream.adaptation = NotedAdaptation()
    running = gevent.spawn(bench.stream.run)
    bench.clog(1)
    for number in range(2, 5):
        bench.give(number)
    let_run(0.02)
    assert adaptation.notes == [False, True, True]
    assert adaptation.followed == 0, "half a part is on its way"
    bench.client.settimeout(0.01)
    while not adaptation.followed:
        let_run()
        with contextlib.suppress(TimeoutError):
            bench.client.recv(1 << 20)
    bench.stream.end("enough")
    running.join(5.0)


def test_repeats_tell_the_adaptation_nothing(bench: Bench, clock: Clock) -> None:
    adaptation = bench.stream.adaptation = NotedAdaptation()
    bench.give(1)
    wait_until(bench.stream.ready, "the part to leave")
    clock.advance(1.1)
    bench.stream.tend()
    assert bench.counters.repeated == 1
    assert adaptation.notes == [False]


def test_variant_that_is_behind_in_the_epoch_before_is_refused(bench: Bench) -> None:
    assert bench.stream.wants(frame(9, epoch=2), FPS)
    bench.stream.send(jpeg(9, epoch=2))
    wait_until(bench.stream.ready, "the part to leave")
    assert not bench.stream.wants(frame(8, epoch=1), FPS)
    assert bench.stream.wants(frame(10, epoch=3), FPS)


def test_final_frame_is_sent_a_second_time_at_once_and_only_that(clock: Clock) -> None:
    bench = Bench(clock, dual_final_frames=True)
    runner = gevent.spawn(bench.stream.run)
    try:
        for number in range(1, 4):
            bench.give(number)
            assert bench.client.recv(9000) == wire(jpeg(number))
            clock.advance(1 / FPS)
            let_run()
        assert bench.counters.repeated == 0, "others followed"
        clock.advance(1.1 / FPS)
        turns_until(lambda: bench.counters.repeated == 1, "the second time")
        assert bench.client.recv(9000) == wire(jpeg(3))
        clock.advance(0.5)
        let_run(0.1)
        assert bench.counters.repeated == 1
    finally:
        bench.stream.end("over")
        runner.join()
        bench.close()


def test_parts_are_counted_with_their_bytes_and_only_news_has_an_age(
    bench: Bench, clock: Clock
) -> None:
    clock.now_s = frame(1).captured_at / 1e9 + 0.004
    bench.stream.send(jpeg(1))
    bench.stream.send(jpeg(1))
    bench.stream.send(jpeg(2, online=False))
    counters = bench.counters
    assert counters.sent == 3
    sent = (jpeg(1), jpeg(1), jpeg(2, online=False))
    assert counters.bytes == sum(len(wire(each)) for each in sent)
    assert counters.bytes == bench.stream.client.sent_bytes
    assert counters.ages.count == 1
    assert counters.ages.sum == pytest.approx(0.004, abs=1e-6)
