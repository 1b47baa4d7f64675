"""What the documentation names exists: files, headings, make targets and settings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from scripts.configuration_docs import variables
from shared.settings import CONFIG_VARIABLE
from tests.support.python_files import functions

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).resolve().parent.parent
FOLDERS: Final = ("docs", "services", "deploy", "examples", "benchmarks", "tests")
PAGES: Final = sorted(
    [*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md"))]
)
DEPLOYMENT: Final = sorted(
    [*ROOT.glob("compose*.yaml"), *ROOT.glob("Dockerfile.*"), *(ROOT / "deploy").rglob("*.yaml")]
)
FENCE: Final = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
CODE: Final = re.compile(r"^ *```.*?^ *```|`[^`\n]+`", re.MULTILINE | re.DOTALL)
LINK: Final = re.compile(
    r"\]\(\s*<?([^)\s>]+)|^\[[^\]]+\]:\s+(\S+)|(?:src|href)=\"([^\"]+)", re.MULTILINE
)
MAKE: Final = re.compile(
    r"(?:^|[`;&$]) *(?:[A-Z_]+=\S+ +)*make((?: +[A-Z_]+=\S*| +[a-z][a-z-]*)+)", re.MULTILINE
)

OF_CAMERA: Final = re.compile(r"^RINGCAST_CAMERAS__[A-Z0-9_-]+?__")
"""Of a camera there may be every setting that there is of ``video``."""


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def links(page: Path) -> Iterator[str]:
    """Yield every link of a page that leads to this repository."""
    for groups in LINK.findall(CODE.sub("", page.read_text(encoding="utf-8"))):
        target = "".join(groups)
        if not re.match(r"[a-z]+:", target):
            yield target


def anchors(page: Path) -> set[str]:
    """Give the headings of a page as GitHub names them in addresses; of a program its functions."""
    if page.suffix == ".py":
        return functions(page)
    seen: dict[str, int] = {}
    names = set()
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for heading in re.findall(r"^#+ +(.+?) *#*$", text, re.MULTILINE):
        plain = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        names.add(f"{slug}-{seen[slug]}" if slug in seen else slug)
        seen[slug] = seen.get(slug, 0) + 1
    return names


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    dead = []
    for link in links(page):
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        whole = target.exists() and target.is_relative_to(ROOT)
        if not whole or (anchor and anchor not in anchors(target)):
            dead.append(link)
    assert dead == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_make_target_named_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        word
        for code in CODE.findall(page.read_text(encoding="utf-8"))
        for words in MAKE.findall(code)
        for word in words.split()
        if "=" not in word
    }
    assert named - targets == set()


@pytest.mark.parametrize("page", [*PAGES, *DEPLOYMENT], ids=name_of)
def test_every_variable_named_is_a_setting(page: Path) -> None:
    """A variable with our prefix that is no setting would stop the service."""
    named = set(re.findall(r"\bRINGCAST_[A-Z0-9_]*[A-Z0-9]", page.read_text(encoding="utf-8")))
    of_video = {re.sub(OF_CAMERA, "RINGCAST_VIDEO__", name) for name in named}
    assert of_video - variables() - {CONFIG_VARIABLE} == set()


def named_tests(page: Path) -> Iterator[tuple[str, str]]:
    """Yield file and function of every test a page names as file::function."""
    yield from re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_test_named_exists(page: Path) -> None:
    unknown = [
        f"{file}::{name}"
        for file, name in named_tests(page)
        if not (ROOT / file).is_file() or name not in functions(ROOT / file)
    ]
    assert unknown == []


def test_every_provoked_fault_stands_in_the_table_of_faults() -> None:
    named = set(named_tests(ROOT / "docs" / "operating.md"))
    provoked = {
        (name_of(file), name)
        for file in (ROOT / "tests" / "faults").glob("test_*.py")
        for name in functions(file)
        if name.startswith("test_")
    }
    assert sorted(provoked - named) == []
