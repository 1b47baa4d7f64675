from __future__ import annotations

import re

import pytest

import shared
from shared.version import version
from tests.support.processes import ROOT


def test_the_version_is_the_one_of_pyproject() -> None:
    assert f'\nversion = "{version()}"\n' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert shared.__version__ == version()
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", version())


def test_other_attributes_are_not_made_up() -> None:
    with pytest.raises(AttributeError, match="'shared' has no attribute 'nothing'"):
        _ = shared.nothing
