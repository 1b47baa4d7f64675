from __future__ import annotations

from services.doctor.finding import Fix, Level, ok, problem, warning


def test_a_finding_knows_how_bad_it_is_and_what_would_fix_it() -> None:
    fix = Fix("shell", "true")
    assert ok("ring", "Fine.").level is Level.OK
    assert warning("ring", "Hm.", fix).fixes == problem("ring", "No.", fix).fixes == (fix,)
    assert [int(level) for level in Level] == [0, 1, 2]
