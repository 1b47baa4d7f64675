"""A real ring, a worker's cameras on it, and the Flask application without gunicorn."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from services.api.app import create_app
from services.api.camera import Camera
from services.api.encoder import Encoder
from services.api.variant import Variant
from shared import request_context
from shared.frame import FrameInfo, Geometry, MonotonicNs, PixelFormat
from shared.naming import segment_paths
from shared.ring.writer import RingWriter
from shared.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from flask import Flask
    from flask.testing import FlaskClient

    from services.api.cameras import Cameras
    from shared.naming import SegmentPaths
    from shared.settings import Settings

SMALL = Geometry(64, 48, PixelFormat.BGR24)
PLAIN = Variant(85)


class AliveWorker:
    """What gunicorn's worker is to us."""

    def __init__(self) -> None:
        self.alive = True


@pytest.fixture(autouse=True)
def _request_is_over() -> Iterator[None]:
    """End the last request's id, as gunicorn's ``post_request`` hook does; there is none here."""
    yield
    request_context.release()


@pytest.fixture
def paths(segment_name: str) -> SegmentPaths:
    return segment_paths(segment_name)


@pytest.fixture
def writer(paths: SegmentPaths) -> Iterator[RingWriter]:
    with RingWriter(paths, slots=4, label="test") as writer:
        yield writer


@pytest.fixture
def write(writer: RingWriter) -> Callable[..., FrameInfo]:
    """Write one frame, all pixels of one colour."""

    def write_one(
        colour: tuple[int, ...] = (10, 20, 30),
        geometry: Geometry = SMALL,
        *,
        online: bool = True,
        reason: str = "",
    ) -> FrameInfo:
        slot = writer.begin(geometry)
        slot.image[:] = np.array(colour, np.uint8)
        now = MonotonicNs(time.monotonic_ns())
        return writer.commit(slot, now, online=online, reason=reason)

    return write_one


@pytest.fixture
def settings(segment_name: str, tmp_path: Path) -> Settings:
    config = tmp_path / "config.json"
    config.write_text("{}", encoding="utf-8")
    environment = {
        "RINGCAST_VIDEO__SHARED_MEMORY_NAME": segment_name,
        "RINGCAST_VIDEO__USE_SHARED_MEMORY": "true",
        "RINGCAST_VIDEO__SHARED_MEMORY_ATTACH_TIMEOUT_SEC": "0.6",
        "RINGCAST_CAMERAS": json.dumps(
            {"video": {}, "garage": {"shared_memory_name": f"{segment_name}-garage"}}
        ),
    }
    return load_settings(config, environment)


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    return Encoder(1)


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """The application with its cameras followed, as after gunicorn's post_worker_init."""
    app = create_app(settings)
    cameras: Cameras = app.extensions["ringcast"]
    cameras.start(AliveWorker())
    yield app
    cameras.stop()


@pytest.fixture
def http(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def camera(paths: SegmentPaths, settings: Settings, encoder: Encoder) -> Iterator[Camera]:
    camera = Camera("video", paths, settings, encoder, lambda: False)
    yield camera
    camera.stop()
