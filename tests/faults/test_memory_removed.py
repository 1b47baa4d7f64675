"""Somebody removes a camera's files, one or all of them: they are made anew, and no stream ends."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.support.mjpeg_client import get
from tests.support.processes import wait_until
from tests.support.streams import STREAM, status
from tests.support.verifier import Verifier

if TYPE_CHECKING:
    from tests.support.processes import Api, Services

pytestmark = [pytest.mark.faults, pytest.mark.process, pytest.mark.e2e]

SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - the kernel's own tmpfs, not a temp file
FILES: Final = ("ring", "lock", "sock")


def inodes(segment: str) -> dict[str, int]:
    """Inode of each of the camera's three files; those that are missing are left out."""
    found = {kind: SHARED_MEMORY / f"{segment}.{kind}" for kind in FILES}
    return {kind: path.stat().st_ino for kind, path in found.items() if path.exists()}


def remove(segment: str, kinds: tuple[str, ...]) -> None:
    for kind in kinds:
        (SHARED_MEMORY / f"{segment}.{kind}").unlink()


def remove_all(segment: str) -> None:
    """What ``rm /dev/shm/<name>*`` does: the rings of variants too."""
    for path in SHARED_MEMORY.glob(f"{segment}*"):
        path.unlink(missing_ok=True)


def seconds_until_back(segment: str, before: dict[str, int], gone: tuple[str, ...]) -> float:
    started_s = time.monotonic()

    def back() -> bool:
        now = inodes(segment)
        return set(now) == set(FILES) and all(now[kind] != before[kind] for kind in gone)

    wait_until(back, f"{gone} to be made anew", 10.0)
    return time.monotonic() - started_s


def attached_and_notified(api: Api) -> tuple[int, int]:
    document = status(api)
    return document["attached"], document["notifications"]


@pytest.mark.parametrize("gone", [*((kind,) for kind in FILES), FILES], ids="+".join)
def test_removed_files_are_made_anew_and_streams_go_on(
    service: Services, gone: tuple[str, ...]
) -> None:
    api = service.both()
    with Verifier(api.url + STREAM) as client:
        client.wait_live_since(time.time())
        before, (attached, _) = inodes(service.segment), attached_and_notified(api)
        at_s = time.time()
        if gone == FILES:
            remove_all(service.segment)
        else:
            remove(service.segment, gone)
        made_s = seconds_until_back(service.segment, before, gone)
        live_s = client.wait_live_since(time.time())
        wanted = attached + ("ring" in gone)
        wait_until(lambda: attached_and_notified(api)[0] == wanted, "the API to re-attach", 10.0)
        again_s = time.time() - at_s
        heard = attached_and_notified(api)[1]
        wait_until(lambda: attached_and_notified(api)[1] > heard + 5, "notifications", 10.0)
        client.wait_live_since(time.time())
    print(  # noqa: T201 - the numbers of docs/operating.md
        f"\n{'+'.join(gone)} removed: made anew after {made_s:.2f} s, all attached after "
        f"{again_s:.2f} s; next live frame {live_s:.2f} s later; {client.live} pictures checked, "
        f"{len(client.wrong)} wrong, {client.blanks} blanks"
    )
    assert client.wrong == []
    assert (client.connects, client.blanks) == (1, 0)


def test_new_clients_find_the_camera_while_its_files_are_gone(service: Services) -> None:
    """Who asks within that second is served from the memory that the worker still holds."""
    api = service.both()
    before = inodes(service.segment)
    remove_all(service.segment)
    for _ in range(10):
        assert get(f"{api.url}{STREAM}/frame")[0] == 200
    seconds_until_back(service.segment, before, FILES)
    assert get(f"{api.url}{STREAM}/frame")[0] == 200
