"""The Compose file of many cameras: what is in it, and that no secret is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from services.supervisor.compose import main, memory_mib
from shared.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECRET = "pass-of-nobody"  # noqa: S105 - of nobody
CAMERAS = {
    "door": {"source": f"rtsp://user:{SECRET}@192.0.2.1/live"},
    "yard": {"source": "v4l2:/dev/video2"},
    "hall": {"source": "pattern://1280x720@30", "ring": {"slots": 4}},
    "clip": {"source": "/srv/a $ clip.mp4"},
    "loop": {"source": "clips/loop.mp4"},
    "else": {},
}

Written = tuple[dict[str, Any], str]


@pytest.fixture
def written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Written]:
    """Runs the program in a folder with a configuration file; its document and its text."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"cameras": CAMERAS}), encoding="utf-8")

    def run(*arguments: str) -> Written:
        assert main(arguments) == 0
        text = capsys.readouterr().out
        return yaml.safe_load(text), text

    return run


def test_every_camera_with_a_source_has_a_service_and_the_first_is_the_one_of_the_base(
    written: Callable[..., Written],
) -> None:
    services = written()[0]["services"]
    assert list(services) == [
        "video",
        "video-yard",
        "video-hall",
        "video-clip",
        "video-loop",
        "api",
    ]
    assert services["video"]["command"][-1] == "--camera=door"
    assert "extends" not in services["video"]
    yard = services["video-yard"]
    assert yard["extends"] == {"file": "compose.yaml", "service": "video"}
    assert yard["command"] == ["python", "-m", "services.video", "--camera=yard"]
    assert yard["healthcheck"]["test"][-1] == "--camera=yard"


def test_devices_and_files_get_into_the_container(written: Callable[..., Written]) -> None:
    services = written("--base=./compose.yaml")[0]["services"]
    assert services["video-yard"]["devices"] == ["/dev/video2:/dev/video2"]
    assert services["video-yard"]["group_add"] == ["${VIDEO_GID:-44}"]
    assert "devices" not in services["video-hall"]
    mounts = {
        name: [(each["source"], each["target"]) for each in services[name]["volumes"]]
        for name in ("api", "video-clip", "video-loop")
    }
    config = ("./config.json", "/app/config.json")
    assert mounts["api"] == [config]
    assert mounts["video-clip"] == [config, ("/srv/a $$ clip.mp4", "/srv/a $$ clip.mp4")]
    assert mounts["video-loop"][1][1] == "/app/clips/loop.mp4"
    assert mounts["video-loop"][1][0].endswith("/clips/loop.mp4")
    assert all(each["read_only"] for each in services["video-clip"]["volumes"])


def test_memory_is_limited_by_the_size_of_two_rings(written: Callable[..., Written]) -> None:
    services = written()[0]["services"]
    assert services["video-hall"]["mem_limit"] == "${VIDEO_MEMORY:-576m}"
    assert services["video"]["mem_limit"] == "${VIDEO_MEMORY:-1024m}", "its size is not known yet"


def test_no_secret_is_written(
    written: Callable[..., Written], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RINGCAST_CAMERAS__GATE__SOURCE", f"http://user:{SECRET}@192.0.2.2/")
    document, text = written()
    assert SECRET not in text
    assert "video-gate" in document["services"]
    for service in document["services"].values():
        assert service["environment"]["RINGCAST_CAMERAS__GATE__SOURCE"] is None


def test_isolated_memory_is_shared_by_all(written: Callable[..., Written]) -> None:
    document, text = written("--isolated")
    services = document["services"]
    for name in ("video-yard", "video-hall"):
        assert services[name]["ipc"] == "private"
        assert "memory:/dev/shm:nocopy" in services[name]["volumes"]
    assert "ipc" not in services["video"], "compose.isolated.yaml says it"
    assert "-f compose.yaml -f compose.isolated.yaml -f compose.cameras.yaml up" in text


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--video.ring.slots=1",), "video.ring.slots '1': must be 2 to 64"),
        (("--video.ring.slots=3",), "settings of the command line do not reach the containers"),
        (("empty.json",), "cameras names no camera with a source"),
    ],
)
def test_what_cannot_be_written_is_a_sentence_and_exit_code_2(
    written: Callable[..., Written],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    sentence: str,
) -> None:
    assert written()
    (tmp_path / "empty.json").write_text("{}", encoding="utf-8")
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith(f"ringcast: {sentence}")


def test_the_room_of_a_ring_is_told_in_steps() -> None:
    video = load_settings(environ={"VIDEO_SOURCE": "pattern://1920x1080@30"}).video
    assert (memory_mib(video, 1), memory_mib(video)) == (64, 128)
