"""The camera's files: is there a ring, who writes it, may we read it, what was left behind."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from services.doctor.finding import Finding, Fix, ok, problem, warning
from shared.errors import RingUnavailable
from shared.naming import segment_paths, variants_left
from shared.ring.attachment import Attachment, Condition
from shared.ring.layout import MAJOR, MINOR
from shared.ring.lock import WriterProbe

if TYPE_CHECKING:
    from pathlib import Path

    from shared.naming import SegmentPaths
    from shared.settings_schema import VideoSettings

__all__ = ["check", "ring_bytes"]

_TOPIC: Final = "ring"
_LOOK_S: Final = 2.5
"""Longer than it takes an attachment to call a writer stalled."""
_LOOK_INTERVAL_S: Final = 0.05


def ring_bytes(paths: SegmentPaths) -> int:
    """Size of what is there now; 0: nothing, or nothing we may look at."""
    try:
        return paths.ring.stat().st_blocks * 512
    except OSError:
        return 0


def check(start: str, video: VideoSettings, look_s: float = _LOOK_S) -> list[Finding]:
    """Look at one camera.

    Args:
        start: Command that starts its Video Module; empty: somebody else writes it.
        video: The ``video`` settings of that camera.
        look_s: How long to watch its heartbeat, seconds.
    """
    paths = segment_paths(video.shared_memory_name, video.shared_memory_directory)
    attachment = Attachment(paths)
    try:
        findings = [_look(attachment, start, look_s)]
    finally:
        attachment.close()
    return [*findings, *_left(paths)]


def _look(attachment: Attachment, start: str, look_s: float) -> Finding:
    """Watch until it moves, or for ``look_s``."""
    paths = attachment.paths
    reader = attachment.refresh()
    first = None if reader is None else (reader.heartbeat, reader.head)
    give_up_s = time.monotonic() + look_s
    while reader is not None and time.monotonic() < give_up_s:
        if (reader.heartbeat, reader.head) != first:
            return ok(
                _TOPIC,
                f"{paths.ring} is live: version {MAJOR}.{MINOR}, epoch {reader.epoch}, frame "
                f"{reader.head}, {reader.slots} slots, {reader.total_bytes / 2**20:.1f} MiB, "
                f"source {reader.label}, written by user {_owner(paths.ring)}.",
            )
        time.sleep(_LOOK_INTERVAL_S)
        reader = attachment.refresh()
    if attachment.condition in {Condition.STALLED, Condition.LIVE}:
        restart = Fix("shell", "docker compose restart video")
        return problem(_TOPIC, f"{paths.ring} is stalled: {attachment.why}.", restart)
    if attachment.condition is Condition.INCOMPATIBLE:
        both = Fix("shell", "docker compose up --build --force-recreate")
        return problem(_TOPIC, f"{paths.ring} cannot be read: {attachment.why}.", both)
    return _gone(attachment, start)


def _gone(attachment: Attachment, start: str) -> Finding:
    paths, why = attachment.paths, attachment.why
    fixes = (Fix("shell", start),) if start else ()
    if not paths.ring.exists():
        who = "no Video Module runs" if start else "it has no source here, so somebody else has to"
        return warning(_TOPIC, f"Nobody writes {paths.ring}: {who}.", *fixes)
    if _has_writer(paths):
        user = f'user: "{_owner(paths.ring)}"'
        same = Fix("compose.yaml", f"services:\n  video: {{{user}}}\n  api: {{{user}}}")
        text = f"{paths.ring} of user {_owner(paths.ring)} cannot be used from here: {why}."
        return problem(_TOPIC, text, same)
    text = f"{paths.ring} is stale: {why}. The next Video Module replaces it."
    return warning(_TOPIC, text, *fixes, Fix("shell", f"rm {paths.ring} {paths.lock}"))


def _has_writer(paths: SegmentPaths) -> bool:
    """Whether a process holds the lock, or may, as far as this user can tell."""
    try:
        probe = WriterProbe(paths.lock)
    except RingUnavailable:
        return paths.lock.exists()
    try:
        return probe.writer_lives()
    finally:
        probe.close()


def _owner(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return "unknown"
    return f"{status.st_uid}:{status.st_gid}"


def _left(paths: SegmentPaths) -> list[Finding]:
    """Rings of sizes and qualities that nobody encodes any more."""
    try:
        variants = variants_left(paths)
    except OSError as error:
        return [problem(_TOPIC, f"{paths.directory} cannot be listed: {error.strerror}.")]
    dead = [variant for variant in variants if variant.ring.exists() and not _has_writer(variant)]
    if not dead:
        return []
    size = sum(ring_bytes(variant) for variant in dead) / 2**20
    names = " ".join(str(variant.ring) for variant in dead)
    text = f"{len(dead)} rings of watched sizes and qualities were left over, {size:.1f} MiB."
    return [warning(_TOPIC, text, Fix("shell", f"rm {names}"))]
