"""Whose files a process believes: anybody may make files in ``/dev/shm``, under any name.

Believed are files of this process's own user, of root, and of a group this process is in; root
believes everybody. So a stranger who was first to take a camera's name cannot show pictures of
their own, or seem to be its writer. A group counts because services of different users share one
on purpose, and nobody can give a file to a group they are not in. Source: chown(2), credentials(7).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..errors import RingUnavailable

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["check_owner"]


def check_owner(path: Path, status: os.stat_result) -> None:
    """Refuse a stranger's file.

    Args:
        path: As it was opened.
        status: Of the descriptor, not of the name: that may mean another file by now.

    Raises:
        RingUnavailable: It belongs to a stranger; the right one may still take its place.
    """
    user = os.geteuid()
    groups = {os.getegid(), *os.getgroups()}
    if user == 0 or status.st_uid in {user, 0} or status.st_gid in groups:
        return
    raise RingUnavailable(
        path,
        f"belongs to user {status.st_uid}, group {status.st_gid}, and is not believed: allowed are "
        f"this user ({user}), root, and the groups of this user; have it removed, and run video "
        "and api as one user or with a group in common",
    )
