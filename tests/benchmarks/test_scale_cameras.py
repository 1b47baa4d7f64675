"""Tests of benchmarks/scale_cameras.py: the words for figures made by hand."""

from __future__ import annotations

from typing import Any

from benchmarks.scale_cameras import cameras_text


def case(cameras: int, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "cameras": cameras,
        "fps_lowest": 29.94,
        "cores": {"videos": 0.5746, "api": 0.021},
        "video_pss_mb": {"all": 1178.2},
        "api_pss_mb": {"all": 21.3},
        **more,
    }


def test_every_case_measured_has_its_line() -> None:
    machine = {"cores": 2, "model": "none", "date": "today", "commit": "0"}
    wall = case(16, query="width=320&fps=10", clients={"fps_lowest": 9.96})
    said = cameras_text(
        {
            "machine": {**machine, "load_average_at_start": 0.1},
            "source": "pattern://1280x720@30",
            "slots": 4,
            "one": case(1),
            "wall": wall,
        }
    )
    _, _, one, line, *rest = said.splitlines()
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[0].endswith("(width=320&fps=10)")
    assert cells[1:] == ["16", "29.9", "0.57", "0.02", "1200", "10.0"]
    assert one.split("|")[-2].strip() == "-"
    assert "`pattern://1280x720@30`, 4 slots" in rest[-1]
