"""The Flask application: settings in, routes out. gunicorn calls ``create_app()`` per worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask

from services.api.cameras import Cameras
from services.api.routes import frames, health, page, problems, requests, status, streams
from shared.settings import load_settings

if TYPE_CHECKING:
    from flask import Response

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
    app.extensions["ringcast"] = Cameras(settings or load_settings())
    for blueprint in (streams.routes, frames.routes, status.routes, health.routes, page.routes):
        app.register_blueprint(blueprint)
    problems.register(app)
    requests.register(app)
    app.after_request(_say_what_it_is)
    return app


def _say_what_it_is(response: Response) -> Response:
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    return response
