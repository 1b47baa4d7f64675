"""Measures any stream of ours: ``python -m services.latency http://localhost:8000/stream/video``.

``shm:billiards_video`` measures the ring itself. Exit codes: 0 measured; 1 nothing, or not as long
as was wanted; 2 it was asked for wrongly.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING, Final

from services.latency.clock import ask_offset
from services.latency.errors import StreamEnded, StreamRefused
from services.latency.http_stream import Address, HttpStream
from services.latency.receiver import sightings
from services.latency.report import as_json, as_text
from services.latency.ring_stream import RingStream, place_of
from services.latency.tally import Tally
from services.video.sources.address import without_secrets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.clock_offset import Offset

__all__ = ["main"]

_RING: Final = "shm:"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print.

    Args:
        arguments: The command line; None: that of the process.

    Returns:
        The exit code.
    """
    asked = _parser().parse_args(arguments)
    tally, offset, ended = Tally(), None, ""
    try:
        token = sys.stdin.readline().strip() if asked.token == "-" else asked.token  # noqa: S105 - no secret
        if asked.url.startswith(_RING):
            received_bytes, ended = _of_ring(asked, tally)
        else:
            received_bytes, ended, offset = _of_http(asked, token, tally)
    except ValueError as error:
        sys.stderr.write(f"{asked.url.split('@')[-1]!r} {error}\n")
        return 2
    except StreamRefused as error:
        sys.stderr.write(f"{_shown(asked.url)}: {error}\n")
        return 1
    show = as_json if asked.json else as_text
    report = tally.report(received_bytes)
    sys.stdout.write(show(report, offset, _shown(asked.url), ended))
    return 0 if report.received and not ended else 1


def _of_ring(asked: argparse.Namespace, tally: Tally) -> tuple[int, str]:
    stream = RingStream(*place_of(asked.url), asked.timeout)
    ended = ""
    try:
        for frame in stream.sightings(time.monotonic() + asked.seconds):
            tally.add(frame)
    except StreamEnded as error:
        ended = str(error)
    return stream.received_bytes, ended


def _of_http(asked: argparse.Namespace, token: str, tally: Tally) -> tuple[int, str, Offset | None]:
    address = Address(asked.url, token)
    offset = ask_offset(address, asked.timeout)
    stream = HttpStream(address, asked.timeout)
    ended = ""
    try:
        for frame in sightings(stream, time.monotonic() + asked.seconds):
            tally.add(frame)
    except StreamEnded as error:
        ended = str(error)
    return stream.received_bytes, ended, offset


def _shown(url: str) -> str:
    """Without user, password and signature."""
    return url if url.startswith(_RING) else without_secrets(url)


def _duration(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= 86400:  # noqa: PLR2004 - a day
        raise ValueError(text)
    return seconds


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m services.latency",
        description="Measure age, jitter, loss, torn and repeated frames of a stream: from the "
        "code in the test pattern's pictures, else from the frames' headers.",
    )
    parser.add_argument(
        "url",
        help="http://localhost:8000/stream/video, user and password in it if need be; or "
        "shm:billiards_video, the ring itself",
    )
    parser.add_argument("--seconds", type=_duration, default=10.0, help="how long; default: 10")
    parser.add_argument("--timeout", type=_duration, default=10.0, help="silence; default: 10")
    parser.add_argument("--token", default="", help="a bearer token; - reads it from stdin")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    return parser


if __name__ == "__main__":
    sys.exit(main())
