from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest

from services.latency.__main__ import main
from tests.support.mjpeg_server import MjpegServer
from tests.support.pictures import telling_jpeg

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def server() -> Iterator[MjpegServer]:
    with MjpegServer(telling_jpeg, authorization="Bearer secret") as server:
        yield server


def test_a_stream_is_measured_as_long_as_was_asked(
    server: MjpegServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("secret\n"))
    assert main([server.url, "--seconds", "0.5", "--token", "-", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["received"] == report["coded"] > 5
    assert report["missing"] == report["torn"] == report["repeated"] == 0


def test_an_early_end_is_said_and_is_no_success(capsys: pytest.CaptureFixture[str]) -> None:
    with MjpegServer(telling_jpeg, pictures=3) as server:
        assert main([server.url]) == 1  # the last one lacks the boundary that ends it
    out = capsys.readouterr().out
    assert "2 frames" in out
    assert "It ended early: the server ended the stream" in out


@pytest.mark.parametrize(
    ("url", "code", "why"),
    [
        ("http://127.0.0.1:1/stream/video", 1, "refused"),
        ("shm:test-nobody-writes-this", 1, "Video Module is not running"),
        ("rtsp://alice:secret@host/x", 2, "must be such as"),
    ],
)
def test_what_cannot_be_measured_is_said_without_secrets(
    url: str, code: int, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([url, "--timeout", "0.2"]) == code
    said = capsys.readouterr().err
    assert why in said
    assert "secret" not in said


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "soon"])
def test_a_duration_is_a_duration(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["shm:x", "--seconds", seconds])
    assert ended.value.code == 2
    assert "--seconds" in capsys.readouterr().err
