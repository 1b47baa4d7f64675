"""The ``video.source`` setting is understood, and nothing secret in it is ever repeated."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.video.sources.address import Kind, classify, host_and_port, without_secrets


@pytest.mark.parametrize(
    ("source", "kind", "target"),
    [
        ("pattern://1920x1080@30", Kind.PATTERN, "pattern://1920x1080@30"),
        ("0", Kind.DEVICE, "/dev/video0"),
        (" 12 ", Kind.DEVICE, "/dev/video12"),
        ("v4l2:/dev/video2", Kind.DEVICE, "/dev/video2"),
        ("/dev/video2", Kind.DEVICE, "/dev/video2"),
        ("/dev/v4l/by-id/usb-cam-index0", Kind.DEVICE, "/dev/v4l/by-id/usb-cam-index0"),
        ("/dev/videos/a.mp4", Kind.FILE, "/dev/videos/a.mp4"),
        ("v4l2:2", Kind.DEVICE, "/dev/video2"),
        ("/clips/a.mp4", Kind.FILE, "/clips/a.mp4"),
        ("clips/a b.mp4", Kind.FILE, "clips/a b.mp4"),
        ("file:/clips/10:30.mp4", Kind.FILE, "/clips/10:30.mp4"),
        ("file:///clips/a.mp4", Kind.FILE, "/clips/a.mp4"),
        ("file://localhost/clips/a.mp4", Kind.FILE, "/clips/a.mp4"),
        ("file://clips/a.mp4", Kind.FILE, "/clips/a.mp4"),  # VIDEO_FILE=//clips/a.mp4
        ("//clips/a.mp4", Kind.FILE, "/clips/a.mp4"),
        (" a.mp4 ", Kind.FILE, " a.mp4 "),
        ("file: a.mp4 ", Kind.FILE, " a.mp4 "),
        (" rtsp://cam/live ", Kind.NETWORK, "rtsp://cam/live"),
        ("rtsp://cam/live", Kind.NETWORK, "rtsp://cam/live"),
        ("HTTPS://cam/live", Kind.NETWORK, "https://cam/live"),
    ],
)
def test_kind_of_source_is_recognized(source: str, kind: Kind, target: str) -> None:
    address = classify(source)

    assert (address.kind, address.target) == (kind, target)


@pytest.mark.parametrize(
    "source", ["gopher://x", "rtsp://", "rtsp:///x", "http://cam:0/", "http://cam:99999/", "ab:c"]
)
def test_impossible_source_is_refused_with_a_sentence(source: str) -> None:
    with pytest.raises(ValueError, match=r"write|no source we know"):
        classify(source)


@pytest.mark.parametrize("source", ["", " ", "file:", "file: "])
def test_no_name_is_no_file(source: str) -> None:
    with pytest.raises(ValueError, match="no file is named"):
        classify(source)


@pytest.mark.parametrize(
    ("url", "label"),
    [
        ("rtsp://admin:hunter2@cam:554/live", "rtsp://cam:554/live"),
        ("rtsp://admin:hun@2/ter#?@cam/live", "rtsp://2/…"),  # FFmpeg asks the host "2", too
        ("rtsp://admin:hun/ter#?@cam/live", "rtsp://cam/live"),
        ("rtsp://admin:123/hunter@cam/live", "rtsp://admin/…"),
        ("rtsp://admin:hun@ter@cam/live", "rtsp://cam/live"),
        ("http://u:p@cam:81/@door/live", "http://cam/…"),
        ("http://cam/video?mail=admin@example", "http://cam/…"),
        ("http://cam/video?user=admin&password=hunter2", "http://cam/video"),
        ("http://cam/video#hunter2", "http://cam/video"),
    ],
)
def test_label_has_no_user_no_password_no_query(url: str, label: str) -> None:
    assert without_secrets(url) == label


@given(password=st.text(min_size=1).map(lambda text: f"«{text}»"))
def test_no_password_gets_into_a_label(password: str) -> None:
    assert password not in without_secrets(f"rtsp://admin:{password}@cam/live")


@given(source=st.text(max_size=60))
def test_any_text_is_understood_or_refused_with_a_sentence(source: str) -> None:
    try:
        classify(source)
    except ValueError as error:
        assert len(str(error)) > 20  # noqa: PT017 - both ends are right, no other is


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("rtsp://cam/live", ("cam", 554)),
        ("http://cam:8081", ("cam", 8081)),
        ("https://u:p@cam/x:1", ("cam", 443)),
        ("http://[::1]:8000/x", ("::1", 8000)),
        ("http://cam/@door:7/live", ("cam", 80)),
        ("http://cam:81?mail=admin@example:7", ("cam", 81)),
        ("rtsp://u:p@ss@cam/live#@x", ("cam", 554)),
    ],
)
def test_host_and_port_are_found(url: str, place: tuple[str, int]) -> None:
    assert host_and_port(url) == place
