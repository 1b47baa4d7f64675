"""Which bytes of a frame a client is sent, by its framing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.api import mjpeg
from services.api.client import Client
from services.api.encoded import framed
from services.api.framing import MultipartAhead, MultipartFraming
from services.api.variant import parse_options
from shared.frame import Epoch, FrameInfo, Geometry, MonotonicNs, PixelFormat, Sequence
from shared.settings_stream import StreamSettings

if TYPE_CHECKING:
    from services.api.framing import Framing

AT = MonotonicNs(10**12)
INFO = FrameInfo(Epoch(7), Sequence(3), AT, AT, Geometry(64, 48, PixelFormat.JPEG), 4)
PICTURE = b"\xff\xd8picture\xff\xd9"
FRAME = framed(INFO, PICTURE)
CLIENT = Client("1", "192.0.2.1", "mjpeg", parse_options({}, StreamSettings()))


def sent(framing: Framing) -> bytes:
    pieces = framing.pieces(FRAME, CLIENT)
    return framing.lead + b"".join(part.read(start, end) for part, start, end in pieces)


def test_a_part_has_its_header_and_its_trailer() -> None:
    header = mjpeg.part_header(len(PICTURE), FRAME.headers)
    assert sent(MultipartFraming()) == mjpeg.LEAD + header + PICTURE + mjpeg.TRAILER


def test_ahead_the_next_header_follows_the_picture_at_once() -> None:
    expected = mjpeg.ADVANCE_LEAD + PICTURE + mjpeg.TRAILER + mjpeg.NEXT_HEADER
    assert sent(MultipartAhead()) == expected


@pytest.mark.parametrize(
    ("framing", "closing"),
    [(MultipartFraming(), mjpeg.CLOSING), (MultipartAhead(), mjpeg.ADVANCE_CLOSING)],
)
def test_the_last_bytes_close_the_body(framing: Framing, closing: bytes) -> None:
    assert framing.closing is not None
    assert framing.closing.read(0, framing.closing.size_bytes) == closing
