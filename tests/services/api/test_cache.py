from __future__ import annotations

import functools

import gevent
import pytest

from services.api.cache import FrameCache
from services.api.encoded import EncodedFrame, framed
from shared.errors import EncodeError
from shared.frame import Epoch, FrameInfo, Geometry, MonotonicNs, PixelFormat, Sequence
from tests.support.greenlets import let_run


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
