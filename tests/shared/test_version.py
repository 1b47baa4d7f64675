from __future__ import annotations

import tomllib
from pathlib import Path

from shared.version import version

ROOT = Path(__file__).resolve().parents[2]


def test_the_version_is_that_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert version() == project["project"]["version"]
