"""The numbers of several workers are one, whichever is asked and whichever dies."""

from __future__ import annotations

import shutil
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.audience import Audience, Viewer
from tests.support.mjpeg_client import get
from tests.support.processes import SMALL, wait_until
from tests.support.scrape import Scrape
from tests.support.streams import STREAM, status

if TYPE_CHECKING:
    from tests.support.processes import Api, Services

pytestmark = [pytest.mark.process, pytest.mark.e2e, pytest.mark.timeout(120)]


def scrape_after(api: Api, name: str, least: float, **labels: str) -> Scrape:
    """Scrape until a number has come so far."""
    wait_until(lambda: Scrape(api).sum(name, **labels) >= least, f"{name} to reach {least:g}")
    return Scrape(api)


def clients(api: Api) -> float:
    return Scrape(api).sum("ringcast_clients", camera="video")


def test_scrape_passes_prometheus_own_check(running: Api) -> None:
    with_clients = Viewer(running.url + STREAM + "?quality=40&width=160")
    try:
        variant = "q40w160"
        found = scrape_after(running, "ringcast_frames_encoded_total", 10, variant=variant)
        assert found.sum("ringcast_variant_clients", camera="video", variant=variant) == 1
        _, _, body = get(f"{running.url}/metrics")
    finally:
        with_clients.leave()
    assert found.sum("ringcast_frame_age_seconds_count", camera="video") >= 1
    assert found.sum("ringcast_encode_seconds_count", camera="video") >= 10
    assert found.sum("ringcast_shared_memory_free_bytes") > 0
    assert found.sum("ringcast_ring_bytes", camera="video") > 0
    promtool = shutil.which("promtool")
    assert promtool is not None, "promtool: apt-get install prometheus"
    checked = subprocess.run([promtool, "check", "metrics"], input=body, capture_output=True)  # noqa: PLW1510 - looked at below
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


@pytest.mark.slow
def test_numbers_are_those_of_all_workers_and_survive_each_of_them(service: Services) -> None:
    api = service.both(api__workers=2)
    with Audience(api) as audience:
        for query in ("", "?quality=40"):
            audience.seat(query)
        wait_until(lambda: clients(api) == 4, "those who left again to be counted no more")
        before = Scrape(api)
        assert before.sum("ringcast_workers") == 2
        for _ in range(6):  # whoever answers
            again = Scrape(api)
            assert again.sum("ringcast_clients", camera="video") == 4
            assert again.gone_back_since(before) == []
            before = again
        wait_until(lambda: len(status(api)["client_list"]) == 4, "the clients of both workers")
        for pid in list(audience.viewers):
            killed = next(worker for worker in api.workers() if worker.pid == pid)
            killed.send_signal(signal.SIGKILL)
            wait_until(lambda: api.answers("/healthz") == 200, "another worker")
            again = Scrape(api)
            assert again.gone_back_since(before) == []
            before = again
        wait_until(lambda: clients(api) == 0, "the clients of the dead to be counted no more")
    with Audience(api) as audience:
        audience.seat("")
        name = "ringcast_parts_sent_total"
        grown = scrape_after(api, name, before.sum(name) + 5)
    assert grown.gone_back_since(before) == []
    assert grown.sum("ringcast_streams_total", camera="video") >= 6


@pytest.mark.slow
def test_frames_are_counted_on_when_the_video_module_is_another(service: Services) -> None:
    video = service.video()
    api = service.api(api__workers=2).wait_ready()
    name = "ringcast_frames_captured_total"
    before = scrape_after(api, name, 60)
    video.kill()
    service.video(SMALL)
    after = scrape_after(api, name, before.sum(name) + 30)
    assert after.gone_back_since(before) == []
    assert after.sum("ringcast_video_restarts_total", camera="video") == 1
    assert after.sum(name) - before.sum(name) < 300


def test_client_is_in_the_list_of_every_worker_with_what_it_is_sent(running: Api) -> None:
    viewer = Viewer(running.url + STREAM + "?key=hall&quality=30")

    def mine() -> list[dict[str, object]]:
        listed: list[dict[str, object]] = status(running)["client_list"]
        return [client for client in listed if client["key"] == "hall" and client["fps"] != 0]

    try:
        wait_until(lambda: bool(mine()), "the client")
        (client,) = mine()
    finally:
        viewer.leave()
    assert (client["kind"], client["variant"], client["address"]) == ("mjpeg", "q30", "127.0.0.1")
    assert 0 < client["fps"] <= 60  # type: ignore[operator]  # a number
    wait_until(lambda: not mine(), "the client to be forgotten")
