"""Where the API will be reached, and whether frames come from there."""

from __future__ import annotations

import http.client
import socket
from typing import TYPE_CHECKING

from services.api.healthcheck import answer_of, endpoint_of

if TYPE_CHECKING:
    from shared.settings_api import ApiSettings

__all__ = ["claim_port", "is_ready", "url_of"]


def claim_port(host: str, port: int) -> int:
    """Check that the API will be able to listen; 0 picks a free port.

    Raises:
        OSError: With a sentence that says what to do.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise OSError(
                f"cannot listen on {host} port {port} ({error.strerror}); "
                "choose another port: make run PORT=8001, or RINGCAST_API__PORT=8001"
            ) from error
        chosen: int = probe.getsockname()[1]
        return chosen


def url_of(api: ApiSettings, port: int) -> str:
    """The address of the page, as this machine reaches it."""
    scheme, host, port = endpoint_of(api, port)
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/"


def is_ready(api: ApiSettings, port: int) -> bool:
    """Ask the API whether frames flow."""
    try:
        return answer_of(endpoint_of(api, port), "/readyz", timeout_s=1) == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
