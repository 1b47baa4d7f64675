"""Sockets: the notifications of the Video Module, and the port of the API."""

from __future__ import annotations

import http.client
import importlib.util
import os
import socket
import stat
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from services.doctor.finding import Finding, Fix, ok, problem, warning
from shared.naming import segment_paths

if TYPE_CHECKING:
    from shared.settings_api import ApiSettings
    from shared.settings_schema import VideoSettings

__all__ = ["check_notifications", "check_port"]

_TIMEOUT_S: Final = 2.0


def check_notifications(video: VideoSettings) -> list[Finding]:
    """Knock at the socket of a camera's notifications.

    Args:
        video: The ``video`` settings of that camera.
    """
    topic = "notifications"
    paths = segment_paths(video.shared_memory_name, video.shared_memory_directory)
    try:
        is_socket = stat.S_ISSOCK(paths.socket.stat().st_mode)
    except OSError:
        if paths.ring.exists():
            text = f"There is a ring but no {paths.socket}: streams get four frames a second."
            return [warning(topic, text, Fix("shell", "docker compose restart video"))]
        return []
    if not is_socket:
        text = f"{paths.socket} is not a socket."
        return [problem(topic, text, Fix("shell", f"rm -r {paths.socket}"))]
    with socket.socket(socket.AF_UNIX) as knock:
        knock.settimeout(_TIMEOUT_S)
        try:
            knock.connect(str(paths.socket))
        except PermissionError:
            owner = paths.socket.stat()
            text = f"User {os.geteuid()} may not connect to {paths.socket} of {owner.st_uid}."
            group = f'services:\n  api: {{group_add: ["{owner.st_gid}"]}}'
            return [problem(topic, text, Fix("compose.yaml", group))]
        except OSError as error:
            text = f"Nobody answers at {paths.socket}: {error.strerror or error}."
            return [warning(topic, text, Fix("shell", f"rm {paths.socket}"))]
    return [ok(topic, f"{paths.socket} answers.")]


def check_port(api: ApiSettings) -> list[Finding]:
    """See whether the API's port is free, or the API's own."""
    if importlib.util.find_spec("services.api") is None:
        return []  # the image of the Video Module
    from services.api.healthcheck import answer_of, endpoint_of  # noqa: PLC0415 - not everywhere

    topic = "port"
    if api.port == 0:
        return [ok(topic, "api.port is 0: a free one is taken.")]
    place = f"{api.host}:{api.port}"
    another = Fix("shell", f"ss -ltnp 'sport = :{api.port}'  # who has it")
    try:
        status = answer_of(endpoint_of(api), "/healthz", timeout_s=_TIMEOUT_S)
    except ConnectionRefusedError:
        return [_bind(topic, endpoint_of(api).host, api.port)]
    except (OSError, http.client.HTTPException) as error:
        text = f"{place} is taken by something that is not this API: {error}."
        return [problem(topic, text, another)]
    if status == HTTPStatus.OK:
        return [ok(topic, f"The API answers at {place}.")]
    text = f"{place} is taken: something there answers {status} to /healthz."
    return [problem(topic, text, another)]


def _bind(topic: str, host: str, port: int) -> Finding:
    """Try to listen where nobody answers."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            text = f"{host}:{port} cannot be listened at: {error.strerror}."
            return problem(topic, text, Fix("environment", "RINGCAST_API__PORT=8000"))
    return ok(topic, f"{host}:{port} is free; no API runs.")
