"""Streams over gunicorn's own TLS: a proxy is the usual way, but this one works as well."""

from __future__ import annotations

import contextlib
import re
import shlex
import socket
import ssl
import subprocess
import time
from typing import TYPE_CHECKING, Final

import pytest

from tests.support.mjpeg_client import EndOfStream, MjpegClient, get
from tests.support.processes import SMALL, wait_until
from tests.support.tls import make_certificate, trusting

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.processes import Api, Services

pytestmark = [pytest.mark.process, pytest.mark.e2e]

SELF_SIGNED: Final = (
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 "
    "-subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 "
    "-keyout key.pem -out certificate.pem"
)
"""The command of docs/security.md."""

TOKEN: Final = "token-of-everything"  # noqa: S105 - of nobody
STREAM = "/stream/video"


@pytest.fixture
def tls() -> ssl.SSLContext:
    """Of a client that takes any certificate."""
    return trusting()


@pytest.fixture
def pair(tmp_path: Path) -> dict[str, object]:
    """The settings of a certificate and its key."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make_certificate(key, certificate)
    return {"api__tls__certificate_file": certificate, "api__tls__key_file": key}


@pytest.fixture
def secured(service: Services, pair: dict[str, object]) -> Api:
    """Both services, the API with a certificate of its own signing."""
    return service.both("pattern://640x480@30", **pair)


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


def test_the_command_of_the_documentation_makes_a_pair_that_clients_can_verify(
    service: Services, tmp_path: Path
) -> None:
    subprocess.run(shlex.split(SELF_SIGNED), cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "key.pem").stat().st_mode & 0o077 == 0, "openssl keeps the key to its owner"
    api = service.api(
        api__tls__certificate_file=tmp_path / "certificate.pem",
        api__tls__key_file=tmp_path / "key.pem",
    )
    port = re.findall(r":(\d+)$", api.url)[0]
    for name in ("localhost", "127.0.0.1"):
        command = ["curl", "--silent", "--fail", "--cacert", str(tmp_path / "certificate.pem")]
        done = subprocess.run(
            [*command, f"https://{name}:{port}/healthz"], check=True, capture_output=True
        )
        assert b"ok" in done.stdout


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the client, for old TLS
def test_old_tls_and_plain_http_get_nothing(secured: Api) -> None:
    host, port = secured.url.removeprefix("https://").split(":")
    old = trusting()
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        socket.create_connection((host, int(port)), timeout=10) as connection,
        pytest.raises((ssl.SSLError, ConnectionResetError)),
    ):
        old.wrap_socket(connection)
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            answer = connection.recv(1000)
        assert b"ok" not in answer
    assert secured.answers("/healthz") == 200


def test_credentials_work_over_tls_and_the_streams_too(
    service: Services, pair: dict[str, object], tls: ssl.SSLContext
) -> None:
    api = service.both(SMALL, **pair, api__auth__token=TOKEN)
    assert get(api.url + STREAM, tls=tls)[0] == 401
    with MjpegClient(
        api.url + STREAM, tls=tls, headers={"Authorization": f"Bearer {TOKEN}"}
    ) as client:
        assert len(list(client.parts(10))) == 10
