"""Asks pip-audit whether a pinned package has a known vulnerability: ``make audit``.

pip-audit ends with code 0 and "No known vulnerabilities found" also when it could not look up a
single package, and with code 1 both when it found something and when it has no network. Here only
what was looked up counts as audited:

=====  ==========================================================================================
exit   means
=====  ==========================================================================================
0      audited, nothing known; or "not audited", because its data cannot be reached from here
1      a vulnerability is known: package, number, and the version that has it fixed
2      anything else: pip-audit is missing, a file is wrong, a certificate is refused
=====  ==========================================================================================
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
FILES: Final = tuple(f"requirements/{name}.txt" for name in ("api", "video", "dev"))
_OPTIONS: Final = ("--require-hashes", "--disable-pip", "--progress-spinner=off", "--format=json")
_UNREACHABLE: Final = re.compile(
    r"requests\.exceptions\.(ConnectionError|ProxyError|ConnectTimeout|ReadTimeout)\b"
    r"|Could not connect to \S+ vulnerability feed"
)
"""How pip-audit 2.x ends without network; a refused certificate (SSLError) is something else."""
_NAMED: Final = 5


@dataclass(frozen=True)
class Verdict:
    """What came of one audit.

    Attributes:
        code: To exit with.
        words: For the terminal.
    """

    code: int
    words: str


def main() -> int:
    """Audit the three files of pinned packages.

    Returns:
        The exit code, as in the table above.
    """
    program = shutil.which("pip-audit")
    if program is None:
        print("pip-audit is not installed: make setup", file=sys.stderr)
        return 2
    worst = 0
    for file in FILES:
        done = subprocess.run(
            (program, *_OPTIONS, "--requirement", file),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        verdict = judged(done.returncode, done.stdout, done.stderr)
        print(f"{file}: {verdict.words}", flush=True)
        worst = max(worst, verdict.code)
    return worst


def judged(code: int, output: str, errors: str) -> Verdict:
    """Make sense of what pip-audit said.

    Args:
        code: Its exit code.
        output: Its standard output: JSON, if it got that far.
        errors: Its standard error.
    """
    try:
        packages: list[dict[str, Any]] = json.loads(output)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return _without_report(code, errors)
    known = [(package, flaw) for package in packages for flaw in package.get("vulns", [])]
    if known:
        lines = [_line(package, flaw) for package, flaw in known]
        return Verdict(1, f"{len(lines)} known vulnerabilities\n" + "\n".join(lines))
    if code != 0:
        return Verdict(2, f"pip-audit ended with code {code}: {_last_line(errors)}")
    skipped = [str(package["name"]) for package in packages if "skip_reason" in package]
    looked_up = len(packages) - len(skipped)
    if looked_up == 0:
        return Verdict(
            0,
            f"not audited: the index that is reached from here knows nothing about any of the "
            f"{len(packages)} packages",
        )
    words = f"{looked_up} of {len(packages)} packages audited, no known vulnerability"
    if skipped:
        more = ", …" if len(skipped) > _NAMED else ""
        words += f"; not audited: {', '.join(skipped[:_NAMED])}{more}"
    return Verdict(0, words)


def _without_report(code: int, errors: str) -> Verdict:
    if code != 0 and _UNREACHABLE.search(errors):
        return Verdict(0, "not audited: no network to the vulnerability data from here")
    return Verdict(2, f"pip-audit ended with code {code}, no report: {_last_line(errors)}")


def _last_line(errors: str) -> str:
    lines = errors.strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def _line(package: dict[str, Any], flaw: dict[str, Any]) -> str:
    names = ", ".join([str(flaw["id"]), *map(str, flaw.get("aliases", []))])
    fixed = ", ".join(map(str, flaw.get("fix_versions", []))) or "no version yet"
    return f"  {package['name']} {package.get('version', '')}: {names}; fixed in {fixed}"


if __name__ == "__main__":
    sys.exit(main())
