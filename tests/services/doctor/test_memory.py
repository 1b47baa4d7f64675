from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from services.doctor.finding import Level
from services.doctor.memory import check, geometry_of, need_bytes
from shared.settings import Settings
from tests.support.tmpfs import mounted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.settings_schema import VideoSettings


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path / "shm", 12 * 2**20) as folder:
        yield folder


def video(directory: Path, source: str) -> VideoSettings:
    given = {
        "shared_memory_directory": str(directory),
        "source": source,
        "ring": {"reserve_mb": 0},
    }
    return Settings.model_validate({"video": given}).video


def test_a_small_tmpfs_is_too_small_and_the_lines_say_what_would_do(small: Path) -> None:
    found = check({"video": video(small, "pattern://1280x720@30")}, 0)[-1]
    assert found.level is Level.PROBLEM
    assert "1280x720x3 bytes (as the pattern says) x 8 slots = 21.1 MiB" in found.text
    (kubernetes,) = [fix.lines for fix in found.fixes if fix.where == "Kubernetes"]
    document = yaml.safe_load(kubernetes)
    assert document["volumes"][0]["emptyDir"] == {"medium": "Memory", "sizeLimit": "64Mi"}
    assert document["volumeMounts"][0]["mountPath"] == "/dev/shm"  # noqa: S108 - a container's
    (host,) = [fix.lines for fix in found.fixes if "host's" in fix.where]
    assert yaml.safe_load(host)["services"]["api"] == {"ipc": "host"}


def test_room_for_one_ring_but_not_for_two_is_a_warning(small: Path) -> None:
    found = check({"video": video(small, "pattern://640x480@30")}, 0)[-1]
    assert found.level is Level.WARNING
    assert "second one" in found.text


def test_room_enough_is_well_and_the_ring_there_counts(small: Path) -> None:
    settings = video(small, "pattern://640x480@30")
    need = need_bytes(settings, geometry_of(settings)[0])
    assert check({"video": settings}, need)[-1].level is Level.OK


def test_the_rings_of_all_cameras_need_room_together(small: Path) -> None:
    one = video(small, "pattern://320x240@30")
    assert check({"door": one}, 0)[-1].level is Level.OK
    found = check(dict.fromkeys("abcdefgh", one), 0)[-1]
    assert found.level is Level.PROBLEM
    assert "Not enough: a: 320x240x3 bytes (as the pattern says) x 8 slots = 1.8 MiB" in found.text
    assert "; h: 320x240x3" in found.text
    assert found.text.endswith("= 14.3 MiB; free are 12.0 of 12.0 MiB.")
    almost = check(dict.fromkeys("abcdef", one), 0)[-1]
    assert almost.level is Level.WARNING
    assert "Enough for all rings, but not for a second one" in almost.text


def test_a_disk_and_a_missing_directory_are_said(tmp_path: Path) -> None:
    missing = check({"video": video(tmp_path / "none", "pattern://64x64@1")}, 0)
    assert [each.level for each in missing] == [Level.PROBLEM]
    disk = check({"video": video(Path("/proc"), "pattern://64x64@1")}, 0)[0]
    assert disk.level is Level.WARNING
    assert "not in memory" in disk.text
