from __future__ import annotations

import pytest

from services.api.client import Client
from services.api.encoded import Made, framed
from services.api.encoding import Encoding
from services.api.framing import Unframeable
from services.api.variant import StreamOptions, Variant
from services.api.y4m import Y4mFraming, stream_header, told_rate
from shared.frame import Epoch, FrameInfo, Geometry, MonotonicNs, PixelFormat, Sequence

AT = MonotonicNs(10**12)
INFO = FrameInfo(Epoch(7), Sequence(3), AT, AT, Geometry(4, 2, PixelFormat.BGR24), 24)
PLANES = bytes(range(12))
FRAME = framed(INFO, PLANES, Made(size=(4, 2), encoding=Encoding.I420))


CLIENT = Client("1", "192.0.2.7", "y4m", StreamOptions(Variant(85), 30))


def test_stream_is_one_line_and_frames_of_planes() -> None:
    framing = Y4mFraming(FRAME, 30)
    assert framing.lead == b"YUV4MPEG2 W4 H2 F30:1 Ip A1:1 C420jpeg XCOLORRANGE=LIMITED\n"
    sent = framing.pieces(FRAME, CLIENT)
    assert b"".join(part.read(start, end) for part, start, end in sent) == b"FRAME\n" + PLANES


def test_stream_ends_where_the_camera_changes_its_size() -> None:
    framing = Y4mFraming(FRAME, 30)
    other = framed(INFO, bytes(6), Made(size=(2, 2), encoding=Encoding.I420))
    with pytest.raises(Unframeable, match=r"^the camera went from 4x2 to 2x2: Y4M cannot$"):
        framing.pieces(other, CLIENT)


@pytest.mark.parametrize(
    ("wanted", "measured", "told"),
    [(30, 0.0, 30), (30, 29.7, 30), (60, 30.4, 30), (10, 30.0, 10), (60, 12.5, 12.5)],
)
def test_rate_is_what_will_come_as_far_as_known(
    wanted: float, measured: float, told: float
) -> None:
    assert told_rate(wanted, measured) == told


def test_rates_that_are_not_whole_are_fractions() -> None:
    assert b" F25:2 " in stream_header(4, 2, 12.5)
    assert b" F30000:1001 " in stream_header(4, 2, 30000 / 1001)
