"""Clients in threads, spread over the workers of an API, and what each worker says."""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING, Any, Self

import psutil
import pytest

from tests.support.mjpeg_client import EndOfStream, MjpegClient
from tests.support.processes import wait_until
from tests.support.streams import STREAM, status

if TYPE_CHECKING:
    from shared.multipart import Part
    from tests.support.processes import Api

__all__ = ["Audience", "Viewer", "all_see", "leader", "longest_gap", "statuses"]


class Viewer:
    """A client that takes parts in a thread of its own until it is closed or the stream ends.

    Attributes:
        parts: Everything it was sent.
        ended: Whether the server closed the stream.
    """

    def __init__(self, url: str) -> None:
        self._client = MjpegClient(url)
        self.port: int = self._client.socket.getsockname()[1]
        try:
            self.parts: list[Part] = [self._client.next_part()]
        except BaseException:
            self._client.close()
            raise
        self.ended = False
        self._leaving = False
        self._thread = threading.Thread(target=self._take, daemon=True)
        self._thread.start()

    def _take(self) -> None:
        while not self._leaving:
            try:
                self.parts.append(self._client.next_part())
            except (EndOfStream, OSError):
                self.ended = True
                return

    def leave(self) -> None:
        """Close the connection."""
        self._leaving = True
        self._thread.join(20.0)
        self._client.close()

    def frames_after(self, number: int) -> int:
        """How many different frames with a higher number it was sent."""
        return len({part.number for part in tuple(self.parts) if part.number > number})

    def newest(self) -> int:
        """Number of the frame it was sent last."""
        return self.parts[-1].number


class Audience:
    """Viewers spread over all workers of an API.

    Args:
        api: Running, with several workers.

    Attributes:
        viewers: All of them, by process id of the worker that serves them.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self.viewers: dict[int, list[Viewer]] = {worker.pid: [] for worker in api.workers()}

    def seat(self, query: str) -> None:
        """Open streams of one variant until every worker has one at least."""
        served: set[int] = set()
        for _ in range(60):
            viewer = Viewer(self._api.url + STREAM + query)
            pid = self._worker_of(viewer)
            if pid in served:
                viewer.leave()
                continue
            served.add(pid)
            self.viewers[pid].append(viewer)
            if served == set(self.viewers):
                return
        pytest.fail(f"60 connections reached {len(served)} workers")

    def _worker_of(self, viewer: Viewer) -> int:
        for worker in self._api.workers():
            connections = worker.net_connections("tcp")
            if any(
                c.status != psutil.CONN_LISTEN and c.raddr.port == viewer.port for c in connections
            ):
                return worker.pid
        pytest.fail("no worker serves this client")

    def all(self) -> list[Viewer]:
        """Every viewer."""
        return [viewer for viewers in self.viewers.values() for viewer in viewers]

    def without(self, pid: int) -> list[Viewer]:
        """Those of the other workers."""
        return [viewer for viewer in self.all() if viewer not in self.viewers[pid]]

    def leave(self) -> None:
        """Close every connection."""
        for viewer in self.all():
            viewer.leave()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.leave()


def statuses(api: Api, pids: set[int] | None = None) -> dict[int, dict[str, Any]]:
    """The status document of every worker, by its process id."""
    wanted = {worker.pid for worker in api.workers()} if pids is None else pids
    found: dict[int, dict[str, Any]] = {}

    def all_answered() -> bool:
        document = status(api)
        found[document["worker"]] = document
        return wanted <= set(found)

    wait_until(all_answered, "an answer of every worker", 20.0)
    return found


def leader(api: Api, suffix: str) -> psutil.Process:
    """The worker that leads a variant; there is one, and never two."""
    found: list[int] = []

    def one_leads() -> bool:
        found[:] = [pid for pid, each in statuses(api).items() if suffix in each["leads"]]
        return len(found) == 1

    wait_until(one_leads, f"one leader of {suffix}", 10.0)
    return next(worker for worker in api.workers() if worker.pid == found[0])


def all_see(viewers: list[Viewer], frames: int) -> None:
    """Wait until every viewer has been sent so many frames more; none may be cut off."""
    newest = max(viewer.newest() for viewer in viewers)
    wait_until(
        lambda: all(viewer.ended or viewer.frames_after(newest) >= frames for viewer in viewers),
        f"{frames} frames more for everybody",
        20.0,
    )
    assert [viewer.ended for viewer in viewers] == [False] * len(viewers)


def longest_gap(parts: list[Part]) -> int:
    """Most frames of the camera between two that were sent one after the other."""
    numbers = [part.number for part in parts]
    return max(after - before for before, after in itertools.pairwise(numbers))
