"""Everything that decides on a request before it is routed, as the settings have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.api.access.attempts import Attempts
from services.api.access.exposure import is_on
from services.api.access.gate import Gate
from services.api.access.hosts import Hosts, own_names
from services.api.access.keyring import Keyring
from services.api.access.origins import Origins
from services.api.access.proxies import networks

if TYPE_CHECKING:
    from services.api.access.proxies import Networks
    from shared.settings_api import ApiSettings

__all__ = ["Door"]


class Door:
    """The way into one worker.

    Args:
        settings: ``api``.

    Attributes:
        hosts: Names under which we may be asked.
        origins: Web pages whose scripts may read answers.
        gate: Checks credentials; None: nobody needs any.
        trusted_proxies: Whose word on the client's address is taken.
        resource_policy: Web pages that may show pictures.
    """

    def __init__(self, settings: ApiSettings) -> None:
        self.hosts = Hosts(own_names(settings))
        self.origins = Origins(settings.http.cors_origins)
        self.gate = Gate(Keyring(settings.auth), Attempts()) if is_on(settings.auth) else None
        self.trusted_proxies: Networks = networks(settings.http.trusted_proxies)
        self.resource_policy: str = settings.http.resource_policy
