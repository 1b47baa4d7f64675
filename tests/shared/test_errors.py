"""The tree of errors: as drawn, complete, and able to travel between processes."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import pytest

from shared import errors
from shared.errors import (
    ConfigError,
    FrameDamaged,
    FrameOverwritten,
    RingcastError,
    RingSpaceError,
    RingUnavailable,
    VideoModuleNotAvailableError,
    WriterConflict,
)

RING = Path("/dev/shm/camera.ring")  # noqa: S108 - never opened


def drawn_tree() -> dict[str, str]:
    """Read class and base from the drawing in the module's docstring."""
    assert errors.__doc__ is not None
    bases: dict[str, str] = {}
    branch: list[str] = []
    for line in errors.__doc__.splitlines():
        found = re.match(r"^    ((?:[│ ]   )*(?:[├└]── )?)([A-Z][A-Za-z]+)", line)
        if found is not None:
            depth = len(found[1]) // 4
            branch[depth:] = [found[2]]
            bases[found[2]] = branch[depth - 1] if depth else "Exception"
    return bases


def test_the_tree_drawn_in_the_docstring_is_the_tree_of_the_classes() -> None:
    classes = {
        name: thing.__bases__[0].__name__
        for name, thing in vars(errors).items()
        if isinstance(thing, type) and issubclass(thing, Exception)
    }
    assert drawn_tree() == classes


def test_the_public_list_is_complete() -> None:
    assert sorted(errors.__all__) == sorted(drawn_tree())


@pytest.mark.parametrize(
    "error",
    [
        ConfigError(["one", "two"]),
        RingUnavailable(RING, "no such file"),
        VideoModuleNotAvailableError(RING, "no such file"),
        WriterConflict(RING),
        RingSpaceError(RING.parent, 10, 5, "Free some."),
        FrameOverwritten(3, 11),
        FrameDamaged(3, 0x11, 0x22),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_with_fields_survives_the_way_out_of_a_worker_process(
    error: RingcastError,
) -> None:
    arrived = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes

    assert type(arrived) is type(error)
    assert str(arrived) == str(error)
    assert vars(arrived) == vars(error)


def test_a_missing_video_module_says_how_to_start_it() -> None:
    error = VideoModuleNotAvailableError(RING, "no such file")

    assert str(error).startswith(
        "Video Module is not running. Start it with: python -m services.video"
    )
    assert str(RING) in str(error)


def test_lack_of_room_names_directory_need_and_free_room() -> None:
    error = RingSpaceError(Path("/shm"), 3 * 2**20, 2**20, "Lower RINGCAST_VIDEO__RING__SLOTS.")

    assert str(error) == (
        "not enough shared memory in /shm: need 3145728 bytes (3.0 MiB, reserve included), "
        "free 1048576 bytes (1.0 MiB). Lower RINGCAST_VIDEO__RING__SLOTS."
    )


def test_wrong_settings_are_written_line_by_line() -> None:
    error = ConfigError(["one is wrong", "two is wrong"])
    assert error.lines == "ringcast: one is wrong\nringcast: two is wrong\n"
