"""What a slot says about its frame: golden bytes, round trip, and never trusted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import ProtocolError
from shared.frame import Epoch, FrameInfo, Geometry, MonotonicNs, PixelFormat, Sequence
from shared.ring.slot import SlotHeader, check_size

CAPACITY = 2**33
axes = st.integers(1, 65535)
times = st.integers(0, 2**64 - 1).map(MonotonicNs)
words = st.integers(0, 2**64 - 1)
geometries = st.builds(Geometry, axes, axes, st.sampled_from(PixelFormat)).filter(
    lambda geometry: geometry.size_bytes <= CAPACITY
)


@st.composite
def slot_headers(draw: st.DrawFn) -> SlotHeader:
    geometry = draw(geometries)
    return SlotHeader(
        sequence=Sequence(draw(st.integers(1, 2**63 - 1))),
        captured_at=draw(times),
        published_at=draw(times),
        geometry=geometry,
        size_bytes=geometry.size_bytes or draw(st.integers(1, CAPACITY)),
        online=draw(st.booleans()),
        reason=draw(st.text(max_size=16).map(lambda text: text.rstrip("\0"))),
        origin_epoch=Epoch(draw(words)),
        origin_sequence=Sequence(draw(words)),
        checksum=draw(st.none() | st.integers(0, 2**32 - 1)),
    )


def header(**changes: object) -> SlotHeader:
    fields: dict[str, object] = {
        "sequence": Sequence(7),
        "captured_at": MonotonicNs(0x11),
        "published_at": MonotonicNs(0x22),
        "geometry": Geometry(4, 2, PixelFormat.BGR24),
        "size_bytes": 24,
        "online": True,
        "reason": "",
        "origin_epoch": Epoch(5),
        "origin_sequence": Sequence(6),
    }
    return SlotHeader(**(fields | changes))  # type: ignore[arg-type]


def test_golden_bytes() -> None:
    """A change here is a new protocol version, not a refactoring."""
    assert (
        header(online=False, reason="gone").pack().hex()
        == (
            "0700000000000000"  # sequence
            "1100000000000000"  # captured_at
            "2200000000000000"  # published_at
            "0400000002000000"  # width, height
            "0c00000042475233"  # stride, "BGR3"
            "1800000000000000"  # size_bytes
            "0000000000000000"  # flags, checksum
            + "676f6e65".ljust(128, "0")  # reason "gone"
            + "0500000000000000"  # origin_epoch
            + "0600000000000000"  # origin_sequence
            "af5fbc35"  # crc
            + "69df2265"  # origin_crc
            + 16 * "0"  # origin_wall
            + 64 * "0"  # reserved
        )
    )
    assert header().pack()[48:56].hex() == "0100000000000000"  # flags: online
    sealed = header(online=False, checksum=0xDEADBEEF).pack()
    assert sealed[48:56].hex() == "02000000efbeadde"  # flags: checksum; checksum


@given(slot_headers())
def test_what_was_packed_is_unpacked(slot: SlotHeader) -> None:
    assert len(slot.pack()) == 184
    assert SlotHeader.unpack(slot.pack(), capacity_bytes=CAPACITY) == slot


@given(st.binary(min_size=184, max_size=184), st.integers(0, 2**40))
def test_any_bytes_are_a_slot_or_a_protocol_error(fields: bytes, capacity_bytes: int) -> None:
    try:
        slot = SlotHeader.unpack(fields, capacity_bytes=capacity_bytes, has_crc=False)
    except ProtocolError:
        return
    assert 1 <= slot.size_bytes <= capacity_bytes


@given(slot_headers(), st.integers(0, 119), st.integers(0, 255), st.integers(1, CAPACITY))
def test_a_changed_slot_points_inside_its_room_or_is_refused(
    slot: SlotHeader, offset: int, value: int, capacity_bytes: int
) -> None:
    fields = bytearray(slot.pack())
    fields[offset] = value
    try:
        read = SlotHeader.unpack(bytes(fields), capacity_bytes=capacity_bytes, has_crc=False)
    except ProtocolError:
        return
    assert 1 <= read.size_bytes <= capacity_bytes
    if read.geometry.pixel_format is not PixelFormat.JPEG:
        assert read.size_bytes == read.geometry.size_bytes


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"geometry": Geometry(0, 2, PixelFormat.BGR24)}, "slot claims 0x2"),
        ({"geometry": Geometry(65536, 2, PixelFormat.BGR24)}, "slot claims 65536x2"),
        ({"geometry": Geometry(4, 0, PixelFormat.BGR24)}, "slot claims 4x0"),
        ({"size_bytes": 23}, "23 bytes where 100 fit"),
        ({"size_bytes": 25}, "25 bytes where 100 fit"),
        ({"geometry": Geometry(4, 2, PixelFormat.JPEG), "size_bytes": 0}, "0 bytes"),
        ({"geometry": Geometry(4, 2, PixelFormat.JPEG), "size_bytes": 101}, "101 bytes"),
    ],
)
def test_a_value_that_no_writer_stores_is_refused(
    changes: dict[str, object], sentence: str
) -> None:
    with pytest.raises(ProtocolError, match=sentence):
        SlotHeader.unpack(header(**changes).pack(), capacity_bytes=100)


def test_an_unknown_pixel_format_is_refused() -> None:
    fields = bytearray(header().pack())
    fields[36:40] = b"YUYV"
    with pytest.raises(ProtocolError, match="unknown pixel format 0x56595559"):
        SlotHeader.unpack(bytes(fields), capacity_bytes=100, has_crc=False)


def test_a_stride_with_padding_is_refused() -> None:
    fields = bytearray(header().pack())
    fields[32] = 16
    with pytest.raises(ProtocolError, match="stride 16"):
        SlotHeader.unpack(bytes(fields), capacity_bytes=100, has_crc=False)


@given(slot_headers(), st.dictionaries(st.integers(0, 139), st.integers(1, 255), min_size=1))
def test_changed_bytes_are_noticed(slot: SlotHeader, changes: dict[int, int]) -> None:
    """A wrong bit turns BGR3 into RGB3, and every range is kept."""
    fields = bytearray(slot.pack())
    for offset, value in changes.items():
        fields[offset] ^= value
    with pytest.raises(ProtocolError, match="somebody else writes there"):
        SlotHeader.unpack(bytes(fields), capacity_bytes=CAPACITY)


def test_a_long_reason_is_cut_between_characters() -> None:
    slot = SlotHeader.unpack(header(reason="x" + "ä" * 64).pack(), capacity_bytes=100)
    assert slot.reason == "x" + "ä" * 30 + "…"


def test_the_information_of_a_frame_is_the_slots_with_the_epoch() -> None:
    assert header(online=False, reason="gone").info(Epoch(9)) == FrameInfo(
        epoch=Epoch(9),
        sequence=Sequence(7),
        captured_at=MonotonicNs(0x11),
        published_at=MonotonicNs(0x22),
        geometry=Geometry(4, 2, PixelFormat.BGR24),
        size_bytes=24,
        online=False,
        reason="gone",
        origin_epoch=Epoch(5),
        origin_sequence=Sequence(6),
    )


@given(
    st.integers(-1, 65537),
    st.integers(-1, 65537),
    st.sampled_from(PixelFormat),
    st.integers(-1, 100),
)
def test_the_writer_refuses_exactly_what_readers_would(
    width: int, height: int, pixel_format: PixelFormat, jpeg_bytes: int
) -> None:
    geometry = Geometry(width, height, pixel_format)
    size = geometry.size_bytes if pixel_format is not PixelFormat.JPEG else jpeg_bytes
    allowed = 1 <= width <= 65535 and 1 <= height <= 65535 and size >= 1
    if not allowed:
        with pytest.raises(ValueError, match="width and height must be 1 to 65535"):
            check_size(geometry, size)
        return
    check_size(geometry, size)
    packed = header(geometry=geometry, size_bytes=size).pack()
    assert SlotHeader.unpack(packed, capacity_bytes=size).geometry == geometry


def test_time_of_the_origin_is_stored_behind_its_own_checksum() -> None:
    packed = bytearray(header(origin_wall_us=1_700_000_000_123_456).pack())
    assert packed[144:152] == (1_700_000_000_123_456).to_bytes(8, "little")
    read = SlotHeader.unpack(bytes(packed), capacity_bytes=100)
    assert read.origin_wall_us == 1_700_000_000_123_456
    packed[145] ^= 1
    with pytest.raises(ProtocolError, match="CRC does not match"):
        SlotHeader.unpack(bytes(packed), capacity_bytes=100)
    older = SlotHeader.unpack(bytes(packed), capacity_bytes=100, has_origin_time=False)
    assert older.origin_wall_us == 0
