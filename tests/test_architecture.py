"""Rules of the house that no linter knows: who imports whom, and what never stands in the code."""

from __future__ import annotations

import ast
import functools
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).resolve().parent.parent
PRODUCT: Final = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in ("shared", "services")
    for path in (ROOT / folder).rglob("*.py")
)
TESTS: Final = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("*.py"))
PROGRAMS: Final = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("scripts/*.py"))

OUTSIDE_WORLD: Final = {
    "mmap": ("shared/ring/segment.py", "services/api/ledger.py"),
    "zmq": (
        "shared/publisher.py",
        "shared/doorbell.py",
        "services/api/subscriber.py",
        "shared/consumer.py",
    ),
    "cv2": (
        "services/video/sources/*.py",
        "services/api/imaging.py",
        "services/api/mosaic/caption.py",
        "shared/blank.py",
        "shared/pixels.py",
        "services/latency/picture.py",
    ),
    "gevent": (
        "services/api/subscriber.py",
        "services/api/feed.py",
        "services/api/breath.py",
        "services/api/encoder.py",
        "services/api/pictures.py",
        "services/api/cache.py",
        "services/api/fanout.py",
        "services/api/rendition.py",
        "services/api/ring_end.py",
        "services/api/variant_ring.py",
        "services/api/stream.py",
        "services/api/connection.py",
        "services/api/fairness.py",
        "services/api/lifecycle.py",
        "services/api/pulse.py",
        "services/api/discovery.py",
        "services/api/deadline.py",
        "services/api/mosaic/mosaics.py",
        "services/api/mosaic/running.py",
        "services/api/websocket/line.py",
        "services/api/websocket/session.py",
    ),
    "wsproto": ("services/api/websocket/session.py", "services/api/routes/websocket.py"),
    "flask": ("services/api/app.py", "services/api/routes/*.py"),
    "pydantic": (
        "shared/settings.py",
        "shared/settings_schema.py",
        "shared/settings_api.py",
        "shared/settings_stream.py",
        "shared/settings_mosaic.py",
        "shared/settings_mosaic.py",
        "shared/settings_model.py",
        "shared/settings_advice.py",
        "shared/settings_sources.py",
        "shared/settings_origin.py",
    ),
    "prometheus_client": ("services/api/exposition.py",),
    "pydantic_settings": ("shared/settings_model.py", "shared/settings_sources.py"),
    "structlog": ("shared/logs.py",),
}
"""Each library with the only files that touch it, so that it could be exchanged there."""

CORE_LIBRARIES: Final = {"numpy", "zmq"}
"""What ``pip install ringcast`` brings: all that a vision module needs."""

EXTRA_MODULES: Final = {
    "shared/settings.py",
    "shared/settings_schema.py",
    "shared/settings_api.py",
    "shared/settings_stream.py",
    "shared/settings_mosaic.py",
    "shared/settings_model.py",
    "shared/settings_advice.py",
    "shared/settings_sources.py",
    "shared/settings_origin.py",
    "shared/logs.py",
    "shared/blank.py",
    "shared/pixels.py",
}
"""Modules of the wheel that need an extra (pydantic, OpenCV)."""

ENVIRONMENT_USERS: Final = {
    "services/video/notify.py",  # what systemd calls itself there is no setting of ours
    "shared/settings_inputs.py",
    "services/video/sources/opencv.py",  # writes only: OpenCV takes some options from there alone
}

WITHOUT_TEST: Final = {"services/api/gunicorn.conf.py"}
"""Beside the ``__init__`` files: read by gunicorn by path, and tested through every e2e test."""


@functools.cache
def tree(path: str) -> ast.Module:
    """Parse a file, named from the top of the checkout."""
    return ast.parse((ROOT / path).read_text(encoding="utf-8"), filename=path)


def imports(path: str) -> Iterator[tuple[int, str]]:
    """Yield line and dotted name of everything a file imports; relative names keep their dots."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            stem = "." * node.level + (node.module or "")
            joint = "" if stem.endswith(".") else "."
            yield from ((node.lineno, f"{stem}{joint}{alias.name}") for alias in node.names)


def within(name: str, package: str) -> bool:
    """Say whether a dotted name is the package or something in it."""
    return name == package or name.startswith(f"{package}.")


def offences(paths: list[str], forbidden: tuple[str, ...]) -> list[str]:
    """List every import of a forbidden package as file:line."""
    return [
        f"{path}:{line} imports {name}"
        for path in paths
        for line, name in imports(path)
        if any(within(name, package) for package in forbidden)
    ]


def uses(paths: list[str], forbidden: tuple[str, ...]) -> list[str]:
    """List every mention of a forbidden ``module.name`` as file:line."""
    return [
        f"{path}:{node.lineno} uses {ast.unparse(node)}"
        for path in paths
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in forbidden
    ]


def in_folder(folder: str) -> list[str]:
    return [path for path in PRODUCT if path.startswith(f"{folder}/")]


def test_shared_imports_no_service() -> None:
    assert offences(in_folder("shared"), ("services",)) == []


def test_shared_imports_itself_relatively_so_that_it_can_be_installed_as_ringcast() -> None:
    assert offences(in_folder("shared"), ("shared", "ringcast")) == []


def test_relative_imports_of_shared_stay_inside_it() -> None:
    escapes = [
        f"{path}:{line} imports {name}"
        for path in in_folder("shared")
        for line, name in imports(path)
        if len(name) - len(name.lstrip(".")) > path.count("/")
    ]
    assert escapes == []


def test_services_import_absolutely() -> None:
    relative = [
        f"{path}:{line} imports {name}"
        for path in in_folder("services")
        for line, name in imports(path)
        if name.startswith(".")
    ]
    assert relative == []


def test_the_video_module_does_not_know_the_api() -> None:
    assert offences(in_folder("services/video"), ("services.api",)) == []


def test_the_api_knows_the_video_module_through_one_door_only() -> None:
    paths = [path for path in in_folder("services/api") if path != "services/api/embedded.py"]
    assert offences(paths, ("services.video",)) == []


@pytest.mark.parametrize("library", OUTSIDE_WORLD)
def test_a_library_is_touched_in_named_files_only(library: str) -> None:
    strangers = [
        path
        for path in PRODUCT
        if not any(fnmatch(path, pattern) for pattern in OUTSIDE_WORLD[library])
    ]
    assert offences(strangers, (library,)) == []


def test_a_vision_module_needs_numpy_and_pyzmq_only() -> None:
    needed = {
        name.split(".")[0]
        for path in in_folder("shared")
        if path not in EXTRA_MODULES
        for _, name in imports(path)
        if not name.startswith(".")
    }
    assert needed - CORE_LIBRARIES - set(sys.stdlib_module_names) == set()


def test_only_the_settings_read_the_environment() -> None:
    others = [path for path in PRODUCT if path not in ENVIRONMENT_USERS]
    readers = ("os.environ", "os.environb", "os.getenv")
    assert offences(others, readers) + uses(others, readers) == []


def test_every_module_has_its_test_file() -> None:
    missing = [
        f"{path} has no {test}"
        for path in PRODUCT + PROGRAMS
        if not path.endswith("__init__.py") and path not in WITHOUT_TEST
        if not (ROOT / (test := mirror(path))).exists()
    ]
    assert missing == []


def mirror(path: str) -> str:
    """Name the test file of a module: shared/ring/writer.py, tests/shared/ring/test_writer.py."""
    module = Path(path)
    return (Path("tests") / module.parent / f"test_{module.stem.strip('_')}.py").as_posix()


def test_no_error_is_swallowed() -> None:
    swallowed = [
        f"{path}:{node.lineno}"
        for path in PRODUCT + PROGRAMS + TESTS
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler)
        if node.type is None or all(isinstance(statement, ast.Pass) for statement in node.body)
    ]
    assert swallowed == []


def test_no_test_sleeps() -> None:
    """Waiting for time instead of for the event is slow on good days and wrong on bad ones."""
    sleeps = ("time.sleep", "gevent.sleep")
    assert offences(TESTS, sleeps) + uses(TESTS, sleeps) == []
