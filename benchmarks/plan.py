"""What one run measures, in which order: ours, the ideal sender and the tutorial side by side."""

from __future__ import annotations

import contextlib
import http.client
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2

from benchmarks.load import Group
from benchmarks.measure import Row, Target, idle, measure
from benchmarks.processes import STREAM, ideal_sender, services, tutorial_server
from shared.consumer import VideoConsumer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from benchmarks.processes import Services

__all__ = ["FULL", "QUICK", "Extent", "run_plan"]

SOURCE: Final = "pattern://1920x1080@30"
ONE_VARIANT: Final = f"{STREAM}?quality=85"
_TUTORIAL_MOST: Final = 100
"""More clients take the tutorial's server so long to greet that nothing is learned."""
_SLOW_RATE: Final = 100_000
_SLOW_BUFFER: Final = 8192
"""Small, so that what is old lies in the server, where it shows, and not in the receiver."""
_AVI_FRAMES: Final = 60


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured.

    Attributes:
        clients: Numbers of clients with one worker; the ideal sender gets ``most`` in addition.
        again: Numbers measured a second time at the end: drift, and a better slope.
        most: Number of clients with two workers.
        beyond: More clients than one worker can serve; None: left out.
        seconds: Length of a window.
        warmup_s: Before each.
        idle_s: How long nobody watches.
        tutorial: Numbers of clients of the tutorial's server.
        rest: Measure pacing, copying receivers and adaptive quality, too.
    """

    clients: tuple[int, ...]
    again: tuple[int, ...]
    most: int
    beyond: int | None
    seconds: float
    warmup_s: float
    idle_s: float
    tutorial: tuple[int, ...]
    rest: bool


FULL: Final = Extent(
    clients=(1, 10, 50, 100, 200, 300, 500),
    again=(500, 300, 200, 100, 50, 10, 1),
    most=1000,
    beyond=900,
    seconds=8.0,
    warmup_s=1.5,
    idle_s=20.0,
    tutorial=(1, 10, 50, 100),
    rest=True,
)
QUICK: Final = Extent(
    clients=(1, 100, 300),
    again=(),
    most=1000,
    beyond=None,
    seconds=2.0,
    warmup_s=0.8,
    idle_s=4.0,
    tutorial=(1,),
    rest=False,
)


class Run:
    """One run; every row is handed to ``tell`` as soon as it is measured.

    Args:
        extent: How much is measured.
        folder: For logs, the picture of the ideal sender and the clip; removed by the caller.
        tell: Gets each row.
    """

    def __init__(self, extent: Extent, folder: Path, tell: Callable[[Row], None]) -> None:
        self._extent = extent
        self._log = folder / "servers.log"
        self._jpeg = folder / "picture.jpg"
        self._clip = folder / "clip.avi"
        self._tell = tell

    def everything(self) -> None:
        """All rows, in order."""
        extent = self._extent
        with services(SOURCE, 1, self._log) as ours:
            self._save_picture(ours)
            self._save_clip(ours)
            self._tell(idle(Target.ours(ours), extent.idle_s))
            for count in extent.clients:
                self._side_by_side(ours, count)
            self._ideal(extent.most)
            self._slow(ours)
            if extent.rest:
                self._rest(ours)
            for count in extent.again:
                self._ours("clients", ours, [Group("all", count, ONE_VARIANT)])
                self._ideal(count)
            if extent.beyond:
                self._ours("beyond", ours, [Group("all", extent.beyond, ONE_VARIANT)])
        with services(SOURCE, 2, self._log) as ours:
            self._ours("clients", ours, [Group("all", extent.most, ONE_VARIANT)])
            self._variants(ours)
            if extent.again:
                self._ours("clients", ours, [Group("all", extent.most, ONE_VARIANT)])
        with services(f"file:{self._clip}", 1, self._log) as ours:
            self._ours("passthrough", ours, [Group("all", 100, STREAM)])

    def _side_by_side(self, ours: Services, count: int) -> None:
        self._ours("clients", ours, [Group("all", count, ONE_VARIANT)])
        self._ideal(count)
        if count not in self._extent.tutorial or count > _TUTORIAL_MOST:
            return
        with tutorial_server(ours.segment, self._log) as (port, pid):
            target = Target("tutorial", port, {"server": [pid]})
            self._measure("clients", target, [Group("all", count, "/video_feed")])

    def _ideal(self, count: int, case: str = "clients", *, copy: bool = False) -> None:
        with ideal_sender(self._jpeg, self._log) as (port, pid):
            target = Target("ideal", port, {"server": [pid]})
            self._measure(case, target, [Group("all", count, "/", copy=copy)])

    def _slow(self, ours: Services) -> None:
        slow = Group("slow", 5, ONE_VARIANT, rate=_SLOW_RATE, rcvbuf=_SLOW_BUFFER)
        groups = [Group("fast", 50, ONE_VARIANT), slow]
        seconds = 1.5 * self._extent.seconds + 4.0  # a part takes a slow client 2.6 s
        self._tell(measure("slow", Target.ours(ours), groups, 3.0, seconds))

    def _rest(self, ours: Services) -> None:
        self._ours("fps=20", ours, [Group("all", 20, f"{ONE_VARIANT}&fps=20")])
        self._ours("copying", ours, [Group("all", 300, ONE_VARIANT, copy=True)])
        self._ideal(300, "copying", copy=True)
        self._adaptive(ours)

    def _adaptive(self, ours: Services) -> None:
        """Ten clients at a third of the bandwidth that 30 fps take; left out while unknown."""
        path = f"{STREAM}?quality=auto"
        if not _accepts(ours.port, path):
            return
        rate = self._jpeg.stat().st_size * 30 // 3
        groups = [Group("all", 10, path, rate=rate, rcvbuf=1 << 16)]
        self._tell(measure("adaptive", Target.ours(ours), groups, 6.0, self._extent.seconds))

    def _variants(self, ours: Services) -> None:
        """Three variants; with so many connections each worker has clients of each."""
        queries = ("quality=85", "quality=50", "quality=85&width=640")
        groups = [Group(query, 12, f"{STREAM}?{query}") for query in queries]
        self._ours("variants", ours, groups)

    def _ours(self, case: str, ours: Services, groups: list[Group]) -> None:
        self._measure(case, Target.ours(ours), groups)

    def _measure(self, case: str, target: Target, groups: list[Group]) -> None:
        extent = self._extent
        self._tell(measure(case, target, groups, extent.warmup_s, extent.seconds))

    def _save_picture(self, ours: Services) -> None:
        """What the ideal sender sends: one of our own pictures."""
        connection = http.client.HTTPConnection("127.0.0.1", ours.port, timeout=10)
        with contextlib.closing(connection):
            connection.request("GET", f"{STREAM}/frame?quality=85")
            self._jpeg.write_bytes(connection.getresponse().read())

    def _save_clip(self, ours: Services) -> None:
        """The same pictures as a Motion JPEG file, for passthrough."""
        writer: cv2.VideoWriter | None = None
        for image, fps in _images(ours.segment, _AVI_FRAMES):
            if writer is None:
                size = (image.shape[1], image.shape[0])
                fourcc = cv2.VideoWriter.fourcc(*"MJPG")
                backend = cv2.CAP_OPENCV_MJPEG
                writer = cv2.VideoWriter(str(self._clip), backend, fourcc, fps, size)
                writer.set(cv2.VIDEOWRITER_PROP_QUALITY, 85)
            writer.write(image)
        if writer is not None:
            writer.release()


def _images(segment: str, count: int) -> Iterator[tuple[cv2.typing.MatLike, float]]:
    with VideoConsumer(segment) as consumer:
        for taken, frame in enumerate(consumer, start=1):
            yield frame.image.copy(), 30.0
            if taken == count:
                return


def _accepts(port: int, path: str) -> bool:
    """Whether the server knows this query: HEAD answers 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        connection.request("HEAD", path)
        return connection.getresponse().status == http.HTTPStatus.OK


def run_plan(extent: Extent, folder: Path, tell: Callable[[Row], None]) -> float:
    """Measure everything; returns how long it took, seconds."""
    started_s = time.monotonic()
    Run(extent, folder, tell).everything()
    return time.monotonic() - started_s
