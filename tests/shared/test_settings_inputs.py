"""What settings are read from, and when that counts as the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.settings_inputs import CONFIG_VARIABLE, config_file, file_argument, fingerprint


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory without a config.json."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_file_is_the_named_one_or_the_one_that_is_there(elsewhere: Path) -> None:
    assert config_file({}) is None
    (elsewhere / "config.json").write_text("{}", encoding="utf-8")
    assert config_file({}) == Path("config.json")
    assert config_file({CONFIG_VARIABLE: "a.json"}) == Path("a.json")
    assert config_file({CONFIG_VARIABLE: "a.json"}, Path("b.json")) == Path("b.json")


def test_a_fingerprint_changes_with_file_and_variables_of_ours_only(elsewhere: Path) -> None:
    bare = fingerprint({})
    assert fingerprint({"PATH": "/bin"}) == bare
    assert fingerprint({"VIDEO_SOURCE": "0"}) != bare
    assert fingerprint({"RINGCAST_API__PORT": "1"}) != bare
    (elsewhere / "config.json").write_text('{"api.port": 1}', encoding="utf-8")
    assert fingerprint({}) != bare


def test_a_file_that_cannot_be_read_has_no_fingerprint() -> None:
    with pytest.raises(FileNotFoundError):
        fingerprint({CONFIG_VARIABLE: "nowhere.json"})


@pytest.mark.parametrize(
    ("arguments", "path", "others"),
    [
        ([], None, []),
        (["a.json"], Path("a.json"), []),
        (["a.json", "--video.source=0"], Path("a.json"), ["--video.source=0"]),
        (["--video.source=0", "a.json"], None, ["--video.source=0", "a.json"]),
    ],
)
def test_configuration_file_comes_first_on_a_command_line(
    arguments: list[str], path: Path | None, others: list[str]
) -> None:
    before = list(arguments)
    assert file_argument(arguments) == (path, others)
    assert arguments == before
