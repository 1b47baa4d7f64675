from __future__ import annotations

import pytest

from services.api.encoding import Encoding
from services.api.freshness import Freshness
from services.api.snapshot import NotModified, Wish, tag_of
from services.api.variant import Variant
from shared.frame import Epoch, FrameInfo, Geometry, MonotonicNs, PixelFormat, Sequence

AT = MonotonicNs(10**9)
INFO = FrameInfo(Epoch(5), Sequence(17), AT, AT, Geometry(64, 48, PixelFormat.BGR24), 9216)


def test_tag_names_frame_and_variant() -> None:
    assert tag_of(INFO, Variant(85)) == "5-17-q85p"
    assert tag_of(INFO, Variant(40, 320).become(Encoding.WEBP)) == "5-17-webpq40w320"
    assert tag_of(INFO, Variant(40).become(Encoding.PNG)) == "5-17-png"
    assert tag_of(INFO, Variant(40).become(Encoding.RAW)) == "5-17-raw"


def test_client_that_has_the_picture_gets_none() -> None:
    wish = Wish(Variant(85), Freshness(), has=lambda tag: tag == "5-17-q85p")
    with pytest.raises(NotModified) as same:
        wish.tag(INFO)
    assert same.value.tag == "5-17-q85p"
    assert Wish(Variant(84), Freshness(), has=wish.has).tag(INFO) == "5-17-q84p"
