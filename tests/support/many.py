"""An API with many cameras, whose rings one process writes."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from tests.support.processes import Child

if TYPE_CHECKING:
    from tests.support.processes import Api, Services

__all__ = ["api_of", "beside_video", "cameras_of", "segment_of"]


def segment_of(service: Services, camera: str) -> str:
    """Name of the segment of a camera beside the default one."""
    return f"{service.segment}-{camera}"


def beside_video(segments: dict[str, str]) -> str:
    """The setting ``cameras``: the default camera ``video``, and these by name and segment."""
    others = {name: {"shared_memory_name": segment} for name, segment in segments.items()}
    return json.dumps({"video": {}} | others)


def api_of(service: Services, names: list[str], **settings: object) -> Api:
    """An API with these cameras beside the default one, each in the segment that is its own."""
    others = {name: segment_of(service, name) for name in names}
    given = {"cameras": beside_video(others), **settings}
    return service.api(**given).wait_ready()  # type: ignore[arg-type]  # settings by name


def cameras_of(service: Services, names: list[str], fps: float, **settings: object) -> Api:
    """The same with pictures in all of them, the default one among them."""
    segments = [service.segment, *(segment_of(service, name) for name in names)]
    command = [sys.executable, "-m", "tests.support.many_rings", str(fps), *segments]
    service.children.append(Child(command, service.environment({}), service.log("many")))
    return api_of(service, names, **settings)
