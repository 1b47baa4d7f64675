"""What is wrong here, and what would fix it: ``python -m services.doctor [config.json]``.

Takes the settings as every program does, ``--video.source=…`` too; ``--json`` is for machines. Exit
codes: 0 all is well; 1 warnings; 2 problems.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from services.doctor import camera, machine, memory, network, ring
from services.doctor.finding import Finding, Level, problem
from services.doctor.report import as_json, as_text, worst
from shared.errors import ConfigError
from shared.naming import segment_paths
from shared.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.settings import Settings

__all__ = ["examine", "main"]

_JSON: Final = "--json"


def main(arguments: Sequence[str]) -> int:
    """Look at everything and print it.

    Args:
        arguments: Of the command line, without the program.

    Returns:
        The exit code.
    """
    options = [argument for argument in arguments if argument != _JSON]
    config_path = Path(options.pop(0)) if options and not options[0].startswith("-") else None
    try:
        findings = examine(load_settings(config_path, arguments=options))
    except ConfigError as error:
        findings = [problem("settings", text) for text in error.problems]
    sys.stdout.write((as_json if _JSON in arguments else as_text)(findings))
    return int(worst(findings))


def examine(settings: Settings) -> list[Finding]:
    """Everything that can be found out about a machine with these settings."""
    video, found = settings.video, machine.check(settings.api)
    default = segment_paths(video.shared_memory_name, video.shared_memory_directory)
    found += memory.check(video, ring.ring_bytes(default))
    live = False
    for name in dict.fromkeys(settings.camera_segments().values()):
        rings = ring.check(name, video)
        live = live or (name == default.name and rings[0].level is Level.OK)
        found += [*rings, *network.check_notifications(name, video)]
    return [*found, *network.check_port(settings.api), *camera.check(video, live=live)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
