"""``python -m services.video.healthcheck [config.json] [--camera=door]``: exit 0 when it lives.

Alive means that its newest frame or its heartbeat changes while we look, at most two seconds. A
source that is lost is no illness: the service shows blanks and tries again, and a restart would not
help.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

from services.video.camera_option import camera_option, captured_camera
from shared.errors import ConfigError, ProtocolError, RingUnavailable
from shared.naming import segment_paths
from shared.ring.reader import RingReader
from shared.settings import load_settings
from shared.settings_inputs import file_argument

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.naming import SegmentPaths

__all__ = ["find_illness", "main"]

_LOOK_S: Final = 2.0
_LOOK_INTERVAL_S: Final = 0.05


def main(arguments: Sequence[str]) -> int:
    """Check the camera that the settings name; 0 is healthy, 1 is not, and then it says why."""
    camera, others = camera_option(arguments)
    config_path, options = file_argument(others)
    try:
        settings = load_settings(config_path, arguments=options)
        video = settings.for_camera(captured_camera(settings, camera)).video
    except ConfigError as error:
        illness: str | None = str(error)
    else:
        paths = segment_paths(video.shared_memory_name, video.shared_memory_directory)
        illness = find_illness(paths)
    if illness is None:
        return 0
    sys.stderr.write(f"unhealthy: {illness}\n")
    return 1


def find_illness(paths: SegmentPaths, look_s: float = _LOOK_S) -> str | None:
    """Look at a camera's ring for up to ``look_s`` seconds.

    Returns:
        None as soon as something moves; otherwise a sentence that says what is wrong.
    """
    try:
        reader = RingReader.open(paths)
    except (RingUnavailable, ProtocolError) as error:
        return str(error)
    try:
        before = (reader.head, reader.heartbeat)
        give_up_s = time.monotonic() + look_s
        while time.monotonic() < give_up_s:
            if (reader.head, reader.heartbeat) != before:
                return None
            time.sleep(_LOOK_INTERVAL_S)
    finally:
        reader.close()
    return f"{paths.ring}: neither a frame nor a heartbeat in {look_s:g} s; the Video Module hangs"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
