from __future__ import annotations

import json
import logging

import pytest

from services.api.access.masking import MaskingFormatter, masked
from services.api.access.signature import sign
from shared.logs import make_formatter

SIGNED = sign(b"k" * 16, "door", "view", "/stream/video", "9")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"GET /stream/video?token={SIGNED}&expires=9", "GET /stream/video?token=***&expires=9"),
        ("/s?fps=5&token=plain", "/s?fps=5&token=***"),
        ('"GET /s?TOKEN=abc HTTP/1.1"', '"GET /s?TOKEN=*** HTTP/1.1"'),
        ("/s?token=a&token=b", "/s?token=***&token=***"),
        (f"/s?to%6ben={SIGNED}", "/s?to%6ben=door.***"),
        ("Authorization: Bearer abcdefghijklmnop+/==", "Authorization: Bearer ***"),
        ("'Authorization Basic YWxpY2U6MTIzNDU2Nzg='", "'Authorization Basic ***'"),
        ('"http://bob:hunter2@cam/"', '"http://bob:***@cam/"'),
        ("at http://cam:8000/a@b", "at http://cam:8000/a@b"),
        ("basic authentication is on", "basic authentication is on"),
        ("stream of video ended: 150 parts", "stream of video ended: 150 parts"),
        ("segment /dev/shm/a.ring: epoch 179557", "segment /dev/shm/a.ring: epoch 179557"),
    ],
)
def test_secrets_are_masked_and_nothing_else(text: str, shown: str) -> None:
    assert masked(text) == shown


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_no_line_lets_one_out_not_even_a_traceback(log_format: str) -> None:
    formatter = MaskingFormatter(make_formatter("json" if log_format == "json" else "text"))
    error = ValueError(f"at /x?token={SIGNED}")
    info = (ValueError, error, None)
    record = logging.LogRecord("x", logging.ERROR, __file__, 1, "of %s", (SIGNED,), info)
    line = formatter.format(record)
    assert SIGNED.partition(".")[2] not in line
    assert "ValueError: at /x?token=***" in line
    if log_format == "json":
        assert json.loads(line)["message"] == "of door.***"
