"""The source: is it there, may we use it, does it give a picture."""

from __future__ import annotations

import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

from services.doctor.finding import Finding, Fix, Level, ok, problem
from services.video.sources import open_source
from services.video.sources.address import Kind, classify, without_secrets
from shared.errors import ConfigError, SourceError

if TYPE_CHECKING:
    from shared.settings_schema import VideoSettings

__all__ = ["check"]

_TOPIC: Final = "camera"
_BEYOND_S: Final = 5.0


def check(video: VideoSettings, *, live: bool) -> list[Finding]:
    """Open the source and take one picture, unless a Video Module has it.

    Args:
        video: The ``video`` settings of that camera.
        live: Whether a Video Module writes frames now.
    """
    try:
        label = open_source(video).label
    except ConfigError as error:
        return [problem(_TOPIC, f"{error}.")]
    address = classify(video.source)
    if live:
        return [ok(_TOPIC, f"{label} is not tried: a Video Module runs and may be using it.")]
    tried = _try(video)
    if not tried:
        return [ok(_TOPIC, f"{label} gives pictures.")]
    path = Path(address.target)
    fixes: tuple[Fix, ...] = ()
    if address.kind is Kind.DEVICE:
        fixes = _of_device(path)
    elif address.kind is Kind.FILE:
        fixes = (Fix("shell", f"VIDEO_FILE={path.absolute()} {_compose('file')}"),)
    return [Finding(_TOPIC, Level.PROBLEM, tried, fixes)]


def _compose(kind: str) -> str:
    return f"docker compose -f compose.yaml -f compose.{kind}.yaml up"


def _try(video: VideoSettings) -> str:
    """Why there is no picture; empty: there is one. Never longer than the settings allow."""
    why = ["it does not answer"]

    def take() -> None:
        try:
            source = open_source(video)
            try:
                source.open()
                source.grab()
            finally:
                source.close()
        except (SourceError, ConfigError) as error:
            why[0] = str(error)
        else:
            why[0] = ""

    patience_s = video.open_timeout_sec + video.read_timeout_sec + _BEYOND_S
    thread = threading.Thread(target=take, name="camera", daemon=True)
    thread.start()
    thread.join(patience_s)
    if thread.is_alive():
        return f"{without_secrets(video.source)}: no picture in {patience_s:g} s"
    return why[0]


def _of_device(path: Path) -> tuple[Fix, ...]:
    try:
        status = path.stat()
    except OSError:
        there = " ".join(str(each) for each in sorted(Path("/dev").glob("video*"))) or "none"
        return (
            Fix("shell", f"ls -l /dev/video*  # here: {there}"),
            Fix("compose.yaml", f'services:\n  video: {{devices: ["{path}:{path}"]}}'),
        )
    if not stat.S_ISCHR(status.st_mode):
        return ()
    group = status.st_gid
    lines = f'services:\n  video:\n    devices: ["{path}:{path}"]\n    group_add: ["{group}"]'
    return (Fix("compose.yaml", lines), Fix("shell", f"fuser -v {path}  # who has it"))
