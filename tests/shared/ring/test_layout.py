"""The bytes of the segment's header: golden, round trip, and never trusted."""

from __future__ import annotations

import dataclasses
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import ProtocolError, SegmentDamaged
from shared.frame import Epoch
from shared.ring.layout import (
    HEADER_READ_BYTES,
    SLOT_HEADER_BYTES,
    SegmentHeader,
    State,
    Word,
    cut_text,
)

CRC_AT = 336


def plan(
    slots: int = 4,
    capacity_bytes: int = 5000,
    label: str = "pattern",
    hops: tuple[str, ...] = ("gate/cam", "hall/cam"),
) -> SegmentHeader:
    return SegmentHeader.plan(
        slots=slots,
        capacity_bytes=capacity_bytes,
        page_bytes=4096,
        epoch=Epoch(0x1122334455667788),
        boot_id=bytes(range(16)),
        writer_pid=0x01020304,
        label=label,
        hops=hops,
    )


def page(header: SegmentHeader) -> bytes:
    head = bytearray(HEADER_READ_BYTES)
    for at, data in header.regions.items():
        head[at : at + len(data)] = data
    return bytes(head)


def with_good_crc(head: bytes, offset: int, value: bytes) -> bytes:
    """Change bytes of the header and make its checksum right again."""
    changed = head[:offset] + value + head[offset + len(value) :]
    crc = struct.pack("<I", zlib.crc32(changed[:CRC_AT]))
    return changed[:CRC_AT] + crc + changed[CRC_AT + 4 :]


def test_golden_bytes() -> None:
    """A change here is a new protocol version, not a refactoring."""
    assert plan().pack().hex() == (
        "52494e4743415354"  # magic "RINGCAST"
        "02000200"  # major 2, minor 2
        "00100000"  # header_bytes 4096
        "00a0000000000000"  # total_bytes 8192 + 4 * 8192
        "04000000c0000000"  # slots 4, slot_header_bytes 192
        "0020000000000000"  # slot_stride 8192
        "0020000000000000"  # payload_offset 8192
        "8877665544332211"  # epoch
        "000102030405060708090a0b0c0d0e0f"  # boot_id
        "0403020104030201"  # writer_pid, endian mark
        + "7061747465726e".ljust(512, "0")  # label "pattern"
        + "3c385656"  # crc
    )


def test_the_mutable_words_lie_on_cache_lines_of_their_own() -> None:
    assert {word.name: word * 8 for word in Word} == {
        "STATE": 384,
        "HEAD": 448,
        "HEARTBEAT": 512,
        "DROPPED": 576,
        "ORIGIN_CLOCK": 640,
        "CLOCK_DOUBT": 648,
        "RECONNECTS": 656,
    }
    assert {state.name: int(state) for state in State} == {"LIVE": 1, "RETIRED": 2, "CLOSED": 3}


@given(
    slots=st.integers(2, 64),
    capacity_bytes=st.integers(0, 2**40),
    page_bytes=st.sampled_from([4096, 16384, 65536]),
    epoch=st.integers(1, 2**64 - 1),
    boot_id=st.binary(min_size=16, max_size=16),
    writer_pid=st.integers(0, 2**32 - 1),
    label=st.text(max_size=60).map(lambda text: text.rstrip("\0")),
)
def test_what_was_packed_is_unpacked(  # noqa: PLR0913, PLR0917 - one argument per field
    slots: int,
    capacity_bytes: int,
    page_bytes: int,
    epoch: int,
    boot_id: bytes,
    writer_pid: int,
    label: str,
) -> None:
    header = SegmentHeader.plan(
        slots=slots,
        capacity_bytes=capacity_bytes,
        page_bytes=page_bytes,
        epoch=Epoch(epoch),
        boot_id=boot_id,
        writer_pid=writer_pid,
        label=label,
    )
    assert SegmentHeader.unpack(page(header)) == header
    assert header.slot_stride >= max(capacity_bytes, 1)
    assert header.slot_stride % page_bytes == header.payload_offset % page_bytes == 0


@given(st.integers(2, 64), st.integers(0, 10**6), st.integers(0, 2**63))
def test_slots_and_payloads_lie_inside_and_do_not_overlap(
    slots: int, capacity_bytes: int, sequence: int
) -> None:
    header = plan(slots, capacity_bytes)
    word, start = header.slot_word(sequence), header.payload_at(sequence)

    assert header.header_bytes <= word * 8 <= header.payload_offset - SLOT_HEADER_BYTES
    assert header.payload_offset <= start <= header.total_bytes - header.slot_stride
    assert header.slot_word(sequence + slots) == word
    assert abs(header.slot_word(sequence + 1) - word) >= SLOT_HEADER_BYTES // 8
    assert abs(header.payload_at(sequence + 1) - start) >= header.slot_stride


@given(st.binary(max_size=1500))
def test_any_bytes_are_a_header_or_a_protocol_error(head: bytes) -> None:
    with pytest.raises(ProtocolError):
        SegmentHeader.unpack(head)


@given(st.lists(st.tuples(st.integers(0, CRC_AT + 3), st.integers(1, 255)), min_size=1, max_size=8))
def test_changed_bytes_are_noticed(changes: list[tuple[int, int]]) -> None:
    intact = page(plan())
    head = bytearray(intact)
    for offset, value in changes:
        head[offset] ^= value
    if head == intact:
        return
    with pytest.raises(ProtocolError):
        SegmentHeader.unpack(bytes(head))


@given(st.integers(0, CRC_AT - 1), st.binary(min_size=1, max_size=40))
def test_a_header_with_a_good_checksum_is_safe_to_use_or_refused(offset: int, value: bytes) -> None:
    head = with_good_crc(page(plan()), offset, value[: CRC_AT - offset])
    try:
        header = SegmentHeader.unpack(head)
    except ProtocolError:
        return
    assert 2 <= header.slots <= 64
    for sequence in range(header.slots):
        assert header.slot_word(sequence) * 8 + SLOT_HEADER_BYTES <= header.payload_offset
        assert header.payload_at(sequence) + header.slot_stride <= header.total_bytes
    assert header.total_bytes % 8 == 0
    assert header.header_bytes >= HEADER_READ_BYTES


@pytest.mark.parametrize(
    ("offset", "value", "sentence"),
    [
        (0, b"RINGCAT!", "not a Ringcast segment"),
        (8, b"\x01\x00", "version 1.2 .* knows version 2: run the same release"),
        (76, b"\x01\x02\x03\x04", "byte order mark 0x04030201"),
        (24, b"\x01\x00\x00\x00", "contradicts itself"),  # slots 1
        (24, b"\xff\xff\xff\xff", "contradicts itself"),  # slots 2**32 - 1
        (28, b"\x40\x00\x00\x00", "contradicts itself"),  # slot_header_bytes 64
        (12, b"\x00\x02\x00\x00", "contradicts itself"),  # header_bytes 512
        (16, b"\x00\x00\x00\x00\x00\x00\x00\x7f", "contradicts itself"),  # total_bytes
        (32, b"\x00" * 8, "contradicts itself"),  # slot_stride 0
        (40, b"\x00" * 8, "contradicts itself"),  # payloads over the header
        (48, b"\x00" * 8, "contradicts itself"),  # epoch 0
    ],
)
def test_a_wrong_field_is_refused_though_its_checksum_is_good(
    offset: int, value: bytes, sentence: str
) -> None:
    with pytest.raises(ProtocolError, match=sentence):
        SegmentHeader.unpack(with_good_crc(page(plan()), offset, value))


def test_a_stride_that_is_no_whole_number_of_words_is_refused() -> None:
    """The file is read as 8-byte words; an odd length ended the reader with a TypeError."""
    crooked = dataclasses.replace(plan(), slot_stride=8193)

    with pytest.raises(ProtocolError, match="contradicts itself"):
        SegmentHeader.unpack(page(crooked))


def test_a_newer_minor_version_is_read() -> None:
    header = SegmentHeader.unpack(with_good_crc(page(plan()), 10, b"\x07\x00"))
    assert (header, header.minor, header.slots_have_crc) == (plan(), 7, True)


def test_an_older_minor_version_is_read_and_its_slots_have_no_crc() -> None:
    header = SegmentHeader.unpack(with_good_crc(page(plan()), 10, b"\x00\x00"))
    assert (header, header.minor, header.slots_have_crc) == (plan(hops=()), 0, False)


def test_a_label_that_is_too_long_is_cut_between_characters() -> None:
    assert SegmentHeader.unpack(page(plan(label="ä" * 200))).label == "ä" * 126 + "…"
    assert SegmentHeader.unpack(page(plan(label="x" + "ä" * 200))).label == "x" + "ä" * 126 + "…"


def test_a_sentence_that_is_too_long_is_cut_between_words() -> None:
    text = "127.0.0.1:1 refuses connections: is the server running, is the port right?"
    assert (
        cut_text(text, 64).decode() == "127.0.0.1:1 refuses connections: is the server running, is…"
    )


@given(st.text(), st.integers(3, 80))
def test_cut_text_is_utf8_and_a_beginning_of_the_text(text: str, limit_bytes: int) -> None:
    cut = cut_text(text, limit_bytes)
    assert len(cut) <= limit_bytes
    assert text == cut.decode() or text.startswith(cut.decode().removesuffix("…"))


def test_text_without_utf8_becomes_question_marks() -> None:
    """A file name that was not decodable arrives with surrogates; it must not end the writer."""
    assert cut_text("/film-\udcff.mp4", 64) == b"/film-?.mp4"


def test_hops_lie_where_the_drawing_says() -> None:
    """Golden bytes: a change here is a new protocol version, not a refactoring."""
    region = plan().regions[664]
    assert region[:17] == b"gate/cam,hall/cam"
    assert len(region) == 356
    assert region[352:].hex() == "9959891f"
    assert page(plan())[664:1020] == region


def test_damaged_hops_are_refused_and_older_releases_have_none() -> None:
    head = bytearray(page(plan()))
    head[670] ^= 1
    with pytest.raises(SegmentDamaged, match="CRC of the hops"):
        SegmentHeader.unpack(bytes(head))
    older = SegmentHeader.unpack(with_good_crc(bytes(head), 10, b"\x01\x00"))
    assert (older.hops, older.slots_have_crc, older.slots_have_origin_time) == ((), True, False)


@pytest.mark.parametrize("text", [b"a,,b", b"a b", b"\xff", b"a" * 65, b",".join([b"a"] * 17)])
def test_impossible_hops_are_damage_though_their_checksum_is_good(text: bytes) -> None:
    head = bytearray(page(plan()))
    head[664:1016] = text.ljust(352, b"\0")
    head[1016:1020] = struct.pack("<I", zlib.crc32(head[664:1016]))
    with pytest.raises(SegmentDamaged, match="is damaged"):
        SegmentHeader.unpack(bytes(head))


@given(st.lists(st.from_regex(r"[a-z0-9][a-z._:/-]{0,20}", fullmatch=True), max_size=16))
def test_hops_that_were_packed_are_unpacked(hops: list[str]) -> None:
    assert SegmentHeader.unpack(page(plan(hops=tuple(hops)))).hops == tuple(hops)
