from __future__ import annotations

import re
from typing import TYPE_CHECKING

from services.api.advice import VIDEO_MODULE

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient

    from services.api.cameras import Cameras
    from shared.naming import SegmentPaths


def test_page_needs_nothing_from_elsewhere_and_breaks_no_policy_of_its_own(
    http: FlaskClient,
) -> None:
    answer = http.get("/")
    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'self'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "camera=()" in answer.headers["Permissions-Policy"]
    page = answer.text
    links = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert all(link.startswith(("/", "?", "#")) for link in links)
    assert not re.search(r"<style|style=|\son\w+=|<script(?! src)", page)
    for link in links:
        if link.startswith("/static/"):
            with http.get(link) as found:
                assert found.status_code == 200


def test_page_names_every_camera_and_works_without_scripts(http: FlaskClient) -> None:
    page = http.get("/").text
    assert 'data-camera="video"' in page
    assert 'data-camera="garage"' in page
    assert re.search(r'<noscript><img src="/stream/video"', page)


def test_page_names_the_cameras_of_now(app: Flask, http: FlaskClient, paths: SegmentPaths) -> None:
    cameras: Cameras = app.extensions["ringcast"]
    attic = cameras.open("attic", paths, VIDEO_MODULE, listed=True)
    assert 'data-camera="attic"' in http.get("/").text
    assert re.search(r'<noscript><img src="/stream/attic"', http.get("/?camera=attic").text)
    cameras.close(attic)
    assert "attic" not in http.get("/?camera=attic").text


def test_icon_is_found_under_the_name_browsers_guess(http: FlaskClient) -> None:
    with http.get("/favicon.ico") as answer:
        assert answer.status_code == 200
        assert answer.content_type.startswith("image/svg+xml")
