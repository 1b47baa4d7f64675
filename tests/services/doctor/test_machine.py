from __future__ import annotations

import resource

from services.doctor.finding import Level
from services.doctor.machine import check
from shared.settings import Settings


def test_limits_are_compared_with_what_is_needed() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = Settings.model_validate({"api": {"limits": {"max_streams": 100_000}}})
    files = {each.topic: each for each in check(most.api)}["open files"]
    assert (files.level is Level.WARNING) == (hard != resource.RLIM_INFINITY and hard < 200_256)
    if files.level is Level.WARNING:
        assert "nofile: 200256" in files.fixes[0].lines


def test_versions_are_told() -> None:
    versions = check(Settings().api)[0]
    assert "Ringcast " in versions.text
    assert "numpy " in versions.text
