"""The Flask application: settings in, routes out. gunicorn calls ``create_app()`` per worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask

from services.api.access.door import Door
from services.api.access.proxies import RealAddress
from services.api.cameras import Cameras
from services.api.routes import (
    admission,
    clock,
    compat,
    frames,
    headers,
    health,
    metrics,
    page,
    problems,
    raw,
    reference,
    requests,
    status,
    streams,
    websocket,
)
from services.api.settled import in_force

if TYPE_CHECKING:
    from shared.settings import Settings

__all__ = ["create_app"]


def create_app(settings: Settings | None = None) -> Flask:
    """Build the application; nothing runs yet: ``app.extensions["ringcast"].start(worker)`` does.

    Args:
        settings: All of them; None: from configuration file and environment.

    Raises:
        ConfigError: A setting is wrong.
    """
    app = Flask(__name__)
    app.json.sort_keys = False  # type: ignore[attr-defined]  # the default provider has it
    settings = settings or in_force()
    app.extensions["ringcast"] = Cameras(settings)
    app.extensions["ringcast_door"] = door = Door(settings.api)
    app.wsgi_app = RealAddress(app.wsgi_app, door.trusted_proxies)  # type: ignore[method-assign]  # Flask's own way
    for module in (
        *(streams, frames, raw, clock, compat, websocket),
        *(status, metrics, health, page, reference),
    ):
        app.register_blueprint(module.routes)
    requests.identify(app)
    problems.register(app)
    admission.register(app)
    requests.register(app)
    headers.register(app)
    return app
