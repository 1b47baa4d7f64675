"""A directory's file system is read out of the kernel's list of mounts."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from shared.ring.filesystem import filesystem_of

SHM = "/dev/shm"  # noqa: S108 - no file is made there
MOUNTS = rb"""27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
24 27 0:6 / /dev rw,relatime - devtmpfs devtmpfs rw,mode=755
25 24 0:23 / /dev/shm rw,relatime shared:7 master:1 - tmpfs tmpfs rw,size=65536k
26 27 0:30 / /mnt/a\040disk rw - xfs /dev/vdb rw
28 27 0:31 / /mnt/twice rw - ext4 /dev/vdc rw
29 28 0:32 / /mnt/twice rw - tmpfs tmpfs rw
"""


@pytest.mark.parametrize(
    ("directory", "kind"),
    [
        (SHM, "tmpfs"),
        (SHM + "/cameras", "tmpfs"),
        (SHM + "other", "devtmpfs"),
        ("/var/cameras", "ext4"),
        ("/mnt/a disk/cameras", "xfs"),
        ("/mnt/twice", "tmpfs"),
    ],
)
def test_longest_mount_point_above_a_directory_counts(directory: str, kind: str) -> None:
    assert filesystem_of(Path(directory), MOUNTS) == kind


def test_link_is_followed(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(SHM)

    assert filesystem_of(link, MOUNTS) == "tmpfs"


def test_without_a_list_nothing_is_known() -> None:
    assert filesystem_of(Path(SHM), b"") == ""


def test_kernels_own_list_says_what_stat_says(tmp_path: Path) -> None:
    for directory in (Path(SHM), tmp_path):
        command = ("stat", "--file-system", "--format=%T", str(directory))
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        kind = filesystem_of(directory)
        assert told.startswith(kind[:3]), (told, kind)  # ext2/ext3, overlayfs: not quite the same
