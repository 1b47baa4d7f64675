"""Every feature that docs/features.md claims for Ringcast is proven by a test that exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "features.md"
NOT_HAD: Final = re.compile(r"no(;|$)")
PROOF: Final = re.compile(r"\[([^\]]+)\]\((\.\./tests/[^)#]+)\)")


def our_cells() -> Iterator[tuple[str, str]]:
    """Yield feature and Ringcast's cell of every row of every table, headings apart."""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if not line.startswith("|"):
            continue
        feature, ours = (cell.strip() for cell in line.strip("|").split("|")[:2])
        if ours != "Ringcast" and not re.fullmatch(r":?-+:?", ours):
            yield feature, ours


ROWS: Final = sorted(our_cells())


def test_the_tables_are_found() -> None:
    assert len(ROWS) > 20
    assert len({feature for feature, _ in ROWS}) == len(ROWS)


@pytest.mark.parametrize(("feature", "ours"), ROWS, ids=[feature for feature, _ in ROWS])
def test_a_claim_links_to_the_test_that_proves_it(feature: str, ours: str) -> None:
    proofs = PROOF.findall(ours)
    assert proofs or NOT_HAD.match(ours), f"{feature}: {ours} is proven by no test"
    for text, link in proofs:
        file = (PAGE.parent / link).resolve()
        assert file.is_file(), f"{feature}: {link} does not exist"
        tree = ast.parse(file.read_text(encoding="utf-8"))
        functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        named = re.findall(r"`(test_\w+)`", text)
        assert set(named) <= functions, f"{feature}: {link} has no {named}"
        assert any(name.startswith("test_") for name in functions), f"{link} tests nothing"
