"""Which end of a variant's ring a worker gets; what renditions make of it is in test_rendition."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from gevent.event import Event

from services.api.camera import Camera
from services.api.encoded import framed
from services.api.ring_end import RingEnd
from services.api.variant import Variant
from shared.naming import variant_paths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from services.api.encoder import Encoder
    from shared.frame import FrameInfo
    from shared.naming import SegmentPaths
    from shared.settings import Settings

Ends = tuple[RingEnd, RingEnd]


@pytest.fixture
def camera(paths: SegmentPaths, settings: Settings, encoder: Encoder) -> Camera:
    return Camera("video", paths, settings, encoder, lambda: False)


@pytest.fixture
def ends(camera: Camera) -> Iterator[Ends]:
    ends = tuple(RingEnd(camera, Variant(85), "q85p", Event()) for _ in range(2))
    yield ends[0], ends[1]
    for end in ends:
        end.let_go()


def test_the_first_leads_and_the_second_follows(
    ends: Ends, write: Callable[..., FrameInfo]
) -> None:
    one, other = ends
    info = write()
    for end in (one, other, one):
        end.try_to_lead()
    assert (one.leads, one.follow(info), one.follows) == (True, False, False)
    assert (other.leads, other.follow(info), other.follows) == (False, True, True)
    assert not other.stands(info)
    assert other.take() is None, "nothing was encoded yet"


def test_who_follows_leads_once_the_ring_is_free(
    ends: Ends, write: Callable[..., FrameInfo]
) -> None:
    one, other = ends
    one.try_to_lead()
    assert other.follow(write())
    one.let_go()
    other.try_to_lead()
    assert (other.leads, other.follows) == (True, False)


def test_a_name_that_is_too_long_is_no_error(
    camera: Camera, write: Callable[..., FrameInfo], caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        end = RingEnd(camera, Variant(85), "x" * 25, Event())
        end.try_to_lead()
        assert (end.leads, end.follow(write())) == (False, False)
    assert caplog.text.count("each worker encodes for itself") == 1


def test_one_variant_without_a_ring_is_said_once_though_others_have_theirs(
    ends: Ends,
    camera: Camera,
    paths: SegmentPaths,
    write: Callable[..., FrameInfo],
    caplog: pytest.LogCaptureFixture,
) -> None:
    one, _ = ends
    camera.reserve_bytes = 0
    good = framed(write(), b"picture")
    in_the_way = variant_paths(paths, "q50").lock
    in_the_way.mkdir()
    other = RingEnd(camera, Variant(50), "q50", Event())
    for again in (other, RingEnd(camera, Variant(50), "q50", Event())):
        again.try_to_lead()
        assert not again.leads
        one.try_to_lead()
        one.share(good)
        assert one.leads
    assert caplog.text.count("each worker encodes for itself") == 1
    other.close()
    RingEnd(camera, Variant(50), "q50", Event()).try_to_lead()
    assert caplog.text.count("each worker encodes for itself") == 2, "it is watched anew"
    in_the_way.rmdir()
