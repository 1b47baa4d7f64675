from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.access.credentials_file import identity, parse, read
from services.api.access.scopes import Scope
from services.api.access.signature import sign
from shared.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

FILE = """
# the door
view token 3f1c0c5d7a8e4b0f9d21
view,metrics   basic  wall:entrance hall: display

  admin\tkey\tdoor-1\t9c2e4d11f0a94be7b1d3
"""


def test_every_kind_of_line_is_read() -> None:
    credentials = parse(FILE)
    assert credentials.by_token(b"3f1c0c5d7a8e4b0f9d21") == Scope.VIEW
    both = Scope.VIEW | Scope.METRICS
    assert credentials.by_password(b"wall:entrance hall: display") == both
    token = sign(b"9c2e4d11f0a94be7b1d3", "door-1", "admin", "/", "9")
    assert credentials.by_signature(token, "/", "9") == Scope.ADMIN


def test_windows_line_ends_and_an_empty_file_are_fine() -> None:
    assert parse(FILE.replace("\n", "\r\n")) == parse(FILE)
    assert not parse("")
    assert not parse("# nothing\n\n")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("hunter2-hunter2-hunter2", "must begin with its scopes"),
        ("root token hunter2-hunter2-hunter2", "must begin with its scopes"),
        ("view, metrics token hunter2-hunter2-hunter2", "must begin with its scopes"),
        ("view hunter2-hunter2-hunter2", "after the scopes must stand token, basic or key"),
        ("view password hunter2-hunter2-hunter2", "after the scopes must stand token"),
        ("view token hunter2", "a token must have at least 16 characters"),
        ("view token hunter2 hunter2 hunter2", "and no spaces"),
        ("view token", "a token must have at least 16"),
        ("view basic hunter2-hunter2-hunter2", "basic needs user:password"),
        ("view basic :hunter2-hunter2", "basic needs user:password"),
        ("view basic alice:hunter2", "the password of at least 8 characters"),
        ("view key hunter2-hunter2-hunter2", "a key must have at least 16"),
        ("view key d:r hunter2-hunter2-hunter2", "key needs an id of 1 to 32"),
        ("view key token hunter2-hunter2-hunter2", "which is api.auth.token's"),
        ("view key door hunter2", "a key must have at least 16 characters"),
    ],
)
def test_wrong_lines_are_named_by_number_and_never_repeated(line: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(f"# first\n{line}\n")
    (problem,) = refused.value.problems
    assert problem.startswith("credentials, line 2: ")
    assert sentence in problem
    assert "hunter2" not in problem


def test_a_user_or_key_that_is_there_twice_is_refused_with_both_lines() -> None:
    text = "view basic bob:12345678\nview key a 0123456789abcdef\n"
    text += "admin basic bob:87654321\nview key a 0123456789abcdef\n"
    with pytest.raises(ConfigError) as refused:
        parse(text)
    assert [problem.partition(", ")[2] for problem in refused.value.problems] == [
        "line 3: is there already, on line 1",
        "line 4: is there already, on line 2",
    ]


def problems_of(text: str) -> list[str]:
    try:
        parse(text)
    except ConfigError as error:
        return error.problems
    return []


@given(st.text() | st.lists(st.sampled_from(["view", "key", "a:", "12345678", "\n"])).map(" ".join))
def test_any_text_is_read_or_refused_by_line_and_nothing_else(text: str) -> None:
    assert all(problem.startswith("credentials, line ") for problem in problems_of(text))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "credentials"
    path.write_text(FILE, encoding="utf-8")
    path.chmod(0o600)
    return path


def test_a_file_is_read_with_its_identity(path: Path) -> None:
    reading = read(path)
    assert reading.credentials == parse(FILE)
    assert reading.identity == identity(path.stat())
    assert not reading.public


def test_a_file_that_everybody_may_read_is_noticed(path: Path) -> None:
    path.chmod(0o604)
    assert read(path).public


def test_every_change_changes_the_identity(path: Path) -> None:
    seen = {identity(path.stat())}
    same_size = FILE.replace("door-1", "door-2")
    path.write_text(same_size, encoding="utf-8")
    seen.add(identity(path.stat()))
    other = path.with_name("new")
    other.write_text(same_size, encoding="utf-8")
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.replace(path)
    seen.add(identity(path.stat()))
    assert len(seen) == 3


def test_what_cannot_be_read_is_said_without_content(path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read(path.with_name("missing"))
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        read(path.parent)
    path.write_bytes(b"# one\nview token \xe9\xe9\xe9\xe9\n")
    with pytest.raises(ConfigError) as refused:
        read(path)
    assert refused.value.problems == [f"credentials file {path}, line 2: is not UTF-8"]
    path.write_bytes(b"#" * (1 << 21))
    with pytest.raises(ConfigError, match="larger than"):
        read(path)


def test_a_pipe_is_refused_and_does_not_hang(path: Path) -> None:
    pipe = path.with_name("pipe")
    os.mkfifo(pipe)
    with pytest.raises(ConfigError, match="not a regular file"):
        read(pipe)
