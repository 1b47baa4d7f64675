from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from services.doctor.finding import Level
from services.doctor.ring import check, ring_bytes
from shared.frame import Geometry, MonotonicNs, PixelFormat
from shared.naming import segment_paths, variant_paths
from shared.ring.writer import RingWriter
from shared.settings_schema import VideoSettings
from tests.support.processes import wait_until
from tests.support.users import as_user

if TYPE_CHECKING:
    from tests.support.processes import Services

START = "python -m services.video"


def of(segment: str) -> VideoSettings:
    return VideoSettings(shared_memory_name=segment)


def write(writer: RingWriter) -> None:
    slot = writer.begin(Geometry(64, 48, PixelFormat.GRAY8))
    slot.image[:] = 0
    writer.commit(slot, MonotonicNs(time.monotonic_ns()))


def test_nobody_is_a_warning_that_says_how_to_start(segment_name: str) -> None:
    (found,) = check(START, of(segment_name))
    assert found.level is Level.WARNING
    assert found.fixes[0].lines == START


def test_what_somebody_else_writes_is_not_to_be_started_here(segment_name: str) -> None:
    (found,) = check("", of(segment_name))
    assert found.level is Level.WARNING
    assert found.fixes == ()


@pytest.mark.process
def test_live_then_killed_is_stale(service: Services, segment_name: str) -> None:
    paths = segment_paths(segment_name)
    child = service.video("pattern://64x64@30")
    wait_until(paths.ring.exists, "a ring")
    (found,) = check(START, of(segment_name), 10.0)
    assert found.level is Level.OK
    assert "pattern://64x64@30" in found.text
    child.kill()
    found = check(START, of(segment_name))[0]
    assert found.level is Level.WARNING
    assert "stale" in found.text
    assert str(paths.ring) in found.fixes[-1].lines
    for path in (paths.ring, paths.lock, paths.socket):
        path.unlink(missing_ok=True)


@pytest.mark.slow
def test_a_writer_that_does_not_move_is_stalled(segment_name: str) -> None:
    with RingWriter(segment_paths(segment_name), slots=2) as writer:
        write(writer)
        found = check(START, of(segment_name))[0]
    assert found.level is Level.PROBLEM
    assert "stalled" in found.text


def test_rings_of_variants_that_nobody_writes_are_left_over(segment_name: str) -> None:
    paths = variant_paths(segment_paths(segment_name), "q50")
    paths.ring.write_bytes(bytes(4096))
    found = check(START, of(segment_name))[-1]
    assert found.level is Level.WARNING
    assert found.fixes[0].lines == f"rm {paths.ring}"
    assert ring_bytes(paths) == 4096
    paths.ring.unlink()


def test_another_users_ring_says_whose_it_is(segment_name: str) -> None:
    with RingWriter(segment_paths(segment_name), slots=2) as writer:
        write(writer)
        program = (
            "from services.doctor.ring import check\n"
            "from shared.settings_schema import VideoSettings\n"
            "found = check('', VideoSettings(shared_memory_name=sys.argv[1]))[0]\n"
            "print(found.level.name, found.text, found.fixes[0].lines)"
        )
        preamble = "import services.doctor.ring, shared.settings_schema\n"
        done = as_user(segment_name, 12345, (12345,), program, preamble)
    assert done.stdout.startswith("PROBLEM"), done.stderr
    assert 'user: "0:0"' in done.stdout
