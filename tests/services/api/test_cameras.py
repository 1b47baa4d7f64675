from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from services.api.advice import VIDEO_MODULE
from services.api.app import create_app
from services.api.cameras import Cameras, UnknownCamera
from services.api.ledger import Ledger
from services.api.seat import TooManyStreams
from services.api.variant import Variant
from shared.frame import Geometry, PixelFormat
from shared.ring.attachment import Condition
from shared.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from services.api.camera import Camera
    from services.api.embedded import EmbeddedCapture
    from shared.frame import FrameInfo
    from shared.naming import SegmentPaths
    from shared.settings import Settings


def in_legacy_mode(settings: Settings) -> Settings:
    video = settings.video.model_copy(update={"use_shared_memory": False})
    return settings.model_copy(update={"video": video, "cameras": {}})


def test_default_camera_comes_first_and_every_configured_one_is_known(settings: Settings) -> None:
    cameras = Cameras(settings)
    assert cameras.names() == ["video", "garage"]
    assert cameras.named("garage").name == "garage"
    assert cameras.default() is cameras.named("video")


def test_unknown_camera_is_refused_with_the_known_ones(settings: Settings) -> None:
    with pytest.raises(UnknownCamera, match="Known cameras: video, garage") as error:
        Cameras(settings).named("attic")
    assert error.value.known == ["video", "garage"]


def test_all_cameras_share_as_many_encoder_threads_as_are_configured(settings: Settings) -> None:
    performance = settings.api.stream.performance.model_copy(update={"encoder_threads": 3})
    stream = settings.api.stream.model_copy(update={"performance": performance})
    api = settings.api.model_copy(update={"stream": stream})
    cameras = Cameras(settings.model_copy(update={"api": api}))
    turns = {camera.darkroom.turn for camera in map(cameras.named, cameras.names())}
    assert [turn.counter for turn in turns] == [3]


def test_in_shared_memory_mode_both_addresses_are_one_camera(settings: Settings) -> None:
    cameras = Cameras(settings)
    assert cameras.shared is cameras.default()
    assert cameras.legacy is None


def test_start_warns_once_of_every_camera_whose_video_module_is_missing(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    cameras = Cameras(settings)
    cameras.start(SimpleNamespace(alive=True))
    cameras.stop()
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 2
    assert warnings[0].startswith("video: Video Module is not running. Start it with: python -m")
    assert f"video.shared_memory_name={settings.video.shared_memory_name})" in warnings[0]
    segment = settings.cameras["garage"].shared_memory_name
    assert f"Nobody writes the segment {segment}." in warnings[1]


def test_in_legacy_mode_the_default_camera_is_our_own_and_shm_is_not(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Condition] = []

    def start(_: EmbeddedCapture, camera: Camera) -> None:
        started.append(camera.condition())

    monkeypatch.setattr("services.api.embedded.EmbeddedCapture.start", start)
    cameras = Cameras(in_legacy_mode(settings))
    assert cameras.legacy is cameras.default()
    assert cameras.shared is not cameras.default()
    cameras.start(SimpleNamespace(alive=True))
    try:
        assert started == [Condition.GONE], "nobody captures yet"
    finally:
        cameras.stop()
        cameras.stop()


def test_streams_that_are_turned_away_are_counted(settings: Settings) -> None:
    limits = settings.api.limits.model_copy(update={"max_streams": 1})
    api = settings.api.model_copy(update={"limits": limits})
    cameras = Cameras(settings.model_copy(update={"api": api}))
    camera = cameras.default()
    seat = cameras.admit(camera, "192.0.2.7")
    with pytest.raises(TooManyStreams):
        cameras.admit(camera, "192.0.2.8")
    seat.leave()
    cameras.admit(camera, "192.0.2.8").leave()
    status = cameras.status(camera)
    assert (status["turned_away"], status["turned_away_total"]) == (1, 1)


def test_the_first_camera_is_the_default_one_whatever_its_name(segment_name: str) -> None:
    cameras = {name: {"shared_memory_name": f"{segment_name}-{name}"} for name in ("yard", "door")}
    app = create_app(load_settings(environ={"RINGCAST_CAMERAS": json.dumps(cameras)}))
    there: Cameras = app.extensions["ringcast"]
    assert there.names() == ["yard", "door"]
    assert there.default() is there.shared is there.named("yard")
    assert there.legacy is None
    http = app.test_client()
    assert http.get("/stream/video/status").status_code == 404
    assert http.get("/stream/video/shm/status").get_json(force=True)["camera"] == "yard"
    listed = http.get("/cameras").get_json(force=True)["cameras"]
    assert [camera["name"] for camera in listed] == ["yard", "door"]
    assert b"/stream/yard" in http.get("/").data


def test_every_camera_has_its_own_settings(settings: Settings) -> None:
    garage = settings.cameras["garage"]
    ring = garage.ring.model_copy(update={"reserve_mb": 3})
    own = {**settings.cameras, "garage": garage.model_copy(update={"ring": ring})}
    cameras = Cameras(settings.model_copy(update={"cameras": own}))
    assert cameras.named("garage").reserve_bytes == 3 * 2**20
    assert cameras.default().reserve_bytes == 16 * 2**20


def opened(cameras: Cameras, paths: SegmentPaths, name: str = "attic", **how: bool) -> Camera:
    return cameras.open(name, paths, VIDEO_MODULE, **{"listed": True, **how})


@pytest.fixture
def cameras(settings: Settings) -> Iterator[Cameras]:
    """Of a worker that runs; ``paths`` are those of a ring that none of them has."""
    video = settings.video.model_copy(
        update={"shared_memory_name": f"{settings.video.shared_memory_name}-default"}
    )
    cameras = Cameras(settings.model_copy(update={"video": video}))
    cameras.start(SimpleNamespace(alive=True), Ledger().take())
    yield cameras
    cameras.stop()


def test_camera_that_comes_while_the_worker_runs_is_followed_and_goes_again(
    cameras: Cameras, paths: SegmentPaths, write: Callable[..., FrameInfo]
) -> None:
    write()
    camera = opened(cameras, paths)
    assert cameras.names() == ["video", "garage", "attic"]
    assert cameras.named("attic") is camera
    assert camera.online()
    cameras.admit(camera, "192.0.2.7").leave()
    assert cameras.status(camera)["clients_total"] == 0
    cameras.close(camera)
    assert cameras.names() == ["video", "garage"]
    assert camera.stopped
    with pytest.raises(UnknownCamera, match="Known cameras: video, garage"):
        cameras.named("attic")
    camera.look()
    assert not camera.online(), "who still has it attaches to nothing"


def test_cameras_that_come_are_listed_behind_those_of_the_settings_by_name(
    cameras: Cameras, paths: SegmentPaths
) -> None:
    for name in ("zoo", "attic"):
        opened(cameras, paths, name)
    assert cameras.names() == ["video", "garage", "attic", "zoo"]


def test_camera_that_is_not_listed_is_only_for_who_opened_it(
    cameras: Cameras, paths: SegmentPaths, write: Callable[..., FrameInfo]
) -> None:
    write()
    camera = opened(cameras, paths, listed=False)
    assert camera.online()
    assert cameras.names() == ["video", "garage"]
    with pytest.raises(UnknownCamera):
        cameras.named("attic")
    seat = cameras.admit(camera, "192.0.2.7")
    assert cameras.status(camera)["clients_total"] == 1
    seat.leave()
    cameras.close(camera)
    with pytest.raises(KeyError):
        cameras.close(camera)


@pytest.mark.parametrize("taken", ["garage", "attic"])
def test_name_that_a_camera_has_is_not_given_again(
    cameras: Cameras, paths: SegmentPaths, taken: str
) -> None:
    opened(cameras, paths, listed=False)
    with pytest.raises(ValueError, match=f"a camera '{taken}' already"):
        opened(cameras, paths, taken)


def test_counters_of_a_camera_go_on_when_it_comes_again(
    cameras: Cameras, paths: SegmentPaths, write: Callable[..., FrameInfo]
) -> None:
    for expected in (1, 2, 3):
        write(geometry=Geometry(64, 48, PixelFormat.BGR24))
        camera = opened(cameras, paths)
        info = camera.wait_for_frame()
        assert camera.snapshot(info, Variant(40)).width == 64
        status = cameras.status(camera)
        assert (status["encoded"], status["encoded_total"]) == (1, expected)
        cameras.close(camera)


def test_camera_opened_before_the_start_is_followed_from_then_on(
    settings: Settings, paths: SegmentPaths
) -> None:
    cameras = Cameras(settings)
    camera = cameras.open("attic", paths, VIDEO_MODULE, listed=True)
    assert camera.why() == "not looked for yet"
    cameras.start(SimpleNamespace(alive=True))
    try:
        assert camera.why() != "not looked for yet"
    finally:
        cameras.stop()
    assert camera.stopped
