"""Every recipe of the documentation has a test."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from tests.support.recipes import CLIENTS, QUICKSTART, README, recipes

HERE: Final = Path(__file__).parent


def test_every_recipe_is_used_by_a_test_of_this_folder() -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in HERE.glob("test_*.py"))
    named = set(re.findall(r'"([a-z0-9]+(?:-[a-z0-9]+)*)"', tests))
    assert set(recipes(CLIENTS, QUICKSTART, README)) - named == set()


def test_every_block_of_code_is_a_recipe() -> None:
    page = CLIENTS.read_text(encoding="utf-8")
    assert len(re.findall(r"^```", page, re.MULTILINE)) == 2 * len(recipes(CLIENTS))
