"""What is sent of one frame, from a real slot."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from services.api.variant import Variant
from shared.ring.reader import RingReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.api.encoder import Encoder
    from shared.frame import FrameInfo
    from shared.naming import SegmentPaths

PLAIN = Variant(85)


def test_part_says_what_it_is(
    write: Callable[..., FrameInfo], paths: SegmentPaths, encoder: Encoder
) -> None:
    info = write(online=False, reason="unplugged")
    jpeg = encoder.encode(RingReader.open(paths), info.sequence, PLAIN)
    headers = dict(jpeg.headers)
    assert headers["X-Frame-Number"] == str(info.sequence)
    assert headers["X-Epoch"] == str(info.epoch)
    assert headers["X-Online"] == "0"
    assert abs(float(headers["X-Timestamp"]) - time.time()) < 5
    assert jpeg.part.count(jpeg.picture) == 1
    assert jpeg.advance.startswith(jpeg.picture)
    assert jpeg.advance is jpeg.advance
