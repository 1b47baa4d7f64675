"""What is decided before the first byte; the stream itself is tested end to end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from services.api.app import create_app
from services.api.url import signed_address
from shared.settings_api import AuthSettings
from tests.services.api.conftest import AliveWorker
from tests.support.streams import picture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flask.testing import FlaskClient

    from shared.frame import FrameInfo
    from shared.settings import Settings

PATHS = ["/stream/mosaic", "/stream/mosaic/frame", "/stream/mosaic/status"]
TOKEN = "a-token-of-more-than-sixteen"  # noqa: S105 - of nobody


@pytest.fixture
def frames(write: Callable[..., FrameInfo]) -> FrameInfo:
    """The default camera gives pictures; the garage gives none."""
    return write((10, 20, 200))


def problem(http: FlaskClient, address: str) -> dict[str, Any]:
    document: dict[str, Any] = http.get(address).get_json(force=True)
    return document


@pytest.mark.usefixtures("frames")
def test_one_picture_holds_all_cameras(http: FlaskClient) -> None:
    answer = http.get("/stream/mosaic/frame?max_age=5000")
    assert answer.status_code == 200
    assert answer.headers["X-Size"] == "1280x360"
    assert answer.headers["X-Online"] == "1"
    image = picture(answer.data)
    assert image[100, 320].tolist() == pytest.approx([10, 20, 200], abs=3)
    assert image[20, 960].tolist() == pytest.approx([38, 38, 38], abs=3), "no signal"


@pytest.mark.usefixtures("frames")
def test_a_picture_has_a_tag_and_is_not_sent_again(http: FlaskClient) -> None:
    address = "/stream/mosaic/frame?cameras=video&max_age=60000"
    first = http.get(address)
    again = http.get(address, headers={"If-None-Match": first.headers["ETag"]})
    assert (first.status_code, again.status_code) == (200, 304)
    smaller = http.get(f"{address}&width=320&quality=40")
    assert (smaller.headers["X-Size"], smaller.headers["X-Quality"]) == ("320x180", "40")


@pytest.mark.usefixtures("frames")
def test_head_tells_the_headers(http: FlaskClient) -> None:
    answer = http.head("/stream/mosaic?cameras=video")
    assert answer.status_code == 200
    assert answer.content_type == "multipart/x-mixed-replace; boundary=frame"
    assert answer.headers["X-Accel-Buffering"] == "no"


@pytest.mark.usefixtures("frames")
def test_its_status_is_a_cameras_and_more(http: FlaskClient) -> None:
    http.get("/stream/mosaic/frame?cameras=video,garage&cols=1&max_age=5000")
    status = http.get("/stream/mosaic/status?cameras=video,garage&cols=1").get_json()
    assert status["online"]
    assert (status["width"], status["height"]) == (1136, 1276)
    assert status["mosaic"]["cameras"] == ["video", "garage"]
    assert status["mosaic"]["composed_here"]


def test_mosaics_are_in_no_list(http: FlaskClient) -> None:
    http.get("/stream/mosaic/status?cameras=video")
    listed = http.get("/cameras").get_json()["cameras"]
    assert [each["name"] for each in listed] == ["video", "garage"]


@pytest.mark.parametrize(
    "path", ["/stream/mosaic", "/stream/mosaic/frame", "/stream/mosaic/status"]
)
def test_an_unknown_camera_is_told_with_those_there_are(http: FlaskClient, path: str) -> None:
    answer = problem(http, f"{path}?cameras=garage,attic")
    assert answer["status"] == 404
    assert answer["detail"] == "There is no camera 'attic'. Known cameras: video, garage."
    assert answer["cameras"] == ["video", "garage"]


@pytest.mark.parametrize(
    "path", ["/stream/mosaic", "/stream/mosaic/frame", "/stream/mosaic/status"]
)
def test_every_wrong_parameter_is_named(http: FlaskClient, path: str) -> None:
    answer = problem(http, f"{path}?cameras=video,video&cols=17")
    assert answer["status"] == 400
    assert [each["name"] for each in answer["parameters"]] == ["cols", "cameras"]


def test_a_mosaic_of_cameras_that_give_nothing_has_no_picture(http: FlaskClient) -> None:
    answer = problem(http, "/stream/mosaic/frame?cameras=garage")
    assert answer["status"] == 503
    assert answer["why"] == "no camera of this mosaic gives a picture"


@pytest.fixture
def guarded(settings: Settings) -> Iterator[FlaskClient]:
    """The application where credentials are needed."""
    auth = AuthSettings.model_validate({"token": TOKEN})
    api = settings.api.model_copy(update={"auth": auth})
    app = create_app(settings.model_copy(update={"api": api}))
    app.extensions["ringcast"].start(AliveWorker())
    yield app.test_client()
    app.extensions["ringcast"].stop()


def signed(http: FlaskClient, address: str) -> str:
    auth = http.application.extensions["ringcast"].settings.api.auth
    return signed_address(auth, address, int(time.time()) + 60)


@pytest.mark.usefixtures("frames")
def test_a_signed_address_shows_the_cameras_it_names_and_no_other(guarded: FlaskClient) -> None:
    address = signed(guarded, "/stream/mosaic/frame?cameras=video&max_age=5000")
    assert guarded.get(address).status_code == 200
    assert guarded.get(f"{address}&cols=1&width=160").status_code == 200
    for other in ("cameras=garage", "cameras=video,garage", "cameras=", "x=y"):
        assert guarded.get(address.replace("cameras=video", other)).status_code == 401, other
    assert guarded.get(address.replace("?", "?cameras=garage&")).status_code == 401


@pytest.mark.usefixtures("frames")
def test_a_signed_address_that_names_none_is_for_all_cameras_only(guarded: FlaskClient) -> None:
    address = signed(guarded, "/stream/mosaic/frame?max_age=5000")
    assert guarded.get(address).status_code == 200
    assert guarded.get(f"{address}&cameras=garage").status_code == 401


@pytest.mark.usefixtures("frames")
def test_what_shows_one_camera_shows_no_mosaic(guarded: FlaskClient) -> None:
    query = signed(guarded, "/stream/video/frame?max_age=5000").partition("?")[2]
    assert guarded.get(f"/stream/video/frame?{query}").status_code == 200
    assert guarded.get(f"/stream/mosaic/frame?cameras=video&{query}").status_code == 401


def test_who_may_view_may_view_mosaics(guarded: FlaskClient) -> None:
    known = {"Authorization": f"Bearer {TOKEN}"}
    assert guarded.get("/stream/mosaic/status?cameras=video").status_code == 401
    assert guarded.get("/stream/mosaic/status?cameras=video", headers=known).status_code == 200
