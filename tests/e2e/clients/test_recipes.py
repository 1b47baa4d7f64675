"""Every recipe of the documentation has a test."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from tests.support.recipes import CLIENTS, QUICKSTART, README, RECORDING, recipes

HERE: Final = Path(__file__).parent


def test_every_recipe_is_used_by_a_test_of_this_folder() -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in HERE.glob("test_*.py"))
    named = set(re.findall(r'"([a-z0-9]+(?:-[a-z0-9]+)*)"', tests))
    assert set(recipes(CLIENTS, QUICKSTART, RECORDING, README)) - named == set()


@pytest.mark.parametrize("page", [CLIENTS, RECORDING], ids=lambda page: page.name)
def test_every_block_of_code_is_a_recipe(page: Path) -> None:
    fences = re.findall(r"^```", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(fences) == 2 * len(recipes(page))
