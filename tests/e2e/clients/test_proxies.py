"""nginx, Caddy, HAProxy in front of the API, and Traefik's file, as docs/clients.md has them.

Clients come from 127.0.0.2, the proxies from 127.0.0.1.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import time
from http.client import HTTPConnection, HTTPSConnection
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import pytest
import yaml

from services.api.url import signed_address
from shared.settings_api import AuthSettings
from tests.support.mjpeg_client import MjpegClient
from tests.support.nginx import Nginx
from tests.support.pictures import number_in
from tests.support.processes import Services
from tests.support.proxies import caddy, free_port, haproxy
from tests.support.recipes import recipe
from tests.support.streams import STREAM, assert_never_back, assert_telling, picture
from tests.support.tls import make_certificate, trusting
from tests.support.ws_client import WsClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.support.processes import Api

pytestmark = [pytest.mark.process, pytest.mark.e2e]

CLIENT: Final = "127.0.0.2"
SPOOFED: Final = "198.51.100.66"
TOKEN: Final = "token-0f-everything"  # noqa: S105 - of nobody
BEARER: Final = {"Authorization": f"Bearer {TOKEN}"}
SMALL_PARTS: Final = f"{STREAM}?quality=10"
"""Several of them fit into one buffer of a proxy."""


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Five frames a second, behind a secret, for those who come through a proxy of this machine."""
    services = Services(tmp_path_factory.mktemp("proxies"), f"test-{os.getpid()}-proxies")
    try:
        yield services.both(
            "pattern://64x64@5", api__auth__token=TOKEN, api__http__trusted_proxies="127.0.0.1"
        )
    finally:
        services.stop()


@contextlib.contextmanager
def nginx_in_front(api: Api, folder: Path) -> Iterator[str]:
    """Its address."""
    found = re.search(
        r"location / \{(.*)\}\s*(location /ws .*)", recipe("nginx", api.url), re.DOTALL
    )
    assert found is not None
    with Nginx(folder, "".join(found.groups())) as proxy:
        yield proxy.url


@contextlib.contextmanager
def caddy_in_front(api: Api, folder: Path) -> Iterator[str]:
    """Its address; in plain, as it would ask an authority for a certificate otherwise."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with caddy(recipe("caddy", api.url, {"cam.example": url}), port, folder):
        yield url


@contextlib.contextmanager
def haproxy_in_front(api: Api, folder: Path) -> Iterator[str]:
    """Its address."""
    port = free_port()
    key, certificate, both = (folder / name for name in ("key.pem", "certificate.pem", "cam.pem"))
    make_certificate(key, certificate)
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    here = {"cam.example:443": f"127.0.0.1:{port}", "/etc/haproxy/cam.pem": str(both)}
    with haproxy(recipe("haproxy", api.url, here), port, folder):
        yield f"https://127.0.0.1:{port}"


@pytest.fixture(params=[nginx_in_front, caddy_in_front, haproxy_in_front])
def proxy(
    api: Api,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Iterator[str]:
    """Address of one proxy after the other."""
    start: Callable[[Api, Path], AbstractContextManager[str]] = request.param
    with start(api, tmp_path) as url:
        yield url


def client(url: str, **fields: str) -> MjpegClient:
    """A strict client; of HTTP/1.0, as Caddy sends chunks to others."""
    tls = trusting() if url.startswith("https:") else None
    return MjpegClient(url, http="1.0", tls=tls, headers=fields)


@pytest.mark.slow
def test_parts_come_through_one_by_one_at_their_pace(proxy: str) -> None:
    moments = []
    with client(proxy + SMALL_PARTS, **BEARER) as stream:
        parts = [stream.next_part()]
        for _ in range(10):
            parts.append(stream.next_part())
            moments.append(time.monotonic())
    assert_never_back(parts)
    assert picture(parts[-1].jpeg).shape == (64, 64, 3)
    alone = sum(after - before > 0.1 for before, after in itertools.pairwise(moments))
    assert alone >= 7, "held back and sent several at a time"


def test_signed_address_opens_the_stream(proxy: str) -> None:
    auth = AuthSettings.model_validate({"token": TOKEN})
    with client(proxy + signed_address(auth, STREAM, int(time.time()) + 60)) as stream:
        assert_telling(stream.next_part())


def test_pictures_come_through_a_websocket(proxy: str) -> None:
    tls = trusting() if proxy.startswith("https:") else None
    with WsClient(f"{proxy}/ws", headers=BEARER, tls=tls) as stream:
        stream.say(subscribe="video", id=1)
        for _ in range(3):
            assert number_in(picture(stream.picture().jpeg)) is not None


def test_the_clients_address_is_known_and_nobody_can_make_one_up(api: Api, proxy: str) -> None:
    target = urlsplit(proxy)
    assert target.hostname is not None
    address = (target.hostname, target.port)
    source = (CLIENT, 0)
    connection: HTTPConnection = (
        HTTPSConnection(*address, timeout=10, source_address=source, context=trusting())
        if target.scheme == "https"
        else HTTPConnection(*address, timeout=10, source_address=source)
    )
    fps = 1 + int(target.port or 0) % 4000 / 100
    with contextlib.closing(connection):
        fields = {**BEARER, "X-Forwarded-For": SPOOFED}
        connection.request("GET", f"{STREAM}?fps={fps}", headers=fields)
        assert connection.getresponse().status == 200
        found = api.wait_for_log(rf"streaming mode: \S+fps={re.escape(str(fps))} for (\S+)")
    assert found.group(1) == CLIENT


def test_traefik_file_passes_parts_on_at_once(api: Api) -> None:
    http = yaml.safe_load(recipe("traefik", api.url))["http"]
    balancer = http["services"][http["routers"]["ringcast"]["service"]]["loadBalancer"]
    assert balancer["servers"] == [{"url": api.url}]
    assert int(balancer["responseForwarding"]["flushInterval"]) < 0
