"""What a JPEG says of itself, and the tables that cameras leave out of it. Bytes in, bytes out.

::

    SOI │ segment │ segment │ … │ SOS │ entropy-coded data …                │ EOI │ padding
    FFD8  FFxx length …           FFDA  no FF in it but as FF00 and FFD0-D7   FFD9  whatever

Only the segments before the first scan are walked, a dozen steps; the end is looked for from the
end. USB cameras leave out the Huffman tables (DHT) and mean the ones everybody knows, which files
and browsers want to see written out.

Source: ITU-T T.81, section B.1 (markers), annex K.3.3 (tables); USB Video Class, MJPEG payload.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["STANDARD_TABLES", "JpegHeader", "check_size", "read_header"]

_SOI: Final = b"\xff\xd8"
_EOI: Final = b"\xff\xd9"
_DHT: Final = 0xC4
_SOS: Final = 0xDA
_SIZES: Final = frozenset((0xC0, 0xC1, 0xC2))
"""Start of frame (SOF) of the kinds that browsers show: baseline, extended, progressive."""
_OTHER_SIZES: Final = frozenset(range(0xC3, 0xD0)) - {_DHT, 0xC8, 0xCC}
"""SOF of the others: lossless, hierarchical, arithmetic-coded."""
_PROGRESSIVE: Final = 0xC2
_WITHOUT_LENGTH: Final = frozenset((0x01, *range(0xD0, 0xD8)))
_COMPONENTS: Final = (1, 3, 4)
"""Gray, color, printing inks."""
_SAMPLE_BITS: Final = 8
_SIZE_FIELDS: Final = 6
"""Bytes of a SOF that are read: bits per sample, height, width, number of components."""
_MAX_SEGMENTS: Final = 400
_MAX_FILL: Final = 400
_USUAL_PADDING: Final = 4096

_FF: Final = 0xFF


@dataclass(frozen=True, slots=True)
class JpegHeader:
    """What the segments before the first scan say.

    Attributes:
        width: Pixels per row, 1 to 65535.
        height: Rows, 1 to 65535.
        size_bytes: Length of the JPEG without padding behind it.
        tables_at: Where ``STANDARD_TABLES`` have to be put in; None when it has tables.
    """

    width: int
    height: int
    size_bytes: int
    tables_at: int | None


def read_header(data: bytes | memoryview) -> JpegHeader:
    """Find out what a JPEG is, without decoding it.

    Args:
        data: One whole JPEG; anything behind its end is padding. Not kept.

    Raises:
        ValueError: It is none, is cut off, or is of a kind that browsers do not show; a sentence
            for people. Never anything else, whatever the bytes are.
    """
    if bytes(data[:2]) != _SOI:
        raise ValueError("it is not a JPEG (no SOI at its start)")
    size: tuple[int, int] | None = None
    has_tables = False
    for marker, at, length in _segments(data):
        if marker in _SIZES:
            size = _size(bytes(data[at + 2 : at + min(length, 2 + _SIZE_FIELDS)]))
            has_tables = has_tables or marker == _PROGRESSIVE
        elif marker in _OTHER_SIZES:
            raise ValueError(f"it is a JPEG of a kind that browsers do not show (SOF {marker:#x})")
        elif marker == _DHT:
            has_tables = True
        elif marker == _SOS and size is not None:
            end = _end(data, at + length)
            return JpegHeader(*size, end, None if has_tables else at - 2)
    raise ValueError("it is a damaged JPEG (no size before its data)")


def check_size(data: bytes | memoryview, width: int, height: int) -> None:
    """Check before decoding that a JPEG is as large as is said of it elsewhere.

    Decoders believe the JPEG's own header, and take gigabytes for one that claims 30000x30000.

    Args:
        data: As for ``read_header``.
        width: Pixels per row.
        height: Rows.

    Raises:
        ValueError: It is not, or as for ``read_header``; a sentence for people.
    """
    header = read_header(data)
    if (header.width, header.height) != (width, height):
        raise ValueError(f"it claims {header.width}x{header.height} pixels, not {width}x{height}")


def _segments(data: bytes | memoryview) -> Iterator[tuple[int, int, int]]:
    """Yield marker, place and length of the segments up to the first scan's."""
    at, marker = 2, 0
    for _ in range(_MAX_SEGMENTS):
        if marker == _SOS:
            return
        at, marker = _marker(data, at)
        if marker not in _WITHOUT_LENGTH:
            length = _length(data, at)
            yield marker, at, length
            at += length
    raise ValueError("it is a damaged JPEG (no end of segments)")


def _marker(data: bytes | memoryview, at: int) -> tuple[int, int]:
    """The marker at ``at`` as (position behind it, its second byte); fill bytes may precede it."""
    start = at
    while at < len(data) and data[at] == _FF:
        at += 1
        if at - start > _MAX_FILL:
            break
    if at >= len(data):
        raise ValueError("it is cut off (it ends before its picture begins)")
    if at == start or data[at] in (0x00, _SOI[1], _EOI[1], _FF):
        raise ValueError(f"it is a damaged JPEG (no segment at byte {start})")
    return at + 1, data[at]


def _length(data: bytes | memoryview, at: int) -> int:
    length = int.from_bytes(data[at : at + 2], "big")
    if at + max(2, length) > len(data):
        raise ValueError("it is cut off (it ends before its picture begins)")
    if length < 2:  # noqa: PLR2004 - the length counts itself
        raise ValueError(f"it is a damaged JPEG (segment of {length} bytes)")
    return length


def _size(fields: bytes) -> tuple[int, int]:
    """Width and height of a start of frame."""
    if len(fields) < _SIZE_FIELDS:
        raise ValueError("it is a damaged JPEG (its size is cut off)")
    height, width = int.from_bytes(fields[1:3], "big"), int.from_bytes(fields[3:5], "big")
    if fields[0] != _SAMPLE_BITS or fields[5] not in _COMPONENTS or not width or not height:
        raise ValueError(
            f"it is a JPEG that browsers do not show: {width}x{height}, {fields[5]} components of "
            f"{fields[0]} bits"
        )
    return width, height


def _end(data: bytes | memoryview, scan_at: int) -> int:
    """Length up to the end of the picture.

    In entropy-coded data every FF is followed by 00 or a restart marker, so the last FFD9 behind
    the start of the scan is the end, however long the padding is.
    """
    for start in (max(scan_at, len(data) - _USUAL_PADDING), scan_at):
        found = bytes(data[start:]).rfind(_EOI)
        if found >= 0:
            return start + found + len(_EOI)
    raise ValueError("it is cut off (no EOI at its end)")


def _table(kind: int, counts: str, symbols: bytes) -> bytes:
    """One Huffman table: class and place, codes per length 1 to 16, symbols by rising length."""
    return bytes((kind, *bytes.fromhex(counts))) + symbols


_AC_LUMINANCE: Final = bytes.fromhex(
    "01020300041105122131410613516107227114328191a1082342b1c11552d1f0"
    "2433627282090a161718191a25262728292a3435363738393a434445464748494a"
    "535455565758595a636465666768696a737475767778797a838485868788898a"
    "92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6"
    "c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa"
)
_AC_CHROMINANCE: Final = bytes.fromhex(
    "000102031104052131061241510761711322328108144291a1b1c109233352f0"
    "156272d10a162434e125f11718191a262728292a35363738393a434445464748"
    "494a535455565758595a636465666768696a737475767778797a828384858687"
    "88898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3"
    "c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa"
)
_TABLES: Final = (
    _table(0x00, "00010501010101010100000000000000", bytes(range(12)))
    + _table(0x10, "0002010303020403050504040000017d", _AC_LUMINANCE)
    + _table(0x01, "00030101010101010101010000000000", bytes(range(12)))
    + _table(0x11, "00020102040403040705040400010277", _AC_CHROMINANCE)
)
STANDARD_TABLES: Final = b"\xff\xc4" + (len(_TABLES) + 2).to_bytes(2, "big") + _TABLES
"""A DHT segment with the Huffman tables of annex K.3.3, tables K.3 to K.6."""
