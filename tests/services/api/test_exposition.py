"""The document of numbers, read by the library's own parsers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gevent
import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse

from services.api.advice import VIDEO_MODULE
from services.api.exposition import expose
from services.api.instruments import CAMERA_COUNTERS, CAMERA_GAUGES, HISTOGRAMS
from shared.version import version
from tests.support.greenlets import turns_until
from tests.support.watchers import watcher

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask

    from services.api.cameras import Cameras
    from shared.frame import FrameInfo
    from shared.naming import SegmentPaths

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
def cameras(app: Flask) -> Cameras:
    cameras: Cameras = app.extensions["ringcast"]
    return cameras


def samples(cameras: Cameras) -> Samples:
    body, _ = expose(cameras)
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in parse(body.decode())
        for sample in family.samples
    }


def one(found: Samples, name: str, **labels: str) -> float:
    return found[name, frozenset(labels.items())]


def test_every_number_is_there_for_every_camera_before_anything_happened(cameras: Cameras) -> None:
    found = samples(cameras)
    for camera in ("video", "garage"):
        for name, _, _ in CAMERA_COUNTERS:
            assert one(found, f"ringcast_{name}_total", camera=camera) == 0
        for name, _, _ in HISTOGRAMS:
            assert one(found, f"ringcast_{name}_count", camera=camera) == 0
        assert one(found, "ringcast_camera_online", camera=camera) == 0
        assert one(found, "ringcast_camera_condition", camera=camera, condition="gone") == 1
        assert one(found, "ringcast_camera_condition", camera=camera, condition="live") == 0
        assert one(found, "ringcast_clients", camera=camera) == 0
    assert one(found, "ringcast_build_info", version=version()) == 1
    assert one(found, "ringcast_workers") == 1
    assert one(found, "ringcast_shared_memory_size_bytes") > 0


def test_what_happened_is_told(write: Callable[..., FrameInfo], cameras: Cameras) -> None:
    write()
    camera = cameras.default()
    turns_until(lambda: camera.feed.newest is not None, "the frame")
    camera.counters.note_sent(1000, 0.004)
    camera.counters.note_encoded("q85p", 0.0021)
    camera.audience.enter(watcher("1", "q40"))
    found = samples(cameras)
    assert one(found, "ringcast_sent_bytes_total", camera="video") == 1000
    assert one(found, "ringcast_frames_encoded_total", camera="video", variant="q85p") == 1
    assert one(found, "ringcast_variant_clients", camera="video", variant="q40") == 1
    age = "ringcast_frame_age_seconds_bucket"
    assert one(found, age, camera="video", le="0.0025") == 0
    assert one(found, age, camera="video", le="0.005") == 1
    assert one(found, age, camera="video", le="+Inf") == 1
    assert one(found, "ringcast_encode_seconds_sum", camera="video") == 0.0021
    assert one(found, "ringcast_frames_captured_total", camera="video") == 1
    assert one(found, "ringcast_camera_online", camera="video") == 1
    for name, _, _ in CAMERA_GAUGES:
        told = ("ringcast_" + name, frozenset({("camera", "video")})) in found
        assert told != name.startswith("relay_"), name


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/html,*/*", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/plain;version=nonsense", "text/plain; version=0.0.4; charset=utf-8"),
        ("application/openmetrics-text;version=x", "text/plain; version=0.0.4; charset=utf-8"),
    ],
)
def test_format_is_the_plain_one_unless_another_is_asked_for(
    cameras: Cameras, accept: str, kind: str
) -> None:
    body, content_type = expose(cameras, accept)
    assert content_type == kind
    assert len(list(parse(body.decode()))) > 30


def test_who_asks_for_openmetrics_gets_it(cameras: Cameras) -> None:
    body, content_type = expose(cameras, "application/openmetrics-text;version=1.0.0;q=0.5")
    assert content_type.startswith("application/openmetrics-text; version=1.0.0")
    assert len(list(parse_openmetrics(body.decode()))) > 30  # type: ignore[no-untyped-call]  # the library's


def test_others_have_a_turn_while_it_is_written_and_cameras_may_come_and_go(
    cameras: Cameras, paths: SegmentPaths
) -> None:
    """As of the beginning: no family tells of other cameras than the one before."""
    attic = cameras.open("attic", paths, VIDEO_MODULE, listed=True)
    turns: list[str] = []

    def change() -> None:
        turns.append("close")
        cameras.close(attic)

    gevent.spawn(change)
    found = samples(cameras)
    assert turns == ["close"]
    for name, _, _ in CAMERA_COUNTERS:
        assert one(found, f"ringcast_{name}_total", camera="attic") == 0
    assert one(found, "ringcast_clients", camera="attic") == 0
    again = samples(cameras)
    assert not any(("camera", "attic") in labels for _, labels in again)


def test_mosaics_are_told_of_as_one_once_there_was_one(
    cameras: Cameras, paths: SegmentPaths
) -> None:
    assert not any(("camera", "mosaic") in labels for _, labels in samples(cameras))
    mosaics = [f"mosaic-000000000000000{digit}" for digit in "12"]
    for name in mosaics:
        camera = cameras.open(name, paths, VIDEO_MODULE, listed=False)
        camera.counters.note_encoded("q85p", 0.1)
        cameras.close(camera)
    found = samples(cameras)
    assert one(found, "ringcast_frames_encoded_total", camera="mosaic", variant="other") == 2
    assert one(found, "ringcast_clients", camera="mosaic") == 0
    assert not any(dict(labels).get("camera") in mosaics for _, labels in found)
