"""One container per camera: ``python -m services.supervisor.compose > compose.cameras.yaml``.

Prints an override of ``compose.yaml``, which is its first line's command, from the settings in
force: a configuration file as first argument, else as everywhere, and the variables of cameras
(``RINGCAST_CAMERAS…``). ``--base=PATH`` is where ``compose.yaml`` is seen from the override,
``--isolated`` fits it to ``compose.isolated.yaml``.

No address is written into it, for there may be passwords in them: the containers get the
configuration file, and the variables by name.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from services.doctor.memory import geometry_of, need_bytes
from services.video.sources.address import Kind, classify
from shared.errors import ConfigError
from shared.settings import load_layers
from shared.settings_cameras import CAMERAS
from shared.settings_inputs import file_argument, process_environment
from shared.settings_model import variable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.settings import Layers
    from shared.settings_schema import VideoSettings

__all__ = ["main", "memory_mib", "override"]

_BASE: Final = "--base="
_ISOLATED: Final = "--isolated"
_FIRST: Final = "video"
"""The service of compose.yaml that the API waits for: it becomes the first camera's."""
_PROCESS_MIB: Final = 512
"""Beside its rings: interpreter, decoder, pictures under way."""
_UNKNOWN_MIB: Final = 1024
"""Where only the open source will tell how large its pictures are."""
_STEP_MIB: Final = 64
_MIB: Final = 2**20
_WORKDIR: Final = PurePosixPath("/app")
"""Where relative paths are looked for in the containers."""
_IN_CONTAINER: Final = str(_WORKDIR / "config.json")


def main(arguments: Sequence[str]) -> int:
    """Print the override.

    Args:
        arguments: Of the command line, without the program.

    Returns:
        The exit code: 2 where the settings are wrong, or name no camera.
    """
    base = next((each for each in arguments if each.startswith(_BASE)), f"{_BASE}compose.yaml")
    path, options = file_argument([each for each in arguments if each not in {base, _ISOLATED}])
    try:
        layers = load_layers(path, process_environment(), options)
        text = override(layers, base.removeprefix(_BASE), isolated=_ISOLATED in arguments)
    except ConfigError as error:
        sys.stderr.write(error.lines)
        return 2
    sys.stdout.write(text)
    return 0


def override(layers: Layers, base: str, *, isolated: bool = False) -> str:
    """The Compose file.

    Args:
        layers: Settings that name cameras, and where they come from.
        base: Path of ``compose.yaml`` as seen from the override.
        isolated: Whether ``compose.isolated.yaml`` is among the files.

    Raises:
        ConfigError: There is no camera to write of, or one that no container would know of.
    """
    settings = layers.settings
    names = settings.captured() if settings.cameras else []
    if not names:
        raise ConfigError(["cameras names no camera with a source: there is nothing to write"])
    if layers.arguments:
        raise ConfigError(
            ["settings of the command line do not reach the containers: write them to a file"]
        )
    rings = sum(memory_mib(settings.for_camera(name).video, 1) for name in names)
    between = " -f compose.isolated.yaml" if isolated else ""
    lines = [
        f"# docker compose -f compose.yaml{between} -f compose.cameras.yaml up",
        "# Written by `python -m services.supervisor.compose`: after a change of cameras, again.",
        f"# All rings together take {rings} MiB; twice that while all of them grow"
        + (": SHM_SIZE." if isolated else ", of the host's /dev/shm."),
        "x-cameras: &cameras",
        *_environment(layers, "  "),
        "services:",
    ]
    for index, name in enumerate(names):
        lines += _service(layers, name, base, first=index == 0, isolated=isolated)
    lines += ["  api:", "    environment:", "      <<: *cameras"]
    lines += _volumes(_config_file(layers, base))
    return "\n".join(lines) + "\n"


def memory_mib(video: VideoSettings, rings: int = 2) -> int:
    """MiB that rings of a camera take, in steps; as far as the settings tell its size.

    Args:
        video: ``video`` as the camera has it.
        rings: How many; two there are while one grows.
    """
    ring = need_bytes(video, geometry_of(video)[0])
    return _STEP_MIB * -(-rings * ring // (_STEP_MIB * _MIB))


def _limit_mib(video: VideoSettings) -> int:
    mib = _PROCESS_MIB + memory_mib(video)
    known = classify(video.source).kind is Kind.PATTERN
    return mib if known else max(mib, _UNKNOWN_MIB)


def _service(layers: Layers, name: str, base: str, *, first: bool, isolated: bool) -> list[str]:
    video = layers.settings.for_camera(name).video
    camera = f"--camera={name}"
    lines = [f"  {_FIRST if first else f'{_FIRST}-{name}'}:"]
    if not first:
        lines.append(f"    extends: {{file: {_text(base)}, service: {_FIRST}}}")
    check = ["CMD", "python", "-m", "services.video.healthcheck", camera]
    lines += [
        f"    command: {_text(['python', '-m', 'services.video', camera])}",
        f"    healthcheck: {{test: {_text(check)}}}",
        f'    mem_limit: "${{VIDEO_MEMORY:-{_limit_mib(video)}m}}"',
    ]
    mounts = _config_file(layers, base)
    address = classify(video.source)
    if address.kind is Kind.DEVICE:
        device = _text(f"{address.target}:{address.target}")
        lines += [f"    devices: [{device}]", '    group_add: ["${VIDEO_GID:-44}"]']
    elif address.kind is Kind.FILE:
        mounts[str(Path(address.target).absolute())] = str(_WORKDIR / address.target)
    if isolated and not first:
        lines.append("    ipc: private")
    lines += ["    environment:", "      <<: *cameras"]
    return lines + _volumes(mounts, "memory:/dev/shm:nocopy" if isolated and not first else "")


def _environment(layers: Layers, indent: str) -> list[str]:
    """What every container is told, variables of cameras by name only."""
    of_cameras = variable((CAMERAS,))
    names = sorted(name for name in layers.environ if name.upper().startswith(of_cameras))
    segment = _text(layers.settings.video.shared_memory_name)
    return [
        f"{indent}{variable(('video', 'shared_memory_name'))}: {segment}",
        f'{indent}VIDEO_SOURCE: "${{VIDEO_SOURCE:-}}"',
        *(f"{indent}{name}:  # as it is where `up` is run" for name in names),
    ]


def _config_file(layers: Layers, base: str) -> dict[str, str]:
    """The configuration file and its place in the containers."""
    if layers.path is None:
        return {}
    folder = Path(base).absolute().parent
    path = layers.path.absolute()
    near = path.is_relative_to(folder)
    return {f"./{path.relative_to(folder)}" if near else str(path): _IN_CONTAINER}


def _volumes(mounts: Mapping[str, str], more: str = "") -> list[str]:
    """Files that are read, in the long form: the short one makes a directory of what is missing."""
    lines = [
        f"      - {{type: bind, source: {_text(source)}, target: {_text(target)}, read_only: true}}"
        for source, target in mounts.items()
    ]
    lines += [f"      - {_text(more)}"] if more else []
    return ["    volumes:", *lines] if lines else []


def _text(value: object) -> str:
    """In YAML, of which JSON is a part; Compose takes a dollar sign that is written twice."""
    return json.dumps(value, ensure_ascii=False).replace("$", "$$")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
