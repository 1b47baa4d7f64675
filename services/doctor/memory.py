"""Shared memory: is it there, is it memory, is it enough for what the source gives."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Final

from services.doctor.finding import Finding, Fix, ok, problem, warning
from services.video.sources.address import Kind, classify
from services.video.sources.pattern import parse_pattern
from shared.frame import Epoch, Geometry, PixelFormat
from shared.ring.filesystem import IN_MEMORY, filesystem_of
from shared.ring.layout import SegmentHeader

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.settings_schema import VideoSettings

__all__ = ["check", "geometry_of", "need_bytes"]

_TOPIC: Final = "shared memory"
_UNKNOWN: Final = Geometry(1920, 1080, PixelFormat.BGR24)
_MIB: Final = 2**20
_SPARE: Final = 1.25
"""Beside two rings, for sizes and qualities that are watched."""
_STEP_MIB: Final = 64


def check(cameras: Mapping[str, VideoSettings], there: int) -> list[Finding]:
    """Look at the directory, and whether there is room for all rings together.

    Args:
        cameras: The ``video`` settings of every camera that is written from here; at least one.
        there: Bytes that their rings take there already.
    """
    video = next(iter(cameras.values()))
    directory = video.shared_memory_directory
    try:
        room = shutil.disk_usage(directory)
    except OSError as error:
        text = f"{directory} cannot be looked at: {error.strerror}."
        setting = "RINGCAST_VIDEO__SHARED_MEMORY_DIRECTORY=/dev/shm"
        return [problem(_TOPIC, text, Fix("environment", setting))]
    findings = [_kind(video)]
    if not os.access(directory, os.W_OK | os.X_OK):
        text = f"User {os.geteuid()} may not write {directory}, as a Video Module has to."
        shell = Fix("shell", f"chown {os.geteuid()} {directory}")
        findings.append(warning(_TOPIC, text, shell))
    return [*findings, _room(cameras, room.total, room.free, there)]


def _kind(video: VideoSettings) -> Finding:
    directory = video.shared_memory_directory
    kind = filesystem_of(directory)
    if kind in IN_MEMORY:
        return ok(_TOPIC, f"{directory} is a {kind}.")
    text = f"{directory} is on {kind or 'a file system of unknown kind'}, not in memory."
    return warning(_TOPIC, text, *_larger(_STEP_MIB * 8))


def geometry_of(video: VideoSettings) -> tuple[Geometry, str]:
    """What the source gives, as far as the settings tell, and how that is known."""
    try:
        address = classify(video.source)
        if address.kind is Kind.PATTERN:
            spec = parse_pattern(address.target)
            return Geometry(spec.width, spec.height, PixelFormat.BGR24), "as the pattern says"
    except ValueError:
        return _UNKNOWN, "assumed"
    wished = video.device
    if address.kind is Kind.DEVICE and wished.width and wished.height:
        return Geometry(wished.width, wished.height, PixelFormat.BGR24), "as video.device wishes"
    return _UNKNOWN, "assumed: the source's size is known once it is open"


def need_bytes(video: VideoSettings, geometry: Geometry) -> int:
    """Size of the ring's file for pictures of this geometry."""
    return SegmentHeader.plan(
        slots=video.ring.slots,
        capacity_bytes=geometry.size_bytes,
        page_bytes=os.sysconf("SC_PAGESIZE"),
        epoch=Epoch(1),
        boot_id=bytes(16),
        writer_pid=0,
        label="",
    ).total_bytes


def _room(cameras: Mapping[str, VideoSettings], total: int, free: int, there: int) -> Finding:
    many = len(cameras) > 1
    what = "all rings" if many else "the ring"
    rings, sums = [], []
    for name, video in cameras.items():
        geometry, known = geometry_of(video)
        rings.append(need_bytes(video, geometry))
        sums.append(
            (f"{name}: " if many else "")
            + f"{geometry.width}x{geometry.height}x{geometry.pixel_format.channels} bytes ({known})"
            f" x {video.ring.slots} slots = {rings[-1] / _MIB:.1f} MiB"
        )
    reserve_mb = max(video.ring.reserve_mb for video in cameras.values())
    reserve = reserve_mb * _MIB
    need, available = sum(rings) + reserve, free + there
    told = (
        f"{'; '.join(sums)}, + {reserve_mb} MiB reserve "
        f"= {need / _MIB:.1f} MiB; free are {free / _MIB:.1f} of {total / _MIB:.1f} MiB"
    )
    if there:
        told += f", and {what} there now take{'' if many else 's'} {there / _MIB:.1f} MiB"
    wanted = _STEP_MIB * -(-int((2 * sum(rings) + reserve) * _SPARE / _MIB) // _STEP_MIB)
    if need > available:
        return problem(_TOPIC, f"Not enough: {told}.", *_larger(wanted))
    if max(rings) + need > available:
        text = f"Enough for {what}, but not for a second one beside it while it grows: {told}."
        return warning(_TOPIC, text, *_larger(wanted))
    return ok(_TOPIC, f"Enough: {told}.")


def _larger(mib: int) -> tuple[Fix, ...]:
    # No shm_size with ipc: shareable: the API would keep the old memory when video is made anew.
    isolated = f"SHM_SIZE={mib}m docker compose -f compose.yaml -f compose.isolated.yaml up"
    host = "services:\n  video: {ipc: host}\n  api: {ipc: host}"
    kubernetes = (
        f"volumes:\n- name: shm\n  emptyDir: {{medium: Memory, sizeLimit: {mib}Mi}}\n"
        "# in video and api:\nvolumeMounts:\n- {name: shm, mountPath: /dev/shm}"
    )
    remount = f"mount -o remount,size={mib}m /dev/shm"
    return (
        Fix("compose.yaml, the host's memory", host),
        Fix("compose.isolated.yaml, a memory of their own", isolated),
        Fix("Kubernetes", kubernetes),
        Fix("shell, on the host", remount),
    )
