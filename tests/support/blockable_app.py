"""The API with one more address, ``/block?ms=…``, that stops the worker's hub: for tests only.

``gunicorn -c services/api/gunicorn.conf.py "tests.support.blockable_app:create_app()"``
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import request
from gevent import monkey

from services.api.app import create_app as create_real_app

if TYPE_CHECKING:
    from flask import Flask

__all__ = ["create_app"]


def create_app() -> Flask:
    """The real application, which can be blocked."""
    app = create_real_app()

    @app.get("/block")
    def block() -> str:
        """Wait as nothing in the API may: in the kernel, with every greenlet standing still."""
        select = monkey.get_original("select", "select")
        select([], [], [], int(request.args["ms"]) / 1000)
        return "blocked"

    return app
