from __future__ import annotations

import pytest

from shared.multipart import JPEG, MultipartReader, ProtocolViolation, parse_headers

BODY = b"\xff\xd8picture\xff\xd9"
ONE = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: 11\r\nX-Frame-Number: 7\r\n\r\n"
STREAM = ONE + BODY + b"\r\n--frame\r\n"


def test_a_part_comes_out_once_its_last_byte_is_there() -> None:
    reader = MultipartReader(b"frame")
    for byte in STREAM[:-2]:
        reader.feed(bytes([byte]))
    part = reader.next_part()
    assert part is not None
    assert (part.jpeg, part.number) == (BODY, 7)
    assert reader.next_part() is None
    assert not reader.ended


def test_the_closing_boundary_ends_it() -> None:
    reader = MultipartReader(b"frame")
    reader.feed(ONE + BODY + b"\r\n--frame--\r\n")
    assert reader.next_part() is not None
    assert reader.next_part() is None
    assert reader.ended


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"frame\r\n", "expected"),
        (STREAM.replace(b"11", b"12"), "no boundary after"),
        (STREAM.replace(b"Content-Length: 11\r\n", b""), "Content-Length"),
        (STREAM.replace(b"image/jpeg", b"text/html"), "Content-Type"),
        (STREAM.replace(b"\xff\xd9", b"xx"), "no whole JPEG"),
        (STREAM.replace(b"X-Frame-Number: 7", b"nothing"), "bad header line"),
        (STREAM.replace(b"X-Frame-Number: 7", b"Content-Length: 11"), "twice"),
    ],
)
def test_what_breaks_the_format_is_refused(data: bytes, why: str) -> None:
    reader = MultipartReader(b"frame")
    reader.feed(data)
    with pytest.raises(ProtocolViolation, match=why):
        reader.next_part()


def test_other_kinds_are_taken_where_they_are_wanted() -> None:
    raw = STREAM.replace(b"image/jpeg", b"application/octet-stream").replace(b"\xff", b"x")
    reader = MultipartReader(b"frame", kinds=(JPEG, "application/octet-stream"))
    reader.feed(raw)
    part = reader.next_part()
    assert part is not None
    assert len(part.jpeg) == 11


def test_a_header_in_advance_tells_no_length() -> None:
    reader = MultipartReader(b"frame", advance_headers=True)
    ahead = b"--frame\r\nContent-Type: image/jpeg\r\n\r\n"
    reader.feed(ahead + BODY + b"\r\n" + ahead)
    part = reader.next_part()
    assert part is not None
    assert part.jpeg == BODY


def test_headers_are_read_strictly() -> None:
    assert parse_headers(b"A: 1\r\nB:2") == {"a": "1", "b": "2"}
    with pytest.raises(ProtocolViolation):
        parse_headers(b"A : 1")
