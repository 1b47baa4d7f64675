from __future__ import annotations

from typing import TYPE_CHECKING

import gevent
import pytest

from services.api.encoding import Encoding
from services.api.freshness import After, Freshness
from services.api.snapshot import CameraOffline, NothingNewer, NotModified, Wish, tag_of
from services.api.variant import Variant
from shared.errors import FrameOverwritten, RingUnavailable
from shared.ring.attachment import Condition
from tests.support.greenlets import let_run, turns_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.api.camera import Camera
    from shared.frame import FrameInfo
    from shared.ring.writer import RingWriter

PLAIN = Variant(85)


def test_snapshot_takes_the_newest_if_its_frame_is_overwritten(
    camera: Camera, write: Callable[..., FrameInfo]
) -> None:
    old = write()
    newest = [write() for _ in range(4)][-1]
    camera.start()
    with pytest.raises(FrameOverwritten):
        camera.darkroom.develop(old, PLAIN)
    camera.feed.newest = old
    gevent.spawn(camera.feed.offer, newest)
    assert camera.snapshot(old, PLAIN).sequence == newest.sequence
    assert camera.counters.overwritten == 1


def test_snapshot_that_waits_for_its_turn_is_of_the_newest_frame_then(
    camera: Camera, write: Callable[..., FrameInfo]
) -> None:
    info = write()
    camera.start()
    with camera.darkroom.turn:
        waiting = gevent.spawn(camera.snapshot, info, PLAIN)
        newest = [write() for _ in range(6)][-1]  # more than the ring has slots
        turns_until(lambda: camera.feed.newest == newest, "the newest frame")
        assert not waiting.ready()
    assert waiting.get(timeout=5.0).sequence == newest.sequence
    assert camera.counters.overwritten == 0


def later(write: Callable[..., FrameInfo], after_s: float = 0.1) -> None:
    gevent.spawn_later(after_s, write)


def wish(freshness: Freshness, variant: Variant = PLAIN, *had: str) -> Wish:
    return Wish(variant, freshness, had.__contains__)


def test_without_a_wish_the_picture_is_newer_than_the_request(
    camera: Camera, write: Callable[..., FrameInfo]
) -> None:
    old = write()
    camera.start()
    later(write)
    taken = camera.snapshots.take(wish(Freshness()))
    assert taken.frame.sequence > old.sequence
    assert taken.tag == f"{old.epoch}-{taken.frame.sequence}-q85p"
    assert not taken.stale


def test_who_takes_an_older_one_gets_the_newest_at_once(
    camera: Camera, write: Callable[..., FrameInfo]
) -> None:
    write()
    newest = write()
    camera.start()
    assert camera.snapshots.take(wish(Freshness(60_000))).frame.sequence == newest.sequence


def test_what_is_older_than_allowed_is_not_taken(
    camera: Camera, write: Callable[..., FrameInfo]
) -> None:
    old = write()
    camera.start()
    let_run(0.1)
    later(write)
    assert camera.snapshots.take(wish(Freshness(50))).frame.sequence > old.sequence


def test_nothing_is_encoded_for_who_has_the_picture(
    camera: Camera, write: Callable[..., FrameInfo]
) -> None:
    newest = write()
    camera.start()
    tag = tag_of(newest, PLAIN)
    with pytest.raises(NotModified) as same:
        camera.snapshots.take(wish(Freshness(60_000), PLAIN, tag))
    assert same.value.tag == tag
    assert camera.counters.encoded == 0


def test_who_has_the_newest_waits_for_the_next(
    camera: Camera, write: Callable[..., FrameInfo]
) -> None:
    newest = write()
    camera.start()
    later(write)
    taken = camera.snapshots.take(wish(Freshness(after=After(newest.sequence), wait_ms=10_000)))
    assert taken.frame.sequence == newest.sequence + 1


def test_who_is_behind_waits_for_nothing(camera: Camera, write: Callable[..., FrameInfo]) -> None:
    first, second = write(), write()
    camera.start()
    for after in (After(first.sequence), After(99), After(7, epoch=1)):
        taken = camera.snapshots.take(wish(Freshness(after=after, wait_ms=3_600_000)))
        assert taken.frame.sequence == second.sequence


def test_who_waited_in_vain_hears_so(camera: Camera, write: Callable[..., FrameInfo]) -> None:
    newest = write()
    camera.start()
    freshness = Freshness(after=After(newest.sequence), wait_ms=50)
    with pytest.raises(NothingNewer):
        camera.snapshots.take(wish(freshness))
    with pytest.raises(NotModified):
        camera.snapshots.take(wish(freshness, PLAIN, tag_of(newest, PLAIN)))
    with pytest.raises(NothingNewer):
        camera.snapshots.take(wish(Freshness(after=After(10**6, newest.epoch))))


def test_camera_with_blanks_only_is_offline(
    camera: Camera, write: Callable[..., FrameInfo]
) -> None:
    blank = write(online=False, reason="unplugged")
    camera.start()
    for freshness in (Freshness(60_000), Freshness(after=After(blank.sequence), wait_ms=50)):
        with pytest.raises(CameraOffline, match="unplugged"):
            camera.snapshots.take(wish(freshness))


def test_waiting_goes_on_over_blanks(camera: Camera, write: Callable[..., FrameInfo]) -> None:
    picture = write()
    camera.start()
    gevent.spawn_later(0.05, write, online=False)
    later(write, 0.15)
    taken = camera.snapshots.take(wish(Freshness(after=After(picture.sequence), wait_ms=10_000)))
    assert taken.frame.online
    assert taken.frame.sequence == picture.sequence + 2


@pytest.mark.parametrize("loss", ["blanks", "closed"])
@pytest.mark.parametrize(
    "variant", [PLAIN, Variant(85, 32), PLAIN.become(Encoding.PNG), PLAIN.become(Encoding.RAW)]
)
def test_last_picture_is_given_to_who_takes_a_stale_one(
    camera: Camera,
    write: Callable[..., FrameInfo],
    writer: RingWriter,
    loss: str,
    variant: Variant,
) -> None:
    picture = write()
    camera.start()
    camera.wait_for_frame()
    if loss == "closed":
        writer.close()
    else:
        for _ in range(6):  # more than the ring has slots
            write(online=False)
            camera.look()
    taken = camera.snapshots.take(wish(Freshness(stale=True), variant))
    assert taken.stale
    assert taken.frame.online
    assert taken.frame.sequence == picture.sequence
    with pytest.raises(NotModified):
        camera.snapshots.take(wish(Freshness(stale=True), variant, taken.tag))
    with pytest.raises(NothingNewer):
        camera.snapshots.take(wish(Freshness(after=After(picture.sequence), stale=True), variant))
    with pytest.raises((CameraOffline, RingUnavailable)):
        camera.snapshots.take(wish(Freshness(), variant))


def test_last_picture_of_a_writer_that_hangs_is_given_until_it_goes_on(
    camera: Camera, write: Callable[..., FrameInfo]
) -> None:
    picture = write()
    camera.start()
    turns_until(lambda: camera.condition() is Condition.STALLED, "the writer to be missed")
    taken = camera.snapshots.take(wish(Freshness(stale=True)))
    assert taken.stale
    assert taken.frame.sequence == picture.sequence
    later(write)
    turns_until(camera.online, "the writer to go on")
    assert not camera.snapshots.take(wish(Freshness(60_000, stale=True))).stale


def test_no_stale_picture_is_given_while_there_are_fresh_ones(
    camera: Camera, write: Callable[..., FrameInfo]
) -> None:
    write()
    camera.start()
    write(online=False)
    camera.look()
    newest = write()
    later(write)
    taken = camera.snapshots.take(wish(Freshness(stale=True)))
    assert not taken.stale
    assert taken.frame.sequence > newest.sequence


def test_nobody_who_has_left_is_waited_for(camera: Camera, write: Callable[..., FrameInfo]) -> None:
    newest = write()
    camera.start()
    freshness = Freshness(after=After(newest.sequence), wait_ms=3_600_000)
    with pytest.raises(RingUnavailable, match="has left"):
        camera.snapshots.take(Wish(PLAIN, freshness, gone=lambda: True))
