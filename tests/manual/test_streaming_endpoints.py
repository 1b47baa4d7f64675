"""Tries the streaming endpoints by hand and says PASS or FAIL, for a running API or one of its own.

::

    python tests/manual/test_streaming_endpoints.py --mode shm
    python tests/manual/test_streaming_endpoints.py --mode shm --clients 15 --duration 10
    python tests/manual/test_streaming_endpoints.py --mode shm --quality auto --source clip.avi
    python tests/manual/test_streaming_endpoints.py --mode legacy
    python tests/manual/test_streaming_endpoints.py --mode feature-flag
    python tests/manual/test_streaming_endpoints.py --mode all
    python tests/manual/test_streaming_endpoints.py --mode shm --url http://camera-host:8000

Without ``--url`` it starts both services itself, on a free port and a segment of its own, and
leaves nothing behind. With ``--url``, ``--mode all`` tries what that service is set to.
Exit code: 0 all passed, 1 something failed, 2 wrong arguments. pytest finds no test in here.
"""

from __future__ import annotations

import argparse
import json
import secrets
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.support.mjpeg_client import EndOfStream, MjpegClient, ProtocolViolation, get
from tests.support.processes import Services, wait_until
from tests.support.spectator import table, watch

if TYPE_CHECKING:
    from collections.abc import Callable

SHM: Final = "/stream/video/shm"
FLAGGED: Final = "/stream/video"
NOT_RUNNING: Final = "Video Module is not running. Start it with: python -m services.video"
MODE_WORDS: Final = ("shared memory", "legacy")
UNREASONABLE: Final = 100_000
"""Clients, or seconds: refused too, and so are infinity and NaN."""

FULL_RATE: Final = 0.8
"""A client at this fraction of the camera's rate, or of the 30 fps asked for, counts as served."""


@dataclass
class Report:
    """The checks so far."""

    failed: list[str] = field(default_factory=list)

    def check(self, name: str, *, passed: bool, told: str = "") -> None:
        """Print one check and remember a failure."""
        print(f"  {'PASS' if passed else 'FAIL'}  {name}{f'  ({told})' if told else ''}")
        if not passed:
            self.failed.append(name)


def status(base: str, path: str) -> dict[str, object]:
    """The status document, or an empty one."""
    code, _, body = get(f"{base}{path}/status")
    document: dict[str, object] = json.loads(body) if code == 200 else {}
    return document


def clients_served(
    report: Report, base: str, path: str, clients: int, options: argparse.Namespace
) -> None:
    """Check that N clients at once each get the camera's rate."""
    url = f"{base}{path}?quality={options.quality}" if options.quality else base + path
    with ThreadPoolExecutor(clients) as pool:
        outcomes = list(pool.map(lambda _: watch(url, options.duration), range(clients)))
    print(table(outcomes))
    source_fps = float(str(status(base, path).get("fps", 0.0)))
    wanted = FULL_RATE * min(30.0, source_fps)
    slowest = min(outcome.fps for outcome in outcomes)
    median = statistics.median(outcome.fps for outcome in outcomes)
    name = f"{clients} client{'s' if clients > 1 else ''} at {path}"
    report.check(
        f"{name}: at least {wanted:.1f} fps each",
        passed=slowest >= wanted > 0,
        told=f"slowest {slowest:.1f}, median {median:.1f}, camera {source_fps:.1f}",
    )
    report.check(f"{name}: no errors", passed=all(not outcome.error for outcome in outcomes))


def cleanup_after_disconnects(report: Report, base: str, path: str) -> None:
    """Check that clients that leave, politely or not, are forgotten within 2 s."""
    holds(lambda: status(base, path).get("clients") == 0, 2.0)  # the watchers of before
    before = int(str(status(base, path).get("clients", 0)))
    for number in range(20):
        client = MjpegClient(base + path)
        client.next_part()
        client.abort() if number % 2 else client.close()
    report.check(
        f"20 clients that left {path} are gone within 2 s",
        passed=holds(lambda: int(str(status(base, path).get("clients", -1))) <= before, 2.0),
        told=f"{status(base, path).get('clients')} clients now",
    )


def holds(condition: Callable[[], bool], timeout_s: float) -> bool:
    """Say whether a condition comes true in time."""
    try:
        wait_until(condition, "", timeout_s)
    except AssertionError:
        return False
    return True


def endpoint(report: Report, base: str, path: str, options: argparse.Namespace) -> None:
    """Everything that is checked of one endpoint that should work."""
    clients_served(report, base, path, 1, options)
    if options.clients > 1:
        clients_served(report, base, path, options.clients, options)
    cleanup_after_disconnects(report, base, path)
    code, _, body = get(f"{base}{path}?quality=0")
    report.check("quality=0 is refused with 400", passed=code == 400 and b"1 to 100" in body)
    code, headers, _ = get(f"{base}{path}/frame")
    report.check("one fresh frame", passed=code == 200 and headers["content-type"] == "image/jpeg")


def without_video_module(report: Report, base: str) -> None:
    """Check the answer when there is no Video Module."""
    started = time.monotonic()
    code, _, body = get(base + SHM)
    told = json.loads(body).get("detail") if code == 503 else body[:80]
    report.check(
        f"{SHM} without Video Module: 503 that says how to start it",
        passed=code == 503 and told == NOT_RUNNING,
        told=f"after {time.monotonic() - started:.1f} s",
    )


def mode_shm(report: Report, services: Services | None, options: argparse.Namespace) -> None:
    """Shared memory streaming."""
    print("shared memory streaming")
    if services is None:
        endpoint(report, options.url, SHM, options)
        return
    api = services.api(video__shared_memory_attach_timeout_sec=1.0)
    without_video_module(report, api.url)
    services.video(options.source)
    api.wait_ready()
    endpoint(report, api.url, SHM, options)


def mode_legacy(report: Report, services: Services | None, options: argparse.Namespace) -> None:
    """Legacy streaming: no Video Module, the specification's backward compatibility."""
    print("legacy streaming (video.use_shared_memory=false, no Video Module)")
    if services is None:
        told = status(options.url, FLAGGED).get("mode")
        report.check(f"{FLAGGED} is in legacy mode", passed=told == "legacy", told=str(told))
        if told == "legacy":
            endpoint(report, options.url, FLAGGED, options)
        return
    api = services.api(
        shared_memory=False,
        video__shared_memory_attach_timeout_sec=1.0,
        video__source=options.source,
    ).wait_ready()
    endpoint(report, api.url, FLAGGED, options)
    without_video_module(report, api.url)
    report.check("the log says so", passed="Using legacy streaming mode" in api.said())


def mode_flag(report: Report, services: Services | None, options: argparse.Namespace) -> None:
    """The feature flag: where /stream/video leads to."""
    print("feature flag")
    if services is None:
        flagged, shared = status(options.url, FLAGGED), status(options.url, SHM)
        mode, same_ring = flagged.get("mode"), flagged.get("epoch") == shared.get("epoch")
        report.check(
            f"{FLAGGED} is what its mode says: {SHM} if shared memory, else a ring of its own",
            passed=mode in MODE_WORDS and same_ring is (mode == "shared memory"),
            told=f"mode {mode}, {'the same' if same_ring else 'another'} ring",
        )
        clients_served(report, options.url, FLAGGED, 1, options)
        return
    services.video(options.source)
    for flag, word in ((True, "shared memory"), (False, "legacy")):
        api = services.api(shared_memory=flag, video__source=options.source).wait_ready()
        told = status(api.url, FLAGGED).get("mode")
        report.check(f"flag {flag}: {FLAGGED} is {word}", passed=told == word, told=str(told))
        clients_served(report, api.url, FLAGGED, 1, options)
        said = f"Using {word} streaming mode" in api.said()
        report.check(f"flag {flag}: the log says {word}", passed=said)
        clients_served(report, api.url, SHM, 1, options)
        api.stop()


MODES: Final = {"shm": mode_shm, "legacy": mode_legacy, "feature-flag": mode_flag}


def above_zero(kind: type[int | float]) -> Callable[[str], float]:
    """What argparse takes for a number greater than 0."""

    def number(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = kind(0)
        if not 0 < value < UNREASONABLE:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number greater than 0")
        return value

    return number


def quality(text: str) -> str:
    """What argparse takes for the streams' quality."""
    if text != "auto" and text not in map(str, range(1, 101)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 100, or auto")
    return text


def http_url(text: str) -> str:
    """What argparse takes for the address of an API."""
    parts = urlsplit(text)
    if parts.scheme != "http" or not parts.hostname:
        raise argparse.ArgumentTypeError(f"{text!r} is not like http://camera-host:8000")
    return text.rstrip("/")


def arguments() -> argparse.Namespace:
    """Read the command line; wrong ones end the program with code 2."""
    parser = argparse.ArgumentParser(description="Try the streaming endpoints by hand.")
    parser.add_argument("--mode", choices=[*MODES, "all"], default="all")
    parser.add_argument(
        "--clients", type=above_zero(int), default=10, metavar="N", help="at once (10)"
    )
    parser.add_argument(
        "--duration", type=above_zero(float), default=5.0, metavar="S", help="of each watch (5)"
    )
    parser.add_argument(
        "--quality", type=quality, metavar="Q", help="1 to 100, or auto (none: the camera's)"
    )
    parser.add_argument(
        "--url", type=http_url, help="a running API; else one is started for the occasion"
    )
    parser.add_argument(
        "--source", default="pattern://1280x720@30", help="of services started here"
    )
    return parser.parse_args()


def main() -> int:
    """Run the modes asked for; returns the exit code."""
    options = arguments()
    report = Report()
    for name in MODES if options.mode == "all" else [options.mode]:
        if options.url:
            foreign_service(report, name, options)
        else:
            own_services(report, name, options)
    print(f"\n{'FAIL' if report.failed else 'PASS'}: {len(report.failed)} checks failed")
    return 1 if report.failed else 0


def foreign_service(report: Report, name: str, options: argparse.Namespace) -> None:
    """Run one mode on the service at ``--url``; that nobody answers there is a failure."""
    try:
        told = status(options.url, FLAGGED).get("mode")
        if (name, options.mode, told) == ("legacy", "all", "shared memory"):
            print("legacy streaming: left out, this service is in shared memory mode")
            return
        MODES[name](report, None, options)
    except (OSError, AssertionError, EndOfStream, ProtocolViolation, ValueError) as error:
        why = f"{type(error).__name__}: {error}"
        report.check(f"{options.url} answers as the API does", passed=False, told=why)


def own_services(report: Report, name: str, options: argparse.Namespace) -> None:
    """Run one mode on services started for it; their logs are shown if something fails."""
    with tempfile.TemporaryDirectory(prefix="ringcast-manual-") as folder:
        services = Services(Path(folder), f"manual-{secrets.token_hex(4)}")
        failed_before = len(report.failed)
        try:
            MODES[name](report, services, options)
        except (AssertionError, ProtocolViolation) as error:
            report.check(f"mode {name} can be tried at all", passed=False, told=str(error))
        finally:
            services.stop(show_logs=len(report.failed) > failed_before)
            for left in Path("/dev/shm").glob(f"{services.segment}*"):  # noqa: S108 - the real one
                left.unlink()


if __name__ == "__main__":
    sys.exit(main())
