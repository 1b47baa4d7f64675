from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from services.doctor.finding import Level
from services.doctor.network import check_notifications, check_port
from shared.naming import segment_paths
from shared.settings import Settings
from tests.support.mjpeg_server import MjpegServer
from tests.support.pictures import telling_jpeg

if TYPE_CHECKING:
    from shared.settings_api import ApiSettings

VIDEO = Settings().video


def api(port: int) -> ApiSettings:
    return Settings.model_validate({"api": {"port": port}}).api


def test_a_port_of_something_else_is_taken() -> None:
    with MjpegServer(telling_jpeg) as server:
        (found,) = check_port(api(server.port))
    assert found.level is Level.PROBLEM
    assert "answers 404 to /healthz" in found.text
    assert str(server.port) in found.fixes[0].lines


def test_a_free_port_is_well() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        (taken,) = check_port(api(port))
    assert taken.level is Level.PROBLEM
    (free,) = check_port(api(port))
    assert free.level is Level.OK
    assert check_port(api(0))[0].level is Level.OK


def test_the_notifications_answer_or_say_why_not(segment_name: str) -> None:
    paths = segment_paths(segment_name)
    assert check_notifications(VIDEO.model_copy(update={"shared_memory_name": segment_name})) == []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(paths.socket))
        listener.listen()
        assert (
            check_notifications(VIDEO.model_copy(update={"shared_memory_name": segment_name}))[
                0
            ].level
            is Level.OK
        )
    (found,) = check_notifications(VIDEO.model_copy(update={"shared_memory_name": segment_name}))
    assert found.level is Level.WARNING
    assert found.fixes[0].lines == f"rm {paths.socket}"
    paths.socket.unlink()
    paths.socket.write_bytes(b"")
    assert (
        check_notifications(VIDEO.model_copy(update={"shared_memory_name": segment_name}))[0].level
        is Level.PROBLEM
    )
    paths.socket.unlink()
