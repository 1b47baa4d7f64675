"""Behind nginx: streams keep their pace, and the client's address is no stranger's word.

The clients come from 127.0.0.2 and up, the proxy from 127.0.0.1: one is trusted, others are not.
"""

from __future__ import annotations

import base64
import itertools
import json
import socket
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import pytest

from services.api.access.attempts import LIMIT
from services.api.url import signed_address
from shared.settings_api import AuthSettings
from tests.support.mjpeg_client import MjpegClient, get
from tests.support.nginx import LOCATION, Nginx
from tests.support.processes import SMALL, wait_until
from tests.support.streams import STREAM, assert_never_back, assert_telling
from tests.support.tls import make_certificate, trusting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.processes import Api, Services

pytestmark = [pytest.mark.faults, pytest.mark.process, pytest.mark.e2e]

PROXY: Final = "127.0.0.1"
CLIENT, OTHER = "127.0.0.2", "127.0.0.3"
SPOOFED: Final = "198.51.100.66"
TOKEN: Final = "token-0f-everything"  # noqa: S105 - of nobody
TINY: Final = "pattern://64x64@5"
TINY_STREAM: Final = f"{STREAM}?quality=10"
"""Several of its parts fit into one of nginx's buffers."""


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[Callable[..., Nginx]]:
    """Starts nginx in front of an API; ends it."""
    running: list[Nginx] = []

    def start(api: Api, more: str = "", pair: tuple[Path, Path] | None = None) -> Nginx:
        proxy = Nginx(tmp_path, LOCATION.format(api=api.url) + more, pair)
        running.append(proxy)
        return proxy.__enter__()

    yield start
    for proxy in running:
        proxy.__exit__()


def ask(url: str, path: str, source: str, **headers: str) -> bytes:
    """Ask from an address of this machine's loopback network."""
    target = urlsplit(url)
    fields = {"Host": "localhost", "Connection": "close"}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    answer = b""
    address = (target.hostname or "", target.port or 0)
    with socket.create_connection(address, 10, (source, 0)) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode())
        while more := connection.recv(65536):
            answer += more
            if b"--frame" in answer:
                break
    return answer


def arrivals(url: str, count: int) -> list[float]:
    """When each part of a stream arrived, seconds."""
    with MjpegClient(url) as client:
        client.next_part()
        moments = []
        for _ in range(count):
            client.next_part()
            moments.append(time.monotonic())
    return moments


def alone(moments: list[float]) -> int:
    """How many parts came by themselves: a good while after the one before."""
    return sum(after - before > 0.1 for before, after in itertools.pairwise(moments))


@pytest.mark.slow
def test_parts_come_through_one_by_one_at_their_pace(
    service: Services, nginx: Callable[..., Nginx]
) -> None:
    api = service.both(TINY)
    proxy = nginx(api)
    assert alone(arrivals(proxy.url + TINY_STREAM, 15)) >= 12
    holding = nginx(api, "proxy_ignore_headers X-Accel-Buffering;")
    assert alone(arrivals(holding.url + TINY_STREAM, 15)) < 12, "or this test could not fail"


def test_stream_through_a_proxy_is_whole_and_ends_with_its_client(
    service: Services, nginx: Callable[..., Nginx]
) -> None:
    api = service.both(SMALL)
    proxy = nginx(api)
    with MjpegClient(proxy.url + STREAM) as client:
        parts = list(client.parts(60))
    assert_never_back(parts)
    for part in parts[::10]:
        assert_telling(part)
    api.wait_for_log(r"stream of video ended: the client has left; \d+ parts")
    with MjpegClient(proxy.url + STREAM) as client:
        client.next_part()
        client.abort()
    wait_until(
        lambda: json.loads(get(api.url + STREAM + "/status")[2])["clients"] == 0, "no client"
    )


def address_in_log(api: Api, fps: int) -> str:
    """Whom the API took for the client of the stream that asked for ``fps``."""
    pattern = rf"streaming mode: \S+fps={fps} for (\S+)"
    return str(api.wait_for_log(pattern).group(1))


def test_trusted_proxies_word_is_taken_and_nobody_elses(
    service: Services, nginx: Callable[..., Nginx]
) -> None:
    api = service.both(SMALL, api__http__trusted_proxies=PROXY, api__auth__mode="none")
    proxy = nginx(api)
    ask(proxy.url, STREAM + "?fps=7", CLIENT)
    ask(proxy.url, STREAM + "?fps=8", CLIENT, X_Forwarded_For=SPOOFED)
    ask(proxy.url, STREAM + "?fps=9", CLIENT, X_Forwarded_For="x, ,;[::1")
    ask(api.url, STREAM + "?fps=10", OTHER, X_Forwarded_For=SPOOFED)
    ask(api.url, STREAM + "?fps=11", OTHER, X_Forwarded_For=f"{SPOOFED}, {PROXY}")
    for fps in (7, 8, 9):
        assert address_in_log(api, fps) == CLIENT
    for fps in (10, 11):
        assert address_in_log(api, fps) == OTHER
    assert SPOOFED not in api.said()


def test_without_trusted_proxies_nobody_is_believed(
    service: Services, nginx: Callable[..., Nginx]
) -> None:
    api = service.both(SMALL)
    proxy = nginx(api)
    ask(proxy.url, STREAM + "?fps=12", CLIENT, X_Forwarded_For=SPOOFED)
    ask(api.url, STREAM + "?fps=10", CLIENT, X_Forwarded_For=SPOOFED)
    assert address_in_log(api, 12) == PROXY
    assert address_in_log(api, 10) == CLIENT


def test_the_access_log_names_the_client(service: Services, nginx: Callable[..., Nginx]) -> None:
    api = service.both(
        SMALL, api__http__trusted_proxies=PROXY, api__auth__mode="none", logging__level="DEBUG"
    )
    ask(nginx(api).url, "/cameras?name=logged", CLIENT, X_Forwarded_For=SPOOFED)
    api.wait_for_log(rf'{CLIENT} - - \[.*"GET /cameras\?name=logged')


def test_guessing_through_a_proxy_slows_the_guesser_only(
    service: Services, nginx: Callable[..., Nginx]
) -> None:
    api = service.both(
        SMALL, api__auth__token=TOKEN, api__http__trusted_proxies=PROXY, api__workers=1
    )
    proxy = nginx(api)
    answers = [
        ask(proxy.url, "/cameras", CLIENT, Authorization=f"Bearer guess-{number:016}")
        for number in range(LIMIT + 3)
    ]
    codes = [int(answer.split(b" ", 2)[1]) for answer in answers]
    assert codes == [401] * LIMIT + [429] * 3
    wrong = ask(proxy.url, "/cameras", OTHER, Authorization="Bearer not-the-guesser-at-all")
    assert b" 401 " in wrong.split(b"\r\n")[0]
    right = ask(proxy.url, "/cameras", CLIENT, Authorization=f"Bearer {TOKEN}")
    assert b" 200 " in right.split(b"\r\n")[0]
    api.wait_for_log(f"access refused to {CLIENT}: wrong bearer token")


def test_credentials_and_challenges_pass(service: Services, nginx: Callable[..., Nginx]) -> None:
    api = service.both(SMALL, api__auth__token=TOKEN)
    proxy = nginx(api)
    code, headers, _ = get(proxy.url + STREAM)
    assert code == 401
    assert headers["www-authenticate"].count("realm=") == 2
    basic = "Basic " + base64.b64encode(f"x:{TOKEN}".encode()).decode()
    auth = AuthSettings.model_validate({"token": TOKEN})
    for path, fields in (
        (STREAM, {"Authorization": basic}),
        (STREAM, {"Authorization": f"Bearer {TOKEN}"}),
        (signed_address(auth, STREAM, int(time.time()) + 60), {}),
    ):
        with MjpegClient(proxy.url + path, headers=fields) as client:
            assert len(list(client.parts(5))) == 5


def test_the_host_that_was_asked_for_passes_and_is_checked(
    service: Services, nginx: Callable[..., Nginx]
) -> None:
    service.video()
    for allowed, code in (("", 421), ("cam.example", 200)):
        api = service.api(api__http__allowed_hosts=allowed).wait_ready()
        answer = get(nginx(api).url + "/cameras", headers={"Host": "cam.example:8443"})
        assert answer[0] == code


@pytest.mark.parametrize(("trusted", "scheme"), [(PROXY, "https"), ("", "http")])
def test_tls_ends_at_the_proxy_and_its_word_on_that_is_taken_if_trusted(
    service: Services, nginx: Callable[..., Nginx], tmp_path: Path, trusted: str, scheme: str
) -> None:
    pair = tmp_path / "certificate.pem", tmp_path / "key.pem"
    make_certificate(pair[1], pair[0])
    api = service.both(SMALL, api__http__trusted_proxies=trusted, api__auth__mode="none")
    proxy = nginx(api, pair=pair)
    tls = trusting()
    with MjpegClient(proxy.url + STREAM, tls=tls) as client:
        assert len(list(client.parts(20))) == 20
    _, headers, _ = get(proxy.url + "/stream//video", tls=tls, headers={"Host": "localhost"})
    assert headers["location"] == f"{scheme}://localhost/stream/video"
    spoofed = {"X-Forwarded-Proto": "https", "Host": "localhost"}
    _, headers, _ = get(nginx(api).url + "/stream//video", headers=spoofed)
    assert headers["location"] == "http://localhost/stream/video"
