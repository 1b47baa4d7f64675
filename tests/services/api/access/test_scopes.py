from __future__ import annotations

import pytest

from services.api.access.scopes import Scope, scope_named, suffices


@pytest.mark.parametrize("name", ["view", "metrics", "admin"])
def test_scopes_are_known_by_the_names_people_write(name: str) -> None:
    assert str(scope_named(name).name).lower() == name


@pytest.mark.parametrize("name", ["", "View", "root", "view,metrics", "hunter2-is-my-secret"])
def test_what_is_no_scope_is_not_repeated_in_the_message(name: str) -> None:
    with pytest.raises(ValueError, match=r"^must be view, metrics or admin$"):
        scope_named(name)


def test_admin_may_everything_and_the_others_only_theirs() -> None:
    for needed in (Scope.VIEW, Scope.METRICS, Scope.ADMIN):
        assert suffices(Scope.ADMIN, needed)
        assert not suffices(Scope(0), needed)
    assert suffices(Scope.VIEW, Scope.VIEW | Scope.METRICS)
    assert not suffices(Scope.VIEW, Scope.METRICS)
    assert not suffices(Scope.VIEW | Scope.METRICS, Scope.ADMIN)
