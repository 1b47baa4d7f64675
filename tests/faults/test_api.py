"""Workers that die, hang, pause, reload and end; notifications that do not come."""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import re
import signal
import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil
import pytest

from tests.support.audience import Audience, Viewer, all_see, longest_gap, statuses
from tests.support.mjpeg_client import EndOfStream, MjpegClient, ProtocolViolation, get
from tests.support.processes import wait_until
from tests.support.streams import STREAM, assert_never_back, status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.multipart import Part
    from tests.support.processes import Api, Services

pytestmark = [pytest.mark.faults, pytest.mark.process, pytest.mark.e2e, pytest.mark.timeout(120)]

log = logging.getLogger("measured")

BLOCKABLE: Final = "tests.support.blockable_app:create_app()"
SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - the kernel's own tmpfs, not a temp file


def longest_silence_s(parts: list[Part]) -> float:
    """Longest time between two different pictures, as the client saw them."""
    new = [b for a, b in itertools.pairwise(parts) if b.number != a.number]
    return max(b.received_at - a.received_at for a, b in itertools.pairwise(new))


def descriptors(api: Api) -> int:
    """How many files the arbiter has open."""
    return psutil.Process(api.process.pid).num_fds()


def pause(seconds: float) -> None:
    """Let time pass: here it is what is tested, nothing else is waited for."""
    until = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() >= until, "time to pass", seconds + 30.0)


class Returning:
    """A client that connects again as soon as its stream ends, as a browser's page does.

    Attributes:
        streams: How many it has had.
        parts: Everything it was sent.
    """

    def __init__(self, url: str) -> None:
        self.streams = 0
        self.parts: list[Part] = []
        self._url = url
        self._leaving = False
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._leaving:
            with contextlib.suppress(EndOfStream, OSError, ProtocolViolation):
                self._watch_once()

    def _watch_once(self) -> None:
        with MjpegClient(self._url) as client:
            self.streams += 1
            while not self._leaving:
                self.parts.append(client.next_part())

    def leave(self) -> None:
        self._leaving = True
        self._thread.join(20.0)


def test_killed_worker_costs_its_clients_a_reconnect_and_the_others_nothing(
    service: Services,
) -> None:
    api = service.both(api__workers=2)
    wait_until(lambda: api.said().count("attached to its ring") == 2, "both workers to be ready")
    url = api.url + STREAM
    returning = [Returning(url) for _ in range(6)]
    with Audience(api) as audience:
        for _ in range(4):
            audience.seat("")
        all_see(audience.all(), 30)
        wait_until(lambda: all(each.parts for each in returning), "all clients to be served")
        before = list(statuses(api).values())
        assert before[0]["clients_total"] == 14
        killed = next(worker for worker in api.workers() if worker.pid == before[0]["worker"])
        own = audience.viewers[killed.pid]
        others = audience.without(killed.pid)
        newest = max(viewer.newest() for viewer in others)

        killed.kill()

        wait_until(lambda: all(viewer.ended for viewer in own), "its clients to be told")
        after = status(api)
        wait_until(lambda: status(api)["clients_total"] == 10, "the dead streams to be forgotten")
        wait_until(lambda: sum(each.streams for each in returning) > 6, "clients to come back")
        wait_until(lambda: len(api.workers()) == 2, "another worker")
        all_see(others, 60)
        for counter in ("sent_total", "encoded_total", "skipped_total"):
            shown = max(each[counter] for each in before)
            assert all(each[counter] >= shown for each in (after, *statuses(api).values()))
        for viewer in others:
            later = [part for part in viewer.parts if part.number >= newest - 5]
            assert longest_gap(later) < 30, "less than a second"
            assert_never_back(viewer.parts)
        gaps_s = [longest_silence_s(viewer.parts) for viewer in others]
        log.info("others: at most %.0f ms between two frames", max(gaps_s) * 1000)
    for each in returning:
        each.leave()
    gaps_s = [longest_silence_s(each.parts) for each in returning]
    log.info("clients of the dead one: back after %.0f ms", max(gaps_s) * 1000)
    wait_until(lambda: status(api)["clients_total"] == 0, "nobody to be counted")


def reload(api: Api, old: set[int]) -> None:
    """Wait until the workers are others, and as many."""
    wait_until(
        lambda: len(api.workers()) == 2 and not old & {worker.pid for worker in api.workers()},
        "new workers in place of the old ones",
    )


def pids(api: Api) -> set[int]:
    return {worker.pid for worker in api.workers()}


def test_reload_ends_streams_properly_and_serves_new_ones(service: Services) -> None:
    api = service.both(api__workers=2)
    clients = [MjpegClient(api.url + STREAM) for _ in range(10)]
    sent = status(api)["sent_total"]
    old = pids(api)
    started = time.monotonic()
    api.signal(signal.SIGHUP)
    for client in clients:
        with pytest.raises(EndOfStream) as end:
            list(client.parts())
        assert end.value.clean
        client.close()
    log.info("reload: streams ended after %.2f s", time.monotonic() - started)
    with MjpegClient(api.url + STREAM) as client:
        assert client.next_part().online
    api.signal(signal.SIGHUP)
    reload(api, old)
    assert status(api)["sent_total"] >= sent, "sums outlive a reload"
    assert "Traceback" not in api.said()
    assert "graceful timeout" not in api.said()


def test_second_reload_during_the_first_is_done_after_it(service: Services) -> None:
    api = service.both(api__workers=2)
    with MjpegClient(api.url + STREAM) as client:
        client.next_part()
        api.signal(signal.SIGHUP)
        api.wait_for_log("Hang up")
        api.signal(signal.SIGHUP)
        wait_until(lambda: api.said().count("Hang up") == 2, "both reloads")
        with pytest.raises(EndOfStream):
            list(client.parts())
    wait_until(lambda: api.said().count("Worker exiting") == 4, "two generations to have ended")
    wait_until(lambda: len(api.workers()) == 2, "two workers")
    with MjpegClient(api.url + STREAM) as client:
        assert client.next_part().online
    assert status(api)["clients_total"] <= 1
    assert "Traceback" not in api.said()


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_twenty_reloads_leave_no_descriptor_behind(service: Services) -> None:
    api = service.both(api__workers=2)
    returning = [Returning(api.url + STREAM) for _ in range(4)]

    def reload_once() -> None:
        old = pids(api)
        api.signal(signal.SIGHUP)
        reload(api, old)

    reload_once()
    before = descriptors(api)
    for _ in range(20):
        reload_once()
    wait_until(lambda: descriptors(api) <= before, f"no more than {before} descriptors")
    for each in returning:
        each.leave()
        assert each.streams > 1
    wait_until(lambda: status(api)["clients_total"] == 0, "nobody to be counted")
    received = sum(len(each.parts) for each in returning)
    # the other worker tells its numbers once a second
    wait_until(lambda: status(api)["sent_total"] >= received, "all that was sent to be counted")
    api.wait_ready()
    assert "Traceback" not in api.said()


def test_sigterm_ends_a_hundred_streams_properly_and_soon(service: Services) -> None:
    api = service.both(api__workers=2)
    clients = [MjpegClient(api.url + STREAM) for _ in range(100)]
    started = time.monotonic()
    api.signal(signal.SIGTERM)
    for client in clients:
        with pytest.raises(EndOfStream) as end:
            list(client.parts())
        assert end.value.clean, "the last thing sent is the closing boundary"
        client.close()
    streams_s = time.monotonic() - started
    assert api.wait() == 0
    log.info("SIGTERM: streams %.2f s, exit %.2f s", streams_s, time.monotonic() - started)
    assert len(re.findall(r"ended: the server is shutting down", api.said())) == 100
    assert "Traceback" not in api.said()


def test_sigterm_ends_a_worker_that_is_just_starting_too(service: Services) -> None:
    """It lost the signal, and the server waited for it until the graceful timeout was over."""
    api = service.both(api__workers=2, api__drain_timeout_sec=60)
    killed = api.workers()[0].pid
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: api.said().count("Booting worker") == 3, "another worker to begin")
    api.signal(signal.SIGTERM)
    assert api.wait(30.0) == 0
    assert api.said().count("was sent SIGKILL") == 1


def block(api: Api, milliseconds: int) -> None:
    """Stop the hub of whichever worker answers; its answer, if any, is of no interest."""
    with contextlib.suppress(OSError, ProtocolViolation):
        get(f"{api.url}/block?ms={milliseconds}", timeout_s=milliseconds / 1000)


def test_worker_whose_hub_is_blocked_is_replaced(service: Services) -> None:
    service.video()
    api = service.api("--timeout", "2", BLOCKABLE, api__workers=1).wait_ready()
    (before,) = api.workers()
    threading.Thread(target=block, args=(api, 60_000), daemon=True).start()
    wait_until(lambda: "WORKER TIMEOUT" in api.said(), "the arbiter to notice")
    wait_until(lambda: pids(api) not in ({before.pid}, set()), "another worker")
    with MjpegClient(api.url + STREAM) as client:
        assert client.next_part().online
    assert status(api)["clients_total"] <= 1


def test_lateness_of_the_hub_is_shown(service: Services) -> None:
    service.video()
    api = service.api(BLOCKABLE, api__workers=1).wait_ready()
    assert status(api)["hub_late_ms"]["max"] < 500
    block(api, 600)
    wait_until(lambda: status(api)["hub_late_ms"]["max"] >= 500, "the late beat to be noted")


@pytest.mark.slow
def test_service_that_was_paused_goes_on_with_the_same_workers(service: Services) -> None:
    """As ``docker pause`` does; gunicorn alone aborts all workers when they may go on."""
    service.video()
    api = service.api("--timeout", "2", api__workers=2).wait_ready()
    statuses(api)
    viewers = [Viewer(api.url + STREAM) for _ in range(4)]
    before = pids(api)
    for pid in (api.process.pid, *before):
        os.kill(pid, signal.SIGSTOP)
    try:
        pause(7.0)
    finally:
        for pid in (api.process.pid, *before):
            os.kill(pid, signal.SIGCONT)
    all_see(viewers, 90)
    assert pids(api) == before
    assert "WORKER TIMEOUT" not in api.said()
    assert "stood still for" in api.said()
    for viewer in viewers:
        viewer.leave()


@pytest.mark.slow
def test_worker_that_hangs_is_replaced_although_the_arbiter_was_paused_before(
    service: Services,
) -> None:
    service.video()
    api = service.api("--timeout", "2", api__workers=2).wait_ready()
    statuses(api)  # gunicorn does not judge a worker that has never shown a sign of life
    hung = api.workers()[0]
    os.kill(api.process.pid, signal.SIGSTOP)
    hung.suspend()
    try:
        pause(6.0)
    finally:
        os.kill(api.process.pid, signal.SIGCONT)
    wait_until(lambda: hung.pid not in pids(api), "the hung worker to be replaced")
    wait_until(lambda: len(api.workers()) == 2, "another one")


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The socket on which systemd would listen."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        listener.settimeout(20.0)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        monkeypatch.setenv("WATCHDOG_USEC", "30000000")
        yield listener


@pytest.mark.slow
def test_systemd_is_told_that_the_arbiter_lives_until_it_hangs(
    service: Services, systemd: socket.socket
) -> None:
    api = service.api()
    said: list[bytes] = []
    while said.count(b"WATCHDOG=1") < 4:
        said.append(systemd.recv(4096))
    assert said[0].startswith(b"READY=1")
    api.signal(signal.SIGSTOP)
    try:
        systemd.settimeout(2.5)
        with contextlib.suppress(TimeoutError):
            systemd.recv(4096)  # sent before it stopped
        with pytest.raises(TimeoutError):
            systemd.recv(4096)
    finally:
        api.signal(signal.SIGCONT)
    systemd.settimeout(20.0)
    assert systemd.recv(4096) == b"WATCHDOG=1"


@pytest.mark.slow
def test_frames_go_on_and_a_warning_says_so_where_there_is_no_notification_socket(
    service: Services,
) -> None:
    service.video()
    path = SHARED_MEMORY / f"{service.segment}.sock"
    wait_until(path.exists, "the notification socket")
    api = service.api(api__workers=1).wait_ready()
    path.unlink()
    path.mkdir()  # in its place, so that it cannot be made again
    with MjpegClient(api.url + STREAM) as client:
        api.wait_for_log(r"frames come, but no notifications")
        assert f"{path} is no socket: remove it" in api.said()
        assert status(api)["notifications_missing"] is True
        list(client.parts(3))
        numbers = [part.number for part in client.parts(9)]
        assert len(set(numbers)) >= 8, "a frame at each look, four times a second"
        path.rmdir()
        api.wait_for_log(r"notifications come again")
        assert status(api)["notifications_missing"] is False
    assert api.said().count("but no notifications") == 1


@pytest.mark.slow
def test_user_who_may_not_use_the_notification_socket_is_told(service: Services) -> None:
    service.video()
    path = SHARED_MEMORY / f"{service.segment}.sock"
    files = [path.with_suffix(kind) for kind in (".ring", ".lock")]
    wait_until(lambda: all(file.exists() for file in (path, *files)), "the camera's files")
    path.chmod(0)
    user = os.geteuid()
    if user == 0:  # who may everything: the API runs as somebody else
        user = 65_534
        service.through = ("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups")
        readable_for_all(service.folder)
        for file in files:
            file.chmod(0o644)
    api = service.api(api__workers=1).wait_ready()
    with MjpegClient(api.url + STREAM) as client:
        api.wait_for_log(rf"user {user} may not write to {path} \(s---------\)")
        list(client.parts(3))


def readable_for_all(folder: Path) -> None:
    """Open pytest's folders, which are for their owner only, as far as one of them."""
    for each in (folder, *folder.parents):
        if each.stat().st_uid == os.geteuid() and each.stat().st_mode & 0o077 == 0:
            each.chmod(0o711)
    folder.chmod(0o755)
