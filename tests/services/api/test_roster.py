from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from services.api.roster import Roster, UnknownCamera

if TYPE_CHECKING:
    from services.api.camera import Camera


def camera(name: str) -> Camera:
    return cast("Camera", SimpleNamespace(name=name))


@pytest.fixture
def roster() -> Roster:
    return Roster({name: camera(name) for name in ("yard", "door")})


def test_cameras_of_the_settings_come_first_in_their_order_then_others_by_name(
    roster: Roster,
) -> None:
    for name in ("zoo", "attic"):
        roster.add(camera(name), listed=True)
    roster.add(camera("hidden"), listed=False)
    assert roster.names() == ["yard", "door", "attic", "zoo"]
    assert [each.name for each in roster.all()] == ["yard", "door", "zoo", "attic", "hidden"]
    assert roster.default.name == "yard"


def test_camera_is_known_from_when_it_comes_until_it_goes(roster: Roster) -> None:
    attic = camera("attic")
    roster.add(attic, listed=True)
    assert roster.named("attic") is attic
    assert roster.lists(attic)
    roster.remove(attic)
    assert "attic" not in roster
    with pytest.raises(UnknownCamera, match=r"no camera 'attic'\. Known cameras: yard, door\."):
        roster.named("attic")
    with pytest.raises(KeyError):
        roster.remove(attic)


def test_camera_that_no_list_tells_of_has_no_url_but_its_name_is_taken(roster: Roster) -> None:
    hidden = camera("hidden")
    roster.add(hidden, listed=False)
    assert "hidden" in roster
    assert not roster.lists(hidden)
    with pytest.raises(UnknownCamera):
        roster.named("hidden")
    with pytest.raises(KeyError):
        roster.remove(camera("hidden"))
    roster.remove(hidden)
    assert "hidden" not in roster


def test_cameras_of_the_settings_stay(roster: Roster) -> None:
    with pytest.raises(KeyError):
        roster.remove(roster.default)
