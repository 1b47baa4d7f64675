"""Which bytes of a frame a client is sent, by its framing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.api import mjpeg
from services.api.client import Client
from services.api.encoded import framed
from services.api.framing import MultipartAhead, MultipartFraming, MultipartTold, framing_of
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


def told(framing: Framing, **query: str) -> bytes:
    """The bytes of a part for a client that asks so."""
    client = Client("1", "192.0.2.1", "mjpeg", parse_options(query, StreamSettings()))
    client.dropped = 7
    return b"".join(part.read(start, end) for part, start, end in framing.pieces(FRAME, client))


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


def test_extra_headers_stand_behind_the_frames_own() -> None:
    part = told(MultipartTold(), extra_headers="1")
    plain = told(MultipartFraming())
    header, _, rest = part.partition(b"\r\n\r\n")
    own, _, plain_rest = plain.partition(b"\r\n\r\n")
    assert header.startswith(own + b"\r\nX-UStreamer-Online: true\r\nX-UStreamer-Dropped: 7\r\n")
    assert b"X-UStreamer-Grab-Begin-Time: 1000.000000\r\n" in header
    assert b"Encode" not in header, "nothing was encoded"
    assert rest == plain_rest


def test_zero_data_is_all_but_the_picture() -> None:
    part = told(MultipartTold(), zero_data="1")
    assert b"Content-Length: 0\r\n" in part
    assert b"X-UStreamer" not in part
    assert part.endswith(b"\r\n\r\n" + mjpeg.TRAILER)
    ahead = told(MultipartAhead(), zero_data="1", advance_headers="1")
    assert ahead == mjpeg.TRAILER + mjpeg.NEXT_HEADER


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ({}, MultipartFraming),
        ({"extra_headers": "1"}, MultipartTold),
        ({"zero_data": "1"}, MultipartTold),
        ({"advance_headers": "1", "extra_headers": "1"}, MultipartAhead),
    ],
)
def test_framing_is_as_the_client_asks(query: dict[str, str], kind: type[Framing]) -> None:
    assert type(framing_of(parse_options(query, StreamSettings()))) is kind
