"""Checksums from the writer to the client: all of them right, and what is damaged never arrives."""

from __future__ import annotations

import json
import time
import zlib
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.support.mjpeg_client import get
from tests.support.pictures import telling_jpeg, write_mjpeg
from tests.support.processes import wait_until
from tests.support.scribbler import Scribbler
from tests.support.streams import STREAM
from tests.support.verifier import Verifier

if TYPE_CHECKING:
    from tests.support.processes import Api, Services

pytestmark = [
    pytest.mark.faults,
    pytest.mark.process,
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.timeout(120),
]

SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - the kernel's own tmpfs, not a temp file
QUERIES: Final = ("", "", "?quality=40", "?width=160", "?width=160", "?fps=50")
PARTS: Final = 1500
DAMAGED: Final = 30
MOST_CLIENTS: Final = 30


def film(folder: Path) -> str:
    """A source whose JPEGs are passed through."""
    path = folder / "film.mjpeg"
    write_mjpeg(path, [telling_jpeg(number) for number in range(60)], 60)
    return str(path)


def documents(api: Api, key: str, path: str = STREAM) -> dict[int, Any]:
    """One number of the status, of every worker."""
    wanted = {worker.pid for worker in api.workers()}
    found: dict[int, Any] = {}

    def all_answered() -> bool:
        document = json.loads(get(f"{api.url}{path}/status")[2])
        found[document["worker"]] = document[key]
        return wanted <= set(found)

    wait_until(all_answered, "an answer of every worker")
    return found


def count(api: Api, counter: str, path: str = STREAM) -> int:
    """Sum of a counter over all workers."""
    return sum(documents(api, counter, path).values())


def any_follows(api: Api) -> bool:
    """Whether a worker takes the plain variant from another one's ring."""
    return any("q85p" in found for found in documents(api, "follows").values())


@pytest.mark.parametrize("mode", ["encoded", "passed through", "legacy"])
def test_every_part_and_snapshot_has_the_checksum_of_its_bytes(
    service: Services, tmp_path: Path, mode: str
) -> None:
    source = film(tmp_path) if mode == "passed through" else "pattern://320x240@60"
    on = {"video__ring__checksums": True, "api__workers": 2}
    if mode == "legacy":
        api = service.api(shared_memory=False, video__source=source, **on)
        path = "/stream/video"
        wait_until(lambda: api.answers(f"{path}/frame") == 200, "the embedded capture")
    else:
        service.video(source, video__ring__checksums=True)
        api = service.api(**on).wait_ready()  # type: ignore[arg-type]
        path = STREAM
    with ExitStack() as stack:
        clients = [
            stack.enter_context(Verifier(api.url + path + query, telling=False, checksums=True))
            for query in QUERIES
        ]
        wait_until(lambda: sum(each.checked for each in clients) >= PARTS, "the parts", 60.0)
        for _ in range(20):
            _, headers, body = get(f"{api.url}{path}/frame?quality=70")
            assert headers["x-crc32"] == f"{zlib.crc32(body):08x}"
    wrong = [each for client in clients for each in client.wrong]
    checked = sum(client.checked for client in clients)
    print(f"\n{mode}: {checked} parts and 20 snapshots verified, {len(wrong)} wrong")  # noqa: T201
    assert wrong == []
    assert count(api, "damaged", path) == 0


@pytest.mark.parametrize("what", ["pixels", "passed through", "variant"])
def test_of_what_a_scribbler_damages_nothing_reaches_a_client(
    service: Services, tmp_path: Path, what: str
) -> None:
    """A stranger's noise lies over the number in the picture; a client would not read it there."""
    source = film(tmp_path) if what == "passed through" else "pattern://640x480@30"
    service.video(source, video__ring__checksums=True)
    api = service.api(video__ring__checksums=True, api__workers=2).wait_ready()
    telling = what != "passed through"
    with ExitStack() as stack:
        clients = [
            stack.enter_context(Verifier(api.url + STREAM + query, telling=telling, checksums=True))
            for query in ("", "", "", "", "?quality=60")
        ]
        while what == "variant" and not any_follows(api):  # all may have come to one worker
            clients.append(stack.enter_context(Verifier(api.url + STREAM, checksums=True)))
            clients[-1].wait_live_since(time.time())
            assert len(clients) < MOST_CLIENTS, "every client came to one worker"
        for client in clients:
            client.wait_live_since(time.time())
        suffix = "~q85p" if what == "variant" else ""
        ring = SHARED_MEMORY / f"{service.segment}{suffix}.ring"
        wait_until(ring.exists, "the ring")
        with Scribbler(service, ring, 0.5) as scribbler:
            wait_until(lambda: scribbler.said().count("!") >= DAMAGED, "damage", 60.0)
            wait_until(lambda: count(api, "damaged") > 0, "damage that came in time", 60.0)
        for client in clients:
            client.wait_live_since(time.time())
    wrong = [each for client in clients for each in client.wrong]
    checked, noticed = sum(client.checked for client in clients), count(api, "damaged")
    print(  # noqa: T201 - the numbers of docs/operating.md
        f"\n{what}: {scribbler.damaged} frames damaged, noticed {noticed} times, {checked} parts "
        f"verified, {len(wrong)} wrong"
    )
    assert wrong == []
    assert noticed > 0
    assert [client.connects for client in clients] == [1] * len(clients)
    assert what == "variant" or "is damaged: its CRC-32 is" in api.said()


def test_without_checksums_damage_reaches_clients(service: Services) -> None:
    """The mutation that proves the test above able to fail; and why the mode exists."""
    api = service.both("pattern://640x480@30")
    ring = SHARED_MEMORY / f"{service.segment}.ring"
    with Verifier(api.url + STREAM) as client:
        client.wait_live_since(time.time())
        with Scribbler(service, ring, 0.5):
            wait_until(lambda: client.wrong != [], "a wrong picture", 60.0)
