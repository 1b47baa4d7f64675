"""Tests of scripts/audit.py, with a pip-audit that says what it is told to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from scripts.audit import FILES, judged

ROOT: Final = Path(__file__).resolve().parents[2]
FINE: Final = {"name": "flask", "version": "3.1.3", "vulns": []}
SKIPPED: Final = {"name": "numpy", "skip_reason": "Dependency not found on PyPI: numpy (2.4.6)"}
FLAWED: Final = {
    "name": "gunicorn",
    "version": "1.0",
    "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-2"], "fix_versions": ["1.1"], "description": "-"}],
}
NO_NAME: Final = (
    "requests.exceptions.ConnectionError: HTTPSConnectionPool(host='example.org', port=443): Max "
    "retries exceeded (Caused by NameResolutionError('Name or service not known'))"
)


def audit(folder: Path, code: int, packages: list[Any] | None, errors: str = "") -> tuple[int, str]:
    """Run the script with a fake pip-audit as the only one on the PATH."""
    said = "" if packages is None else json.dumps({"dependencies": packages, "fixes": []})
    fake = folder / "pip-audit"
    text = (
        f"#!{sys.executable}\nimport sys\n"
        f"assert '--require-hashes' in sys.argv\n"
        f"sys.stdout.write({said!r})\nsys.stderr.write({errors!r})\nsys.exit({code})\n"
    )
    fake.write_text(text, encoding="utf-8")
    fake.chmod(0o755)
    return run(str(folder))


def run(path: str) -> tuple[int, str]:
    done = subprocess.run(
        (sys.executable, "-m", "scripts.audit"),
        cwd=ROOT,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_nothing_known_is_success_and_says_how_many_were_looked_up(tmp_path: Path) -> None:
    code, said = audit(tmp_path, 0, [FINE, FINE])
    assert code == 0
    for file in FILES:
        assert f"{file}: 2 of 2 packages audited, no known vulnerability" in said


def test_a_known_vulnerability_is_failure_and_says_what_to_do(tmp_path: Path) -> None:
    code, said = audit(tmp_path, 1, [FINE, FLAWED, SKIPPED])
    assert code == 1
    assert "gunicorn 1.0: PYSEC-1, CVE-2; fixed in 1.1" in said


def test_without_network_it_says_not_audited_in_one_line_and_succeeds(tmp_path: Path) -> None:
    errors = f"Traceback (most recent call last):\n  File …\n{NO_NAME}\n"
    code, said = audit(tmp_path, 1, None, errors)
    assert code == 0
    assert said.splitlines() == [
        f"{file}: not audited: no network to the vulnerability data from here" for file in FILES
    ]


def test_an_index_that_knows_no_package_has_audited_nothing(tmp_path: Path) -> None:
    """pip-audit itself ends with 0 and "No known vulnerabilities found" then."""
    code, said = audit(tmp_path, 0, [SKIPPED], "No known vulnerabilities found\n")
    assert code == 0
    assert "not audited: the index that is reached from here knows nothing about any of" in said
    assert "no known vulnerability" not in said


def test_packages_that_were_not_looked_up_are_named(tmp_path: Path) -> None:
    code, said = audit(tmp_path, 0, [FINE, SKIPPED])
    assert code == 0
    assert "1 of 2 packages audited, no known vulnerability; not audited: numpy" in said


@pytest.mark.parametrize(
    "errors",
    [
        "ERROR:pip_audit._cli:requirement flask is missing a hash",
        "requests.exceptions.SSLError: certificate verify failed: self-signed certificate",
        "requests.exceptions.HTTPError: 500 Server Error",
        "",
    ],
)
def test_any_other_failure_is_no_lack_of_network(tmp_path: Path, errors: str) -> None:
    code, said = audit(tmp_path, 1, None, errors)
    assert code == 2
    assert (errors or "it said nothing") in said
    assert "not audited" not in said


def test_a_crash_after_the_report_is_a_failure() -> None:
    assert judged(3, json.dumps({"dependencies": [FINE]}), "boom").code == 2


def test_a_missing_pip_audit_is_said(tmp_path: Path) -> None:
    assert run(str(tmp_path)) == (2, "pip-audit is not installed: make setup\n")
