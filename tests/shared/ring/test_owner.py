"""Whose files are believed; with real users in tests/faults/test_memory_access.py."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from shared.errors import RingUnavailable
from shared.ring.owner import check_owner

PATH = Path("/shm/camera.ring")


def status_of(user: int, group: int) -> os.stat_result:
    return os.stat_result((0o100640, 1, 1, 1, user, group, 0, 0, 0, 0))


@pytest.mark.parametrize(
    ("user", "owner", "group"),
    [(0, 4711, 4711), (1001, 1001, 4711), (1001, 0, 0), (1001, 4711, 1001), (1001, 4711, 44)],
    ids=["root asks", "own", "roots", "own group", "a group in common"],
)
def test_believed(monkeypatch: pytest.MonkeyPatch, user: int, owner: int, group: int) -> None:
    become(monkeypatch, user)
    check_owner(PATH, status_of(owner, group))


@pytest.mark.parametrize(("owner", "group"), [(4711, 4711), (4711, 0)])
def test_a_stranger_is_not_believed_and_named(
    monkeypatch: pytest.MonkeyPatch, owner: int, group: int
) -> None:
    become(monkeypatch, 1001)
    with pytest.raises(RingUnavailable, match=rf"user {owner}, group {group}.*\(1001\)") as caught:
        check_owner(PATH, status_of(owner, group))
    assert caught.value.path == PATH


def become(monkeypatch: pytest.MonkeyPatch, user: int) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(os, "getegid", lambda: user)
    monkeypatch.setattr(os, "getgroups", lambda: [44])
