from __future__ import annotations

import functools
import weakref
from dataclasses import replace

import gevent
import pytest

from services.api.cache import FrameCache
from services.api.encoded import EncodedFrame, framed
from shared.errors import EncodeError
from shared.frame import Epoch, FrameInfo, Geometry, MonotonicNs, PixelFormat, Sequence
from tests.support.greenlets import let_run, turns_until

AT = MonotonicNs(1)
INFO = FrameInfo(Epoch(1), Sequence(9), AT, AT, Geometry(64, 48, PixelFormat.JPEG), 7)


@functools.cache
def jpeg(sequence: int = 1) -> EncodedFrame:
    at = MonotonicNs(1)
    geometry = Geometry(64, 48, PixelFormat.JPEG)
    return framed(FrameInfo(Epoch(1), Sequence(sequence), at, at, geometry, 7), b"picture")


def test_many_who_ask_at_once_share_one_encoding() -> None:
    cache, calls = FrameCache(), []

    def encode() -> EncodedFrame:
        calls.append(1)
        let_run(0.01)  # as long as an encoding takes, so that all others come meanwhile
        return jpeg()

    asking = [gevent.spawn(cache.get, "frame", encode) for _ in range(20)]
    gevent.joinall(asking, timeout=5)
    assert len(calls) == 1
    assert len({id(one.value) for one in asking}) == 1
    assert (cache.made, cache.shared) == (1, 19)


def test_first_who_asked_may_be_killed_and_the_others_still_get_it() -> None:
    cache = FrameCache()

    def encode() -> EncodedFrame:
        let_run(0.02)
        return jpeg()

    first = gevent.spawn(cache.get, "frame", encode)
    second = gevent.spawn(cache.get, "frame", encode)
    let_run()
    first.kill()
    assert second.get(timeout=5) == jpeg()


def test_failure_reaches_all_who_wait_and_is_not_kept() -> None:
    cache = FrameCache()

    def fail() -> EncodedFrame:
        let_run()
        raise EncodeError("no")

    def ask() -> str:
        try:
            cache.get("frame", fail)
        except EncodeError as error:
            return str(error)
        return "a JPEG"

    asking = [gevent.spawn(ask) for _ in range(3)]
    gevent.joinall(asking, timeout=5)
    assert [one.value for one in asking] == ["no"] * 3
    assert cache.get("frame", jpeg) == jpeg()


def test_old_results_are_forgotten() -> None:
    cache = FrameCache()
    for number in range(100):
        cache.get(number, lambda number=number: jpeg(number))  # type: ignore[misc]
    calls = []

    def again() -> EncodedFrame:
        calls.append(1)
        return jpeg()

    cache.get(99, again)
    assert calls == []
    cache.get(0, again)
    assert calls == [1]


def test_unexpected_errors_are_handed_on_too() -> None:
    def fail() -> EncodedFrame:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        FrameCache().get("frame", fail)


def test_few_large_pictures_are_kept_and_always_the_newest() -> None:
    """A frame of 4K in BGR takes 25 MB: eight of them would be 200 MB per camera and worker."""
    cache = FrameCache()

    def large(sequence: int) -> EncodedFrame:
        return framed(replace(INFO, sequence=Sequence(sequence)), bytes(7 * 2**20))

    for sequence in range(1, 5):
        cache.get(sequence, functools.partial(large, sequence))
    for sequence in (3, 4):
        cache.get(sequence, functools.partial(large, sequence))
    assert (cache.made, cache.shared) == (4, 2)
    cache.get(2, functools.partial(large, 2))
    assert cache.made == 5, "it was let go: three take more than 16 MiB"
    huge = FrameCache()
    for _ in range(2):
        huge.get("huge", lambda: framed(INFO, bytes(20 * 2**20)))
    assert (huge.made, huge.shared) == (1, 1)


def test_picture_is_let_go_though_no_other_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its memory file is a descriptor, and up to 25 MB."""
    monkeypatch.setattr("services.api.cache._KEPT_S", 0.05)
    cache = FrameCache()
    gone = weakref.ref(cache.get("frame", lambda: framed(INFO, bytes(100_000))).part)
    turns_until(lambda: gone() is None, "the part to be let go")
