"""The HTTP surface, one module per kind of answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import current_app

if TYPE_CHECKING:
    from services.api.cameras import Cameras

__all__ = ["cameras"]


def cameras() -> Cameras:
    """The cameras of the application that answers the present request."""
    found: Cameras = current_app.extensions["ringcast"]
    return found
