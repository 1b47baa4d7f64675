"""A segment of another release: clients are told so, and served once there is a right one."""

from __future__ import annotations

import json
import struct
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shared.frame import Epoch
from shared.naming import segment_paths
from shared.ring.layout import MAJOR, MINOR, SegmentHeader
from shared.ring.segment import boot_id
from tests.support.mjpeg_client import get
from tests.support.streams import STREAM, status
from tests.support.verifier import Verifier

if TYPE_CHECKING:
    from tests.support.processes import Services

pytestmark = [pytest.mark.faults, pytest.mark.process, pytest.mark.e2e]

CRC_AT = 336


def segment_of_major(major: int) -> bytes:
    """A whole segment, but of another version."""
    header = SegmentHeader.plan(
        slots=4,
        capacity_bytes=4096,
        page_bytes=4096,
        epoch=Epoch(7),
        boot_id=boot_id(),
        writer_pid=1,
        label="another release",
    )
    head = bytearray(header.pack())
    struct.pack_into("<H", head, 8, major)
    struct.pack_into("<I", head, CRC_AT, zlib.crc32(head[:CRC_AT]))
    return bytes(head).ljust(header.total_bytes, b"\0")


@pytest.mark.parametrize("major", [MAJOR + 1, MAJOR - 1], ids=["newer", "older"])
def test_another_version_is_a_503_that_says_so_until_there_is_a_right_one(
    service: Services, major: int
) -> None:
    ring = segment_paths(service.segment).ring
    ring.write_bytes(segment_of_major(major))
    Path(ring).chmod(0o640)
    api = service.api(video__shared_memory_attach_timeout_sec=0.5)
    for path in (STREAM, f"{STREAM}/frame"):
        code, headers, body = get(api.url + path)
        assert code == 503
        assert "retry-after" in headers
        document = json.loads(body)
        assert "run the same release of both" in document["detail"]
        assert f"segment of version {major}.{MINOR} " in document["why"]
        assert f"this reader knows version {MAJOR}:" in document["why"]
    assert status(api)["condition"] == "incompatible"
    assert api.answers("/healthz") == 200
    assert f"segment of version {major}.{MINOR}" in api.said()
    service.video()
    api.wait_ready()
    with Verifier(api.url + STREAM) as client:
        client.wait_live_since(time.time(), frames=10)
    assert client.wrong == []
