"""What goes wrong: clients, Video Module and API that leave, hang or die."""

from __future__ import annotations

import json
import re
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.support.mjpeg_client import EndOfStream, MjpegClient, get
from tests.support.processes import wait_until
from tests.support.streams import (
    STREAM,
    assert_never_back,
    assert_telling,
    status,
)

if TYPE_CHECKING:
    from shared.multipart import Part
    from tests.support.processes import Api, Services

pytestmark = [pytest.mark.faults, pytest.mark.process, pytest.mark.e2e]


def connections(api: Api) -> int:
    """How many clients' sockets the worker holds."""
    found = api.worker().net_connections("tcp")
    return len([c for c in found if c.status in {psutil.CONN_ESTABLISHED, psutil.CONN_CLOSE_WAIT}])


def test_clients_that_come_and_go_leave_nothing_behind(service: Services) -> None:
    api = service.both()

    def footprint() -> tuple[int, int, int]:
        worker = api.worker()
        maps = Path(f"/proc/{worker.pid}/maps").read_text(encoding="ascii")
        return worker.num_fds(), worker.num_threads(), maps.count(service.segment)

    def visit(number: int) -> None:
        client = MjpegClient(api.url + STREAM + f"?quality={50 + number % 4}")
        client.next_part()
        client.abort() if number % 2 else client.close()

    for number in range(4):
        visit(number)
    wait_until(lambda: status(api)["clients"] == 0, "the first clients to be gone", 2.0)
    before = footprint()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(visit, range(200)))
    wait_until(lambda: status(api)["clients"] == 0, "every client to be gone", 2.0)
    wait_until(
        lambda: all(now <= then for now, then in zip(footprint(), before, strict=True)),
        f"no more descriptors, threads and mappings than {before}",
        4.0,
    )
    ended = re.findall(r"stream of video ended: (.*);", api.said())
    assert len(ended) == 204, "every stream ran its finally"


def test_sigterm_ends_ten_streams_properly_and_soon(service: Services) -> None:
    api = service.both()
    clients = [MjpegClient(api.url + STREAM + f"?fps={1 + 6 * (n % 4)}") for n in range(10)]
    for client in clients:
        client.next_part()
    api.signal(signal.SIGTERM)
    started = time.monotonic()
    for client in clients:
        with pytest.raises(EndOfStream) as end:
            list(client.parts())
        assert end.value.clean, "the last thing sent is the closing boundary"
        client.close()
    assert api.wait(timeout_s=2.0) == 0
    assert time.monotonic() - started < 2.0
    assert len(re.findall(r"stream of video ended: the server is shutting down", api.said())) == 10
    assert "Traceback" not in api.said()


def test_requests_that_wait_are_answered_at_sigterm(service: Services) -> None:
    api = service.api(video__shared_memory_attach_timeout_sec=60)
    with ThreadPoolExecutor(4) as pool:
        waiting = [
            pool.submit(get, api.url + path)
            for path in (STREAM, f"{STREAM}/frame", "/stream/video", "/stream/video/frame")
        ]
        wait_until(lambda: connections(api) == 4, "the requests")
        api.signal(signal.SIGTERM)
        started = time.monotonic()
        codes = [answer.result()[0] for answer in waiting]
    assert codes == [503] * 4
    assert api.wait(timeout_s=2.0) == 0
    assert time.monotonic() - started < 2.0


def test_waiting_requests_whose_clients_left_are_forgotten(service: Services) -> None:
    api = service.api(video__shared_memory_attach_timeout_sec=60)
    address = ("127.0.0.1", int(api.url.rpartition(":")[2]))
    clients = [socket.create_connection(address, timeout=10.0) for _ in range(50)]
    for client in clients:
        client.sendall(f"GET {STREAM}/frame HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    wait_until(lambda: connections(api) == 50, "all the requests")
    for client in clients:
        client.close()
    wait_until(lambda: connections(api) == 0, "the descriptors to be free again", 5.0)
    assert "Traceback" not in api.said()


@pytest.mark.faults
def test_stream_survives_the_death_of_the_video_module(service: Services) -> None:
    video = service.video()
    api = service.api().wait_ready()
    with MjpegClient(api.url + STREAM) as client:
        parts = list(client.parts(5))
        video.kill()
        blanks: list[Part] = []
        while len(blanks) < 3:
            part = client.next_part()
            blanks += [] if part.online else [part]
            parts.append(part)
        assert blanks[2].received_at - blanks[1].received_at >= 0.7, "about one per second"
        assert status(api)["online"] is False
        assert status(api)["condition"] == "gone"
        assert api.answers("/readyz") == 503
        service.video()
        while not (part := client.next_part()).online:
            parts.append(part)
        parts += [part, *client.parts(5)]
    assert parts[-1].epoch > parts[0].epoch
    assert_never_back(parts)
    for part in parts:
        if part.online:
            assert_telling(part)


@pytest.mark.faults
def test_stream_ends_properly_if_the_video_module_stays_away(service: Services) -> None:
    video = service.video()
    api = service.api(api__stream__video_loss_grace_sec=1.5).wait_ready()
    with MjpegClient(api.url + STREAM) as client:
        client.next_part()
        video.stop()
        with pytest.raises(EndOfStream) as end:
            list(client.parts())
    assert end.value.clean
    wait_until(lambda: status(api)["clients"] == 0, "the client to be forgotten", 2.0)


@pytest.mark.faults
def test_video_module_that_hangs_is_shown_as_no_signal(service: Services) -> None:
    video = service.video()
    api = service.api(video__shared_memory_attach_timeout_sec=0.5).wait_ready()
    with MjpegClient(api.url + STREAM) as client:
        client.next_part()
        video.signal(signal.SIGSTOP)
        try:
            while client.next_part().online:
                pass
            assert status(api)["condition"] == "stalled"
            code, _, body = get(api.url + STREAM)
            assert code == 503
            assert json.loads(body)["detail"] == "Video Module lives but hangs: restart it."
            code, headers, _ = get(f"{api.url}{STREAM}/frame?stale=ok")
            assert (code, headers["x-stale"]) == (200, "1")
        finally:
            video.signal(signal.SIGCONT)
        while not client.next_part().online:
            pass


def test_stalled_client_is_ended_quietly(service: Services) -> None:
    service.video("pattern://640x360@30")
    api = service.api(api__stream__stall_timeout_sec=1.0).wait_ready()
    client = MjpegClient(api.url + STREAM + "?quality=100", receive_buffer_bytes=4096)
    wait_until(lambda: status(api)["clients"] == 1, "the stream to begin")
    wait_until(lambda: status(api)["stalled"] == 1, "the stalled client to be ended")
    wait_until(lambda: status(api)["clients"] == 0, "the stalled client to be gone")
    client.close()
    assert "ERROR" not in api.said()
    assert "Traceback" not in api.said()
