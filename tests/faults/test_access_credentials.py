"""Signed addresses, and credentials that change while streams run."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.support.mjpeg_client import MjpegClient, get
from tests.support.processes import SMALL, Services, wait_until
from tests.support.secrets import (
    CLOSED,
    FILE,
    VIEW,
    bearer,
    raw,
    replace,
    signed,
)
from tests.support.streams import STREAM, assert_never_back, assert_telling

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = [pytest.mark.faults, pytest.mark.process, pytest.mark.e2e]


def test_a_signature_opens_nothing_but_its_address(service: Services, credentials: Path) -> None:
    api = service.both(SMALL, api__auth__credentials_file=credentials)
    address = signed(credentials, "/stream/video/status")
    path, _, query = address.partition("?")
    assert get(api.url + address)[0] == 200
    assert get(f"{api.url}{path}?fps=5&{query}")[0] == 200
    for same in ("/stream/v%69deo/status", "/stream/video%2Fstatus", "//stream/video/status"):
        answer = raw(api, f"GET {same}?{query} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
        assert b'"camera": "video"' in answer or b'"camera":"video"' in answer
    others = [one for one in CLOSED if one != path]
    others += ["/stream/video/status/", "/stream/video/status%00", "/stream/video/status%0A"]
    others += ["/stream/video/%2e/status", "/stream/./video/status", "/stream/video/shm/status"]
    others += ["/stream/video%252Fstatus", "/stream/video/status%20", "/stream/VIDEO/status"]
    for other in others:
        for trick in (
            "",
            f"SCRIPT_NAME: {path}\r\n",
            f"PATH_INFO: {path}\r\n",
            f"X-Original-URL: {path}\r\nX-Rewrite-URL: {path}\r\nX-Forwarded-Prefix: {path}\r\n",
        ):
            request = f"GET {other}?{query} HTTP/1.0\r\nHost: localhost\r\n{trick}\r\n"
            first = raw(api, request.encode()).split(b"\r\n")[0]
            assert b" 401 " in first or b" 429 " in first, other
    before, _, after = query.partition("&expires=")
    for changed in (before, f"expires={after}", f"{before}&expires=9{after}", f"{query[:-1]}"):
        assert get(f"{api.url}{path}?{changed}")[0] in {401, 429}
    assert get(api.url + address)[0] == 200


@pytest.mark.slow
def test_stream_that_was_opened_in_time_goes_on_after_it(
    service: Services, credentials: Path
) -> None:
    api = service.both(SMALL, api__auth__credentials_file=credentials)
    address = signed(credentials, STREAM, 2.5)
    with MjpegClient(api.url + address) as client:
        client.next_part()
        parts = []

        def over() -> bool:
            parts.append(client.next_part())
            return get(api.url + address, method="HEAD")[0] == 401

        wait_until(over, "the address to expire", 20)
        _, _, body = get(api.url + address)
        assert b"This signed address has expired." in body
        parts += client.parts(30)
    assert_never_back(parts)
    assert_telling(parts[-1])


@pytest.mark.slow
def test_new_credentials_count_at_once_and_open_streams_go_on(
    service: Services, credentials: Path
) -> None:
    api = service.both(SMALL, api__auth__credentials_file=credentials, api__workers=2)
    by_key = signed(credentials, "/cameras")
    with MjpegClient(api.url + STREAM, headers=bearer(VIEW)) as client:
        parts = list(client.parts(5))
        replace(credentials, "view token a-new-token-for-all\nview key door an0ther-secret-key\n")

        def old_is_shut() -> bool:
            """In every worker: whichever answers."""
            return {get(api.url + "/cameras", headers=bearer(VIEW))[0] for _ in range(8)} <= {
                401,
                429,
            }

        wait_until(old_is_shut, "the old token to be refused", 20)
        assert get(api.url + "/cameras", headers=bearer("a-new-token-for-all"))[0] == 200
        assert get(api.url + by_key)[0] in {401, 429}
        assert get(api.url + signed(credentials, "/cameras"))[0] == 200
        replace(credentials, "view token sh0rt\n")
        wait_until(
            lambda: (
                get(api.url + "/cameras", headers=bearer("a-new-token-for-all"))[0] == 200
                and "What was valid before stays so" in api.said()
            ),
            "a broken file to be said, and to change nothing",
            20,
        )
        credentials.unlink()
        assert get(api.url + "/cameras", headers=bearer("a-new-token-for-all"))[0] == 200
        parts += client.parts(30)
    assert_never_back(parts)
    for secret in ("sh0rt", "a-new-token-for-all", "an0ther-secret-key", VIEW):
        assert secret not in api.said()


@pytest.mark.slow
def test_neither_a_new_worker_nor_a_reload_dies_of_a_broken_file(
    service: Services, credentials: Path
) -> None:
    api = service.both(SMALL, api__auth__credentials_file=credentials, api__workers=2)
    replace(credentials, "broken\n")
    killed = api.workers()[0]
    killed.kill()
    wait_until(
        lambda: len(api.workers()) == 2 and killed.pid not in {p.pid for p in api.workers()},
        "a new worker",
    )
    workers = {process.pid for process in api.workers()}
    api.signal(signal.SIGHUP)
    wait_until(
        lambda: len(api.workers()) == 2 and not workers & {p.pid for p in api.workers()},
        "new workers after SIGHUP",
    )
    assert get(api.url + "/healthz")[0] == 200
    assert get(api.url + "/cameras", headers=bearer(VIEW))[0] == 401, "shut, not open"
    replace(credentials, FILE)
    wait_until(
        lambda: all(get(api.url + "/cameras", headers=bearer(VIEW))[0] == 200 for _ in range(8)),
        "the right file to be taken by all",
        20,
    )
    assert api.process.poll() is None
