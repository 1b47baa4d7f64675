"""What we depend on: every package pinned with hashes, and listed by ``make sbom``."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Final

import pytest

from scripts.audit import FILES

ROOT: Final = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("file", sorted(ROOT.glob("requirements/*.txt")), ids=lambda f: f.name)
def test_every_requirement_is_pinned_and_hashed(file: Path) -> None:
    joined = re.sub(r"\\\n", " ", file.read_text(encoding="utf-8"))
    lines = [line for line in joined.splitlines() if line and not line.lstrip().startswith("#")]
    assert lines
    pinned = re.compile(
        r"[a-z0-9-]+(\[[a-z0-9,-]+\])?==[0-9][^ ;]*( ; [^\\]+?)?(\s+--hash=sha256:[0-9a-f]{64})+\s*"
    )
    assert [line[:60] for line in lines if pinned.fullmatch(line) is None] == []


def test_every_file_of_requirements_is_audited() -> None:
    assert {file.name for file in ROOT.glob("requirements/*.txt")} == {
        Path(file).name for file in FILES
    }


@pytest.mark.slow
def test_the_bill_of_materials_lists_every_pin_and_is_the_same_each_time() -> None:
    def made() -> dict[str, str]:
        # setup is not to run in the middle of a test, whatever the times of the files say
        subprocess.run(["make", "--old-file=.venv/.ready", "sbom"], cwd=ROOT, check=True)
        files = {name: ROOT / "artifacts" / f"sbom-{name}.json" for name in ("api", "video")}
        return {name: file.read_text(encoding="utf-8") for name, file in files.items()}

    first = made()
    assert first == made()
    for service, text in first.items():
        bill = json.loads(text)
        assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
        root = bill["metadata"]["component"]
        assert (root["name"], root["type"]) == ("ringcast", "application")
        listed = {f"{part['name']}=={part['version']}" for part in bill["components"]}
        pins = (ROOT / "requirements" / f"{service}.txt").read_text(encoding="utf-8")
        pinned = re.findall(r"^([a-z0-9-]+)(?:\[[^]]*\])?(==[^ ;]+)", pins, re.MULTILINE)
        assert listed == {name + version for name, version in pinned}
