from __future__ import annotations

import json

from services.doctor.finding import Fix, Level, ok, problem, warning
from services.doctor.report import as_json, as_text, worst

FINDINGS = [ok("ring", "Fine."), problem("camera", "Gone.", Fix("shell", "one\ntwo"))]


def test_the_worst_decides() -> None:
    assert worst([]) is Level.OK
    assert worst([*FINDINGS, warning("port", "Hm.")]) is Level.PROBLEM


def test_people_see_lines_to_copy() -> None:
    text = as_text(FINDINGS)
    assert text.startswith(
        "ok       ring: Fine.\nproblem  camera: Gone.\n    shell:\n      one\n      two\n"
    )


def test_machines_get_the_same() -> None:
    document = json.loads(as_json(FINDINGS))
    assert document["level"] == "problem"
    assert document["findings"][1]["fixes"] == [{"where": "shell", "lines": "one\ntwo"}]
