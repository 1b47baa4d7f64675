from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.api.access.start import check_files_of
from shared.errors import ConfigError
from shared.settings_api import ApiSettings

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "a-token-of-more-than-sixteen"  # noqa: S105 - of nobody


def settings(**auth: object) -> ApiSettings:
    return ApiSettings.model_validate({"auth": auth})


def test_nothing_is_looked_at_where_nothing_is_needed(tmp_path: Path) -> None:
    assert check_files_of(settings()) == []
    assert check_files_of(settings(mode="none", credentials_file=tmp_path / "missing")) == []
    assert check_files_of(settings(mode="required", token=TOKEN)) == []


def test_required_without_any_credential_is_refused(tmp_path: Path) -> None:
    empty = tmp_path / "credentials"
    empty.write_text("# nothing yet\n", encoding="utf-8")
    for wrong in (settings(mode="required"), settings(credentials_file=empty)):
        with pytest.raises(ConfigError, match="there is no credential"):
            check_files_of(wrong)
    assert check_files_of(settings(token=TOKEN, credentials_file=empty))


def test_a_file_open_to_everybody_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "credentials"
    path.write_text(f"view token {TOKEN}\n", encoding="utf-8")
    path.chmod(0o644)
    (warning,) = check_files_of(settings(credentials_file=path))
    assert warning.endswith(f"chmod o-r {path}")
    path.chmod(0o640)
    assert check_files_of(settings(credentials_file=path)) == []


def test_all_problems_are_said_together(tmp_path: Path) -> None:
    given = {
        "auth": {"credentials_file": tmp_path / "missing"},
        "tls": {"certificate_file": tmp_path / "c", "key_file": tmp_path / "k"},
    }
    with pytest.raises(ConfigError) as refused:
        check_files_of(ApiSettings.model_validate(given))
    assert len(refused.value.problems) == 3
