"""Renditions of two workers on one camera: two cameras in one process have locks of their own."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from services.api import ring_end as ring_end_module
from services.api.camera import Camera
from services.api.variant import Variant
from services.api.variant_ring import VariantWriter
from shared.errors import RingSpaceError
from shared.frame import FrameInfo, Geometry, MonotonicNs, PixelFormat
from shared.naming import variant_paths
from tests.support.greenlets import let_run, turns_until
from tests.support.notes import Notes
from tests.support.pictures import telling_jpeg

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from services.api.encoded import EncodedFrame
    from services.api.encoder import Encoder
    from shared.naming import SegmentPaths
    from shared.ring.writer import RingWriter
    from shared.settings import Settings

PLAIN = Variant(85)


class Worker:
    """A worker with one client of one variant."""

    def __init__(self, camera: Camera) -> None:
        self.camera = camera
        self.fanout = camera.fanout(PLAIN)
        self.rendition = self.fanout.rendition
        self.client = Notes()
        camera.start()

    def watch(self) -> None:
        self.fanout = self.camera.fanout(PLAIN)
        self.rendition = self.fanout.rendition
        self.fanout.join(self.client)

    def leave(self) -> None:
        self.fanout.leave(self.client)

    def has(self, info: FrameInfo) -> bool:
        return any(jpeg.sequence == info.sequence for jpeg in self.client.seen)

    @property
    def encoded(self) -> int:
        return self.camera.counters.encoded


class Host:
    """Two workers on one camera, of which the first leads; and the camera."""

    def __init__(self, workers: list[Worker], write: Callable[..., FrameInfo]) -> None:
        self.one, self.other = workers
        self.write = write

    def watch(self) -> None:
        """Give both a client; the one leads."""
        self.one.watch()
        turns_until(lambda: self.one.rendition.leads, "the one to lead")
        self.other.watch()
        turns_until(lambda: self.other.rendition.follows, "the other to follow")
        turns_until(lambda: bool(self.other.client.seen), "its first picture")

    def frame_for(self, *workers: Worker) -> FrameInfo:
        """A frame of the camera that these workers' clients are sent."""
        info = self.write()
        turns_until(lambda: all(worker.has(info) for worker in workers), "the frame for everybody")
        return info


@pytest.fixture
def host(
    paths: SegmentPaths, settings: Settings, encoder: Encoder, write: Callable[..., FrameInfo]
) -> Iterator[Host]:
    write()
    cameras = [Camera("video", paths, settings, encoder, lambda: False) for _ in range(2)]
    workers = [Worker(camera) for camera in cameras]
    yield Host(workers, write)
    for worker in workers:
        worker.leave()
    turns_until(lambda: all(worker.fanout.idle for worker in workers), "the greenlets to end")
    for camera in cameras:
        camera.stop()
    assert list(paths.directory.glob(f"{paths.name}~*")) == []


def test_one_encodes_for_both(host: Host) -> None:
    host.watch()
    before = host.one.encoded, host.other.encoded
    infos = [host.frame_for(host.one, host.other) for _ in range(5)]
    assert (host.one.encoded, host.other.encoded) == (before[0] + 5, before[1])
    mine, theirs = host.one.client.seen[-1], host.other.client.seen[-1]
    assert mine.picture == theirs.picture
    assert mine.headers[:2] == theirs.headers[:2], "number and epoch are the camera's"
    assert theirs.sequence == infos[-1].sequence
    assert host.one.camera.status()["leads"] == ["q85p"]
    assert host.other.camera.status()["follows"] == ["q85p"]


def test_leader_goes_on_for_the_other_when_its_own_client_leaves(host: Host) -> None:
    host.watch()
    host.one.leave()
    for _ in range(5):
        host.frame_for(host.other)
    assert host.one.rendition.leads
    assert host.one.camera.clients() == 0
    host.other.leave()
    turns_until(lambda: not host.one.rendition.running, "the leader to end")
    assert host.one.camera.fanout(PLAIN).rendition is not host.one.rendition


def test_client_that_comes_back_finds_the_leader_still_leading(host: Host) -> None:
    host.watch()
    host.one.leave()
    host.frame_for(host.other)
    rendition = host.one.rendition
    host.one.watch()
    assert host.one.rendition is rendition
    host.frame_for(host.one, host.other)


def test_follower_takes_over_when_the_leader_goes(host: Host) -> None:
    host.watch()
    host.one.camera.stop()
    host.frame_for(host.other)
    assert host.other.rendition.leads
    assert not host.other.rendition.follows
    numbers = [jpeg.sequence for jpeg in host.other.client.seen]
    assert numbers == sorted(set(numbers))


def test_follower_encodes_for_itself_while_the_leader_hangs(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.watch()
    hanging = host.one.rendition
    monkeypatch.setattr(hanging, "_turn", let_run)
    monkeypatch.setattr(ring_end_module, "_LAG_S", 0.05)
    for _ in range(3):
        host.frame_for(host.other)
    assert host.other.rendition.follows, "it still looks at the ring"
    by_itself = host.other.encoded
    assert by_itself >= 3

    monkeypatch.undo()
    host.frame_for(host.one, host.other)
    monkeypatch.setattr(ring_end_module, "_LAG_S", 3600.0)
    for _ in range(3):
        host.frame_for(host.one, host.other)
    assert host.other.rendition.follows


def test_client_that_comes_at_the_moment_the_rendition_ends_is_served(host: Host) -> None:
    host.watch()
    ending = host.other.rendition._ring  # noqa: SLF001 - the moment is inside it
    let_go, newcomer = ending.let_go, Notes()

    def join_meanwhile() -> None:
        let_go()
        if host.other.client is not newcomer:
            host.other.client = newcomer
            host.other.fanout.join(newcomer)

    ending.let_go = join_meanwhile  # type: ignore[method-assign]
    host.other.leave()
    turns_until(lambda: host.other.client is newcomer, "the end, and the newcomer")
    host.frame_for(host.one, host.other)


def test_stopped_camera_does_not_lead_again_though_it_has_clients(
    host: Host, paths: SegmentPaths
) -> None:
    host.one.watch()
    turns_until(lambda: host.one.rendition.leads, "the one to lead")
    host.one.camera.stop()
    let_run(0.4)  # longer than the fan-out waits before it looks after everything
    assert not host.one.rendition.running
    assert list(paths.directory.glob(f"{paths.name}~*")) == []


def test_what_nobody_wants_is_not_encoded(host: Host) -> None:
    host.one.watch()
    turns_until(lambda: bool(host.one.client.seen), "a picture")
    newest = host.one.client.seen[-1]
    host.one.client.seen.append(newest)
    encoded = host.one.encoded
    host.one.leave()
    for _ in range(3):
        info = host.write()
        turns_until(lambda info=info: host.one.camera.feed.newest == info, "the frame")  # type: ignore[misc]
    assert host.one.encoded == encoded


def test_nothing_is_encoded_for_who_has_left_before_it_was_their_turn(host: Host) -> None:
    turn = host.one.camera.darkroom.turn
    held = 0
    while turn.acquire(blocking=False):
        held += 1
    host.one.watch()
    let_run(0.05)
    host.one.leave()
    for _ in range(held):
        turn.release()
    turns_until(lambda: host.one.fanout.idle, "the greenlets to end")
    assert host.one.encoded == 0


def test_without_room_each_encodes_for_itself_and_says_so_once(
    host: Host, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_room(self: VariantWriter, jpeg: EncodedFrame) -> None:
        del self, jpeg
        raise RingSpaceError(host.one.camera.paths.directory, 2, 1, "Free some.")

    monkeypatch.setattr(VariantWriter, "write", no_room)
    monkeypatch.setattr(ring_end_module, "_RETRY_S", 0.01)
    host.one.watch()
    host.other.watch()
    for _ in range(5):
        host.frame_for(host.one, host.other)
    assert caplog.text.count("no ring for variant q85p") == 2
    monkeypatch.undo()
    for _ in range(4):
        host.frame_for(host.one, host.other)
        let_run(0.01)
    roles = sorted(
        (each.rendition.leads, each.rendition.follows) for each in (host.one, host.other)
    )
    assert roles == [(False, True), (True, False)], "the ring is tried again"


def test_segment_somebody_else_owns_is_no_outage(host: Host, paths: SegmentPaths) -> None:
    lock = variant_paths(paths, "q85p").lock
    lock.mkdir()
    host.one.watch()
    host.frame_for(host.one)
    assert not host.one.rendition.leads
    lock.rmdir()


def test_cameras_own_jpeg_is_passed_on_without_encoding_and_without_a_ring(
    host: Host, writer: RingWriter, paths: SegmentPaths
) -> None:
    host.one.watch()
    host.other.watch()
    data = telling_jpeg(1)

    def write() -> FrameInfo:
        slot = writer.begin(Geometry(320, 240, PixelFormat.JPEG), size_bytes=len(data))
        slot.payload[: len(data)] = memoryview(data)
        now = MonotonicNs(time.monotonic_ns())
        return writer.commit(slot, now, size_bytes=len(data))

    host.write = write
    host.frame_for(host.one, host.other)
    before = host.one.encoded, host.other.encoded
    for _ in range(5):
        host.frame_for(host.one, host.other)
    assert (host.one.encoded, host.other.encoded) == before
    assert host.one.client.seen[-1].picture == host.other.client.seen[-1].picture == data
    assert list(paths.directory.glob(f"{paths.name}~*")) == []


def test_next_frame_is_encoded_while_the_fan_out_still_sends(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At 500 clients sending takes as long as a frame interval: both must go on at a time."""
    sending: list[int] = []
    send = Notes.send

    def take_long(stream: Notes, jpeg: EncodedFrame) -> None:
        sending.append(jpeg.sequence)
        turns_until(lambda: host.one.rendition.newest is not jpeg, "the next picture")
        send(stream, jpeg)

    host.one.watch()
    turns_until(lambda: bool(host.one.client.seen), "a picture")
    monkeypatch.setattr(Notes, "send", take_long)
    first = host.write()
    turns_until(lambda: bool(sending), "the sending")
    second = host.write()
    turns_until(lambda: sending[-1:] == [second.sequence], "the sending of the next")
    assert sending == [first.sequence, second.sequence]
    monkeypatch.undo()
    host.write()
    turns_until(lambda: len(host.one.client.seen) >= 3, "the end of it")


def test_snapshot_of_a_variant_that_is_watched_costs_nothing(host: Host) -> None:
    host.watch()
    info = host.frame_for(host.one, host.other)
    encoded = host.other.encoded
    assert host.other.camera.snapshot(info, PLAIN) is host.other.rendition.newest
    assert host.other.encoded == encoded
    fresh = host.other.camera.snapshot(info, PLAIN, MonotonicNs(time.monotonic_ns()))
    assert fresh is not host.other.rendition.newest, "not one from before the request"


def test_frames_nobody_looked_at_in_time_are_counted_as_missed(host: Host) -> None:
    host.one.watch()
    host.frame_for(host.one)
    assert host.one.camera.counters.missed == 0
    for _ in range(4):
        host.write()  # the greenlets do not run meanwhile
    host.frame_for(host.one)
    assert host.one.camera.counters.missed == 4
    assert host.other.camera.counters.missed == 0, "nobody watches there"
