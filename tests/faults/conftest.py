"""A credentials file for those who test the door."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.secrets import FILE

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def credentials(tmp_path: Path) -> Path:
    path = tmp_path / "credentials"
    path.write_text(FILE, encoding="utf-8")
    path.chmod(0o600)
    return path
