"""Files that become wrong while the API runs: what was valid before stays so."""

from __future__ import annotations

import http.client
import signal
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.support.mjpeg_client import MjpegClient, get
from tests.support.processes import wait_until
from tests.support.streams import STREAM
from tests.support.tls import make_certificate, trusting

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.processes import Api, Services

pytestmark = [
    pytest.mark.faults,
    pytest.mark.process,
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.timeout(120),
]

STAYS = "What was valid before stays so"


def replace_a_worker(api: Api) -> None:
    """Kill one and wait for another; fails if the arbiter gives up."""
    before = {worker.pid for worker in api.workers()}
    killed = api.workers()[0]
    killed.kill()
    wait_until(
        lambda: len({worker.pid for worker in api.workers()} - {killed.pid}) == len(before),
        "another worker",
    )


def test_settings_that_are_wrong_by_now_end_nothing(service: Services) -> None:
    api = service.both(api__workers=2)
    [config] = service.folder.glob("*.json")
    with MjpegClient(api.url + STREAM) as client:
        client.next_part()
        config.write_text('{"api.drain_timeout_sec": "two"}', encoding="utf-8")
        replace_a_worker(api)
        assert get(api.url + f"{STREAM}/frame")[0] == 200
    workers = {worker.pid for worker in api.workers()}
    api.signal(signal.SIGHUP)
    api.wait_for_log(f"api.drain_timeout_sec 'two'.*{STAYS}")
    wait_until(lambda: not workers & {each.pid for each in api.workers()}, "new workers")
    assert get(api.url + f"{STREAM}/frame")[0] == 200
    assert api.process.poll() is None


def asked_over_tls(api: Api) -> int:
    address = urlsplit(api.url)
    connection = http.client.HTTPSConnection(
        str(address.hostname), address.port, timeout=5, context=trusting()
    )
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


def test_a_certificate_that_is_wrong_for_a_moment_ends_nothing(
    service: Services, tmp_path: Path
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make_certificate(key, certificate)
    files = {"api.tls.certificate_file": certificate, "api.tls.key_file": key}
    api = service.start_api({**files, "api.workers": 1})
    api.url = api.wait_for_log(r"Listening at: (https://\S+)").group(1)
    wait_until(lambda: asked_over_tls(api) == 200, "an answer")
    right = certificate.read_bytes()
    certificate.write_bytes(b"")
    replace_a_worker(api)
    wait_until(lambda: asked_over_tls(api) == 200, "an answer of the next worker")
    workers = {worker.pid for worker in api.workers()}
    api.signal(signal.SIGHUP)
    api.wait_for_log(f"api.tls.certificate_file.*{STAYS}")
    wait_until(lambda: not workers & {each.pid for each in api.workers()}, "new workers")
    assert asked_over_tls(api) == 200
    certificate.write_bytes(right)
    assert api.process.poll() is None


def test_a_reload_to_tls_with_wrong_files_stays_without(service: Services, tmp_path: Path) -> None:
    api = service.both(api__workers=2)
    [config] = service.folder.glob("*.json")
    wrong = tmp_path / "wrong.pem"
    wrong.write_bytes(b"nonsense")
    files = f'"api.tls.certificate_file": "{wrong}", "api.tls.key_file": "{wrong}"'
    config.write_text(f"{{{files}}}", encoding="utf-8")
    workers = {worker.pid for worker in api.workers()}
    api.signal(signal.SIGHUP)
    api.wait_for_log(f"api.tls.certificate_file.*{STAYS}")
    wait_until(lambda: not workers & {each.pid for each in api.workers()}, "new workers")
    replace_a_worker(api)
    assert get(api.url + f"{STREAM}/frame")[0] == 200


def test_a_new_worker_that_dies_at_a_reload_leaves_no_old_one(service: Services) -> None:
    api = service.both(api__workers=2)
    old = {worker.pid for worker in api.workers()}
    api.signal(signal.SIGHUP)
    wait_until(lambda: len(api.workers()) > len(old), "new workers")
    next(worker for worker in api.workers() if worker.pid not in old).kill()
    wait_until(
        lambda: len(now := {each.pid for each in api.workers()}) == len(old) and not now & old,
        "new workers only",
    )
    assert get(api.url + f"{STREAM}/frame")[0] == 200
