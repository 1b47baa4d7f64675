"""Streams over gunicorn's own TLS: a proxy is the usual way, but this one works as well."""

from __future__ import annotations

import ssl
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.mjpeg_client import EndOfStream, MjpegClient
from tests.support.processes import Api, wait_until
from tests.support.tls import make_certificate

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.processes import Services

STREAM = "/stream/video"


@pytest.fixture
def tls() -> ssl.SSLContext:
    """Of a client that takes any certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@pytest.fixture
def secured(service: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Api:
    """Both services, the API with a certificate of its own signing."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make_certificate(key, certificate)
    service.video("pattern://640x480@30")
    monkeypatch.setenv("GUNICORN_CMD_ARGS", f"--certfile={certificate} --keyfile={key}")
    command = [sys.executable, "-m", "gunicorn", "-c", "services/api/gunicorn.conf.py"]
    settings: dict[str, object] = {"api.port": 0, "video.use_shared_memory": True}
    api = Api(command, service.environment(settings), service.log("api"))
    service.children.append(api)
    api.url = api.wait_for_log(r"Listening at: (https://\S+)").group(1)
    return api


@pytest.mark.parametrize("query", ["", "?advance_headers=1"])
def test_stream_over_tls_is_whole(secured: Api, tls: ssl.SSLContext, query: str) -> None:
    with MjpegClient(secured.url + STREAM + query, tls=tls) as client:
        assert len(list(client.parts(60))) == 60
    secured.wait_for_log(r"stream of video ended: the client has left; \d+ parts")


def test_client_that_takes_small_bites_over_tls_gets_whole_fresh_frames(
    secured: Api, tls: ssl.SSLContext
) -> None:
    with MjpegClient(secured.url + STREAM, tls=tls, receive_buffer_bytes=4096) as slow:
        ages: list[float] = []
        while len(ages) < 12:
            part = slow.sip(1000)
            if part is not None:
                ages.append(time.time() - part.timestamp)
    assert max(ages[-3:]) < 2.5


def test_end_of_the_server_is_said_over_tls_too(secured: Api, tls: ssl.SSLContext) -> None:
    with MjpegClient(secured.url + STREAM, tls=tls) as client:
        client.next_part()
        secured.process.terminate()
        with pytest.raises(EndOfStream) as end:
            list(client.parts(10_000))
    assert end.value.clean
    wait_until(lambda: secured.process.poll() is not None, "the end of gunicorn")
    assert "Traceback" not in secured.said()
