from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from services.doctor.__main__ import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def config(tmp_path: Path, segment_name: str, monkeypatch: pytest.MonkeyPatch) -> str:
    for name in ("VIDEO_SOURCE", "VIDEO_FILE", "LOG_LEVEL", "RINGCAST_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "config.json"
    given = {"video.shared_memory_name": segment_name, "api.port": 0}
    path.write_text(json.dumps(given), encoding="utf-8")
    return str(path)


def test_without_a_video_module_there_is_a_warning(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([config, "--video.source=pattern://64x64@30", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["level"] == "warning"
    topics = {each["topic"] for each in document["findings"]}
    assert {"versions", "open files", "shared memory", "ring", "port", "camera"} <= topics


def test_a_wrong_camera_is_a_problem(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([config, "--video.source=v4l2:/dev/video77"]) == 2
    assert "problem  camera: there is no /dev/video77" in capsys.readouterr().out


def test_wrong_settings_are_findings_too(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([config, "--video.ring.slots=1"]) == 2
    assert "problem  settings: video.ring.slots" in capsys.readouterr().out


def test_every_camera_is_looked_at_and_the_room_of_all_together(
    tmp_path: Path, segment_name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cameras.json"
    cameras = {
        "door": {"source": "pattern://64x64@30", "shared_memory_name": f"{segment_name}-door"},
        "yard": {"source": "v4l2:/dev/video77", "shared_memory_name": f"{segment_name}-yard"},
        "hall": {"shared_memory_name": f"{segment_name}-hall"},
    }
    path.write_text(json.dumps({"cameras": cameras, "api.port": 0}), encoding="utf-8")
    assert main([str(path), "--json"]) == 2
    found = {each["topic"]: each for each in json.loads(capsys.readouterr().out)["findings"]}
    assert found["camera of door"]["level"] == "ok"
    assert found["camera of yard"]["level"] == "problem"
    assert "camera of hall" not in found
    assert {"ring of door", "ring of yard", "ring of hall"} <= set(found)
    assert found["ring of door"]["fixes"][0]["lines"] == "python -m services.video --camera=door"
    assert "has no source here" in found["ring of hall"]["text"]
    room = found["shared memory"]["text"]
    assert "door: 64x64x3" in room
    assert "yard: 1920x1080x3" in room
    assert "hall" not in room
