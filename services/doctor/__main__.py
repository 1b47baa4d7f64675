"""What is wrong here, and what would fix it: ``python -m services.doctor [config.json]``.

Takes the settings as every program does, ``--video.source=…`` too; ``--json`` is for machines. Exit
codes: 0 all is well; 1 warnings; 2 problems.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from services.doctor import camera, machine, memory, network, ring
from services.doctor.finding import Finding, Level, problem
from services.doctor.report import as_json, as_text, worst
from shared.errors import ConfigError
from shared.naming import segment_paths
from shared.settings import load_settings
from shared.settings_inputs import file_argument

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.settings import Settings
    from shared.settings_schema import VideoSettings

__all__ = ["examine", "main"]

_JSON: Final = "--json"


def main(arguments: Sequence[str]) -> int:
    """Look at everything and print it.

    Args:
        arguments: Of the command line, without the program.

    Returns:
        The exit code.
    """
    config_path, options = file_argument([each for each in arguments if each != _JSON])
    try:
        findings = examine(load_settings(config_path, arguments=options))
    except ConfigError as error:
        findings = [problem("settings", text) for text in error.problems]
    sys.stdout.write((as_json if _JSON in arguments else as_text)(findings))
    return int(worst(findings))


def examine(settings: Settings) -> list[Finding]:
    """Everything that can be found out about a machine with these settings."""
    names = list(settings.camera_segments())
    captured = {name: settings.for_camera(name).video for name in settings.captured()}
    found = machine.check(settings.api)
    if captured:
        found += memory.check(captured, sum(map(_ring_bytes, captured.values())))
    with ThreadPoolExecutor(len(names)) as pool:  # each may wait for seconds
        for findings in pool.map(partial(_examine_camera, settings), names):
            found += findings
    return [*found, *network.check_port(settings.api)]


def _examine_camera(settings: Settings, name: str) -> list[Finding]:
    """What can be found out about one camera."""
    video, captured = settings.for_camera(name).video, name in settings.captured()
    start = f"python -m services.video{f' --camera={name}' if settings.cameras else ''}"
    if not settings.cameras:
        start = f"RINGCAST_VIDEO__SHARED_MEMORY_NAME={video.shared_memory_name} {start}"
    rings = ring.check(start if captured else "", video)
    found = [*rings, *network.check_notifications(video)]
    if captured:
        found += camera.check(video, live=rings[0].level is Level.OK)
    if not settings.cameras:
        return found
    return [replace(finding, topic=f"{finding.topic} of {name}") for finding in found]


def _ring_bytes(video: VideoSettings) -> int:
    return ring.ring_bytes(segment_paths(video.shared_memory_name, video.shared_memory_directory))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
