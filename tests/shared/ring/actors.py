"""Writers and readers as processes of their own, for tests that stop, kill and race them.

``Actor`` is the test's end: it starts ``python -m tests.shared.ring.actors ROLE JSON``, waits for
the lines the process says (with a limit), and takes it back. The roles are below it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import mmap
import os
import queue
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import zmq

import shared.ring.writer
from shared.consumer import VideoConsumer
from shared.errors import FrameOverwritten, ProtocolError, RingUnavailable
from shared.frame import Geometry, MonotonicNs, PixelFormat
from shared.naming import SegmentPaths, segment_paths
from shared.notification import Notification
from shared.ring.reader import RingReader
from shared.ring.view import FrameView
from shared.ring.writer import RingWriter, Slot
from tests.support.frames import draw_telling, is_telling

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Actor", "wait_until"]

ROOT: Final = Path(__file__).resolve().parents[3]
PATIENCE_S: Final = 30.0
_pause = threading.Event().wait
"""The pace of a writer or the slowness of a reader; never a way to wait for another process."""


def wait_until(condition: Callable[[], object], timeout_s: float = PATIENCE_S) -> None:
    """Ask again and again until it is true; a failed assertion if that takes too long."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"not true within {timeout_s} s"
        _pause(0.005)


class Actor:
    """A process playing a role; ended with the ``with`` block.

    Attributes:
        process: For signals and its exit code.
    """

    def __init__(self, role: str, paths: SegmentPaths, **options: object) -> None:
        options |= {"name": paths.name, "directory": str(paths.directory)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.shared.ring.actors", role, json.dumps(options)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def hear(self, timeout_s: float = PATIENCE_S) -> Any:  # noqa: ANN401 - whatever the role says
        """Wait for the next thing it says; None: it has ended."""
        line = self._lines.get(timeout=timeout_s)
        return json.loads(line) if line else None

    def say(self, thing: object) -> None:
        """Tell it something, a line of JSON."""
        assert self.process.stdin is not None
        print(json.dumps(thing), file=self.process.stdin, flush=True)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """End it as the kernel's OOM killer would."""
        self.process.kill()
        self.process.wait(PATIENCE_S)

    def let_go(self) -> None:
        """Close its standard input: a writer ends, or goes to its doom."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def finish(self) -> Any:  # noqa: ANN401 - whatever the role says last
        """Ask it to end, and wait for its last word."""
        self.let_go()
        last = None
        while (said := self.hear()) is not None:
            last = said
        assert self.process.wait(PATIENCE_S) == 0
        return last

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self.process.poll() is None:
            self.send(signal.SIGCONT)
            self.kill()
        self._listener.join(PATIENCE_S)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdout.close()
        with contextlib.suppress(BrokenPipeError):  # it died with our last words unread
            self.process.stdin.close()


def _say(thing: object) -> None:
    print(json.dumps(thing), flush=True)  # noqa: T201 - the pipe to the test


class _Told(threading.Thread):
    """Knows when the test has closed our standard input."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.to_end = threading.Event()
        self.start()

    def run(self) -> None:
        while os.read(0, 1):
            continue
        self.to_end.set()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Doom:
    """Kills this process at a named point of writing a frame or of making a segment."""

    IN_FRAME: Final = ("before odd", "after odd", "half payload", "before even", "before head")
    IN_CREATE: Final = (
        "before fallocate",
        "after fallocate",
        "after mmap",
        "before rename",
        "after rename",
        "before retire",
    )
    _FENCES: Final = {"after odd": 1, "before even": 2, "before head": 3}

    def __init__(self, point: str) -> None:
        self._point = point

    def arm(self) -> None:
        """From now on, die at the point."""
        name = self._point
        if name == "before odd":
            _die()
        elif name in self._FENCES:
            self._patch(shared.ring.writer, "fence", at_call=self._FENCES[name])
        elif name.endswith("fallocate"):
            self._patch(os, "posix_fallocate", after=name.startswith("after"))
        elif name == "after mmap":
            self._patch(mmap, "mmap", after=True)
        elif name.endswith("rename"):
            self._patch(Path, "rename", after=name.startswith("after"))
        elif name == "before retire":
            self._patch(os, "pwrite")

    def _patch(self, owner: Any, name: str, *, at_call: int = 1, after: bool = False) -> None:  # noqa: ANN401
        original = getattr(owner, name)
        calls = iter(range(1, 10**9))

        def doomed(*args: object, **options: object) -> object:
            last = next(calls) == at_call
            if last and not after:
                _die()
            result = original(*args, **options)
            if last:
                _die()
            return result

        setattr(owner, name, doomed)

    def draw(self, slot: Slot) -> None:
        """Draw the frame, dying in the middle if that is the point."""
        if self._point == "half payload":
            rows = slot.geometry.height // 2
            slot.image[:rows] = 255
            _die()
        draw_telling(slot.image, slot.sequence)


class _Writing:
    """Writes telling frames and rings the doorbell.

    Options: slots, size (width, height), interval_s (0: as fast as it can), frames (then it stays
    and beats), die_at and die_in_frame (when told to end), grow (that frame is larger), doorbell.
    """

    def __init__(self, paths: SegmentPaths, options: dict[str, Any]) -> None:
        width, height = options.get("size", (48, 32))
        self._geometry = Geometry(width, height, PixelFormat.BGR24)
        self._interval_s = options.get("interval_s", 0.01)
        self._frames = options.get("frames", -1)
        self._die_in_frame = options.get("die_in_frame", 0)
        self._grow = options.get("grow", False)
        self._doom = Doom(options.get("die_at", "never"))
        self._told = _Told()
        self._paths = paths
        self._writer = RingWriter(paths, slots=options.get("slots", 8), label="telling frames")
        self._context = zmq.Context()
        self._bell = self._context.socket(zmq.PUB)
        self._rings = options.get("doorbell", False)

    def run(self) -> None:
        with self._writer, self._context, self._bell:
            if self._rings:
                self._paths.socket.unlink(missing_ok=True)
                self._bell.bind(self._paths.endpoint)
            written = 0
            while written != self._frames:
                if self._told.to_end.is_set() and written >= self._die_in_frame:
                    break
                written += 1
                self._write(written)
                if written == 1:
                    _say("first")
                if self._interval_s:
                    _pause(self._interval_s)
            _say("written")
            while not self._told.to_end.wait(0.1):
                self._writer.heartbeat()
        self._paths.socket.unlink(missing_ok=True)
        _say({"written": written})

    def _write(self, number: int) -> None:
        geometry, doom = self._geometry, None
        if number == self._die_in_frame:
            doom = self._doom
            self._told.to_end.wait()
            doom.arm()
            if self._grow:
                geometry = Geometry(geometry.width * 2, geometry.height, PixelFormat.BGR24)
        slot = self._writer.begin(geometry)
        if doom is None:
            draw_telling(slot.image, slot.sequence)
        else:
            doom.draw(slot)
        info = self._writer.commit(slot, MonotonicNs(time.monotonic_ns()))
        if self._rings:
            note = Notification(self._paths.topic, info.epoch, info.sequence, info.published_at)
            self._bell.send(note.pack(), zmq.NOBLOCK)


def _play_writer(paths: SegmentPaths, options: dict[str, Any]) -> None:
    _Writing(paths, options).run()


def _always(_view: FrameView) -> bool:
    return True


def _play_reader(paths: SegmentPaths, options: dict[str, Any]) -> None:
    """Look at newest frames for ``duration_s``, or until one is torn; says what it saw.

    Options: duration_s, linger_s (between the upper and the lower half), mutate (drop the second
    look at the stamp), until_torn.
    """
    if options.get("mutate"):
        FrameView._is_whole = _always  # type: ignore[assignment, method-assign] # noqa: SLF001
    seen = {"whole": 0, "overwritten": 0, "torn": 0, "backwards": 0}
    reader = RingReader.open(paths)
    _say("attached")
    deadline = time.monotonic() + options["duration_s"]
    last = 0
    while time.monotonic() < deadline and not (options.get("until_torn") and seen["torn"]):
        head = reader.head
        if head == last:
            continue
        seen["backwards"] += head < last
        last = head
        try:
            with reader.view(head) as view:
                half = view.image.shape[0] // 2
                upper = view.image[:half].copy()
                if options.get("linger_s"):
                    _pause(options["linger_s"])
                image = np.concatenate([upper, view.image[half:]])
        except FrameOverwritten:
            seen["overwritten"] += 1
            continue
        seen["whole" if is_telling(image, head) else "torn"] += 1
    reader.close()
    _say(seen)


def _play_consumer(paths: SegmentPaths, options: dict[str, Any]) -> None:
    """Iterate a VideoConsumer for ``frames`` frames, then say what was seen."""
    seen = {"whole": 0, "overwritten": 0, "torn": 0, "backwards": 0}
    last = (0, 0)
    with VideoConsumer(paths.name, directory=paths.directory) as consumer:
        _say("attached")
        for frame in consumer:
            key = (frame.info.epoch, frame.info.sequence)
            seen["backwards"] += key <= last
            last = key
            image = frame.image.copy()
            if not frame.valid():
                seen["overwritten"] += 1
            else:
                seen["whole" if is_telling(image, frame.info.sequence) else "torn"] += 1
            if seen["whole"] >= options["frames"]:
                break
    _say(seen)


def _play_idler(paths: SegmentPaths, options: dict[str, Any]) -> None:
    """Wait for frames that do not come, and say how often it turned and what that cost."""
    with VideoConsumer(paths.name, directory=paths.directory) as consumer:
        while consumer.wait_newer(options["quiet_s"] / 4) is not None:
            continue
        turns = 0
        read_latest = consumer.read_latest

        def counting() -> FrameView | None:
            nonlocal turns
            turns += 1
            return read_latest()

        consumer.read_latest = counting  # type: ignore[method-assign]
        before = resource.getrusage(resource.RUSAGE_SELF)
        assert consumer.wait_newer(options["quiet_s"]) is None
        after = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    _say({"turns": turns, "cpu_s": cpu_s})


def _play_flipper(paths: SegmentPaths, _options: dict[str, Any]) -> None:
    """Attach to the segment with the bytes changed that the test names; says what happened.

    One line ``[[offset, value], ...]`` per experiment; the bytes are put back after each.
    """
    fd = os.open(paths.ring, os.O_RDWR)
    intact = os.pread(fd, os.fstat(fd).st_size, 0)
    for line in sys.stdin:
        for offset, value in json.loads(line):
            os.pwrite(fd, bytes([value]), offset)
        try:
            _say(_look_everywhere(paths))
        finally:
            os.pwrite(fd, intact, 0)


def _look_everywhere(paths: SegmentPaths) -> str:
    try:
        reader = RingReader.open(paths)
    except (RingUnavailable, ProtocolError) as error:
        return type(error).__name__
    outcome = "attached"
    for sequence in {int(reader.head), 1, 2, 3}:
        try:
            with reader.view(sequence) as view:  # type: ignore[arg-type]
                view.image.sum()
        except (FrameOverwritten, ProtocolError) as error:
            outcome = type(error).__name__
    reader.close()
    return outcome


ROLES: Final = {
    "writer": _play_writer,
    "reader": _play_reader,
    "consumer": _play_consumer,
    "idler": _play_idler,
    "flipper": _play_flipper,
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=ROLES)
    parser.add_argument("options", type=json.loads)
    arguments = parser.parse_args()
    options = arguments.options
    ROLES[arguments.role](segment_paths(options["name"], Path(options["directory"])), options)


if __name__ == "__main__":
    main()
