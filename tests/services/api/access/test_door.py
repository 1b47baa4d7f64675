from __future__ import annotations

from services.api.access.door import Door
from shared.settings_api import ApiSettings


def test_without_credentials_in_the_settings_there_is_no_gate() -> None:
    assert Door(ApiSettings()).gate is None


def test_the_door_is_as_the_settings_have_it() -> None:
    door = Door(
        ApiSettings.model_validate(
            {
                "auth": {"mode": "required"},
                "http": {
                    "allowed_hosts": "cam.example",
                    "trusted_proxies": "10.0.0.0/8",
                    "cors_origins": "https://wall.example",
                    "resource_policy": "cross-origin",
                },
            }
        )
    )
    assert door.gate is not None
    door.hosts.check("cam.example")
    assert str(door.trusted_proxies[0]) == "10.0.0.0/8"
    assert door.origins.preflight("https://wall.example")
    assert door.resource_policy == "cross-origin"
