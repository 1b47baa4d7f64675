"""One soak, from the first steady client to the last file: who is there, and what is done."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from benchmarks.processes import STREAM
from benchmarks.soak_crowd import Aborters, Crowd, Pollers
from benchmarks.soak_events import Event, Faults, schedule
from benchmarks.soak_samples import Sample, Sampler
from benchmarks.soak_steady import SteadyClient

if TYPE_CHECKING:
    from benchmarks.processes import Services

__all__ = ["STEADY", "Record", "soak"]

STEADY: Final = {"": None, "?quality=85": 15.0, "?quality=60": None, "?width=480": 15.0}
"""What the steady clients ask for, all large enough for the number in the picture to be read, and
after how many seconds they leave and come back: a new worker gets new clients only, and one that is
killed is to have a steady client."""
_TICK_S: Final = 0.25
_LONGEST_INTERVAL_S, _SAMPLES = 5.0, 90


@dataclass
class Record:
    """What a soak leaves behind.

    Attributes:
        duration_s: How long it was to take.
        samples: In order.
        events: What was done when.
        steady: The clients that were there all the time.
        started_s: When it began, ``time.monotonic()``.
        ended_s: How long it took in the end.
        rest: Samples before the crowd came and after it had left.
        counts: Answers, clients that came, and the like.
        zero: What must be 0, and how often it was looked for.
        left_behind: Files in the segments' directory after both services had ended.
    """

    duration_s: float
    samples: list[Sample] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    steady: list[SteadyClient] = field(default_factory=list)
    started_s: float = 0.0
    ended_s: float = 0.0
    rest: list[Sample] = field(default_factory=list)
    counts: dict[str, Any] = field(default_factory=dict)
    zero: dict[str, tuple[int, int]] = field(default_factory=dict)
    left_behind: list[str] = field(default_factory=list)


def soak(running: Services, record: Record, seed: int) -> None:
    """Run for ``record.duration_s`` and fill the record.

    Args:
        running: Both services, ready; they are ended here.
        record: An empty one; what was measured is in it even when this is interrupted.
        seed: Of everything that happens at random.
    """
    chance = random.Random(seed)  # noqa: S311 - repeatable, nothing to be kept secret
    base = f"http://127.0.0.1:{running.port}{STREAM}"
    record.steady = [SteadyClient(base + query, stay_s) for query, stay_s in STEADY.items()]
    record.started_s = time.monotonic()
    faults = Faults(running, schedule(record.duration_s), record.started_s)
    record.events = faults.done
    sampler = Sampler(running, record.steady, record.started_s)
    try:
        sampler.wait_for_workers()
        for client in record.steady:
            client.start()
        record.rest.append(sampler.rest())
        _crowded(running.port, record, sampler, faults, chance)
        record.rest.append(sampler.rest())
    finally:
        faults.resume()
        record.ended_s = time.monotonic() - record.started_s
        for client in record.steady:
            client.leave()
        _count_steady(record)
    record.left_behind = [path.name for path in running.end()]


def _crowded(
    port: int, record: Record, sampler: Sampler, faults: Faults, chance: random.Random
) -> None:
    crowd, aborters, pollers = Crowd(port, chance), Aborters(port, chance), Pollers(port, chance)
    interval_s = min(_LONGEST_INTERVAL_S, max(1.0, record.duration_s / _SAMPLES))
    pollers.start()
    try:
        while (now_s := time.monotonic() - record.started_s) < record.duration_s:
            faults.tend()
            crowd.stir()
            aborters.stir()
            if now_s >= interval_s * (len(record.samples) + 1):
                record.samples.append(sampler.sample(crowd.size))
                _say(record)
            time.sleep(_TICK_S)
    finally:
        for leaver in (crowd, aborters, pollers):
            leaver.leave()
        answers = {str(code): count for code, count in sorted(pollers.answers.items())}
        record.counts |= {"clients": crowd.came, "aborted": aborters.came, "answers": answers}
        record.counts["unexpected_answers"] = pollers.unexpected[:5]
        asked = sum(pollers.answers.values())
        record.zero["answers other than 200, 429, 503"] = (len(pollers.unexpected), asked)


def _count_steady(record: Record) -> None:
    steady = record.steady
    frames = sum(len(client.arrivals_s) for client in steady)
    checked = sum(client.checked for client in steady)
    record.zero["wrong pictures"] = (sum(client.wrong for client in steady), checked)
    record.zero["numbers that went back"] = (sum(client.backwards for client in steady), frames)
    record.counts |= {
        "steady_frames": frames,
        "checked": checked,
        "cuts_of_steady_clients_s": sorted(
            round(at_s - record.started_s, 1) for client in steady for at_s in client.cuts_s
        ),
        "refusals_of_steady_clients": sum(client.refusals for client in steady),
        "complaints": [words for client in steady for words in client.complaints],
    }


def _say(record: Record) -> None:
    """One line per sample to whoever looks on."""
    sample = record.samples[-1]
    memory = {one.kind: f"{one.private_mb:.0f}" for one in sample.processes}
    newest = f"{record.events[-1].kind} at {record.events[-1].at_s:g} s" if record.events else "-"
    fps = "/".join(f"{rate:.0f}" for rate in sample.fps)
    print(
        f"{sample.at_s:7.1f} s  {sample.clients:3d} clients  fps {fps}  age {sample.ages_ms} ms  "
        f"MB {memory}  shm {sample.shm_files} files {sample.shm_mb:.1f} MB  {newest}",
        flush=True,
    )
