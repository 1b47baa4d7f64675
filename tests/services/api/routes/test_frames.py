from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING

import gevent
import numpy as np
import pytest

from tests.support.streams import picture

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.testing import FlaskClient

    from shared.frame import FrameInfo


def test_snapshot_is_a_frame_captured_after_the_request(
    http: FlaskClient, write: Callable[..., FrameInfo]
) -> None:
    old = write()
    gevent.spawn_later(0.2, write, (0, 0, 255))
    asked_at = time.time()
    answer = http.get("/stream/video/frame?width=32")
    assert answer.status_code == 200
    assert answer.content_type == "image/jpeg"
    assert answer.headers["Cache-Control"] == "no-store"
    assert int(answer.headers["X-Frame-Number"]) > old.sequence
    assert float(answer.headers["X-Timestamp"]) >= asked_at
    image = picture(answer.data)
    assert image.shape == (24, 32, 3)
    assert image[12, 16, 2] > 200


def test_snapshot_without_video_module_is_refused(http: FlaskClient) -> None:
    assert http.get("/stream/video/frame").status_code == 503


def test_picture_tells_what_names_it_and_how_old_it_is(
    http: FlaskClient, write: Callable[..., FrameInfo]
) -> None:
    newest = write()
    answer = http.get("/stream/video/frame?max_age=60000")
    assert answer.headers["ETag"] == f'"{newest.epoch}-{newest.sequence}-q85p"'
    assert answer.headers["X-Frame-Number"] == str(newest.sequence)
    assert answer.headers["X-Epoch"] == str(newest.epoch)
    assert answer.headers["X-Online"] == "1"
    assert 0 <= int(answer.headers["X-Age-Ms"]) < 60_000
    assert "X-Stale" not in answer.headers


@pytest.mark.parametrize("path", ["/stream/video/frame", "/stream/video/shm/frame/raw"])
@pytest.mark.parametrize("weak", ["", "W/"])
def test_who_has_the_picture_is_told_so(
    http: FlaskClient, write: Callable[..., FrameInfo], path: str, weak: str
) -> None:
    write()
    first = http.get(f"{path}?max_age=60000")
    known = {"If-None-Match": f'"other", {weak}{first.headers["ETag"]}'}
    same = http.get(f"{path}?max_age=60000", headers=known)
    assert (same.status_code, same.data) == (304, b"")
    assert same.headers["ETag"] == first.headers["ETag"]
    assert "Content-Type" not in same.headers
    other = http.get(f"{path}?max_age=60000&width=32", headers=known)
    assert other.status_code == 200


def test_who_waited_in_vain_gets_no_content(
    http: FlaskClient, write: Callable[..., FrameInfo]
) -> None:
    newest = write()
    answer = http.get(f"/stream/video/frame?after={newest.sequence}&wait=50")
    assert (answer.status_code, answer.data) == (204, b"")
    assert answer.headers["Retry-After"] == "1"
    known = {"If-None-Match": f'"{newest.epoch}-{newest.sequence}-q85p"'}
    answer = http.get(f"/stream/video/frame?after={newest.sequence}&wait=50", headers=known)
    assert answer.status_code == 304


@pytest.mark.parametrize(
    ("form", "magic"), [("jpeg", b"\xff\xd8\xff"), ("png", b"\x89PNG"), ("webp", b"RIFF")]
)
def test_picture_comes_in_the_form_asked_for(
    http: FlaskClient, write: Callable[..., FrameInfo], form: str, magic: bytes
) -> None:
    write()
    answer = http.get(f"/stream/video/frame?max_age=60000&format={form}")
    assert answer.content_type == f"image/{form}"
    assert answer.data.startswith(magic)
    assert picture(answer.data).shape == (48, 64, 3)


def test_pixels_are_read_with_what_the_headers_say(
    http: FlaskClient, write: Callable[..., FrameInfo]
) -> None:
    write((1, 2, 3))
    answer = http.get("/stream/video/frame/raw?max_age=60000")
    shape = [int(axis) for axis in answer.headers["X-Shape"].split(",")]
    image = np.frombuffer(answer.data, answer.headers["X-Dtype"]).reshape(shape)
    assert answer.content_type == "application/octet-stream"
    assert answer.headers["X-Pixel-Format"] == "BGR24"
    assert answer.headers["X-Stride"] == "192"
    assert np.all(image == (1, 2, 3))


def test_numpy_loads_a_frame(http: FlaskClient, write: Callable[..., FrameInfo]) -> None:
    write((1, 2, 3))
    answer = http.get("/stream/video/frame/raw?max_age=60000&format=npy&pixel_format=rgb24")
    image = np.load(io.BytesIO(answer.data))
    assert int(answer.headers["Content-Length"]) == len(answer.data)
    assert answer.content_type == "application/x-npy"
    assert answer.headers["ETag"].endswith('-rgb24-npy"')
    assert image.shape == (48, 64, 3)
    assert np.all(image == (3, 2, 1))


def test_camera_without_picture_is_refused_or_shows_the_last_one(
    http: FlaskClient, write: Callable[..., FrameInfo]
) -> None:
    last = write()
    assert http.get("/stream/video/frame?max_age=60000").status_code == 200
    write(online=False, reason="unplugged")
    refused = http.get("/stream/video/frame?max_age=1000")
    assert refused.status_code == 503
    assert refused.headers["Retry-After"] == "2"
    assert refused.get_json(force=True)["why"] == "unplugged"
    assert "stale=ok" in refused.get_json(force=True)["detail"]
    for path in ("/stream/video/frame", "/stream/video/frame/raw"):
        stale = http.get(f"{path}?stale=ok")
        assert stale.status_code == 200
        assert stale.headers["X-Frame-Number"] == str(last.sequence)
        assert (stale.headers["X-Stale"], stale.headers["X-Online"]) == ("1", "0")


def test_wrong_values_are_refused_together(http: FlaskClient) -> None:
    answer = http.get("/stream/video/frame?after=x&wait=60001&max_age=-1&stale=yes&format=gif")
    assert answer.status_code == 400
    names = [problem["name"] for problem in answer.get_json(force=True)["parameters"]]
    assert sorted(names) == ["after", "format", "max_age", "stale", "wait"]
