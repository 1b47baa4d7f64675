"""The bytes of the messages: a change here is a new version of the protocol."""

from __future__ import annotations

import json
import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.cameras import UnknownCamera
from services.api.encoded import framed
from services.api.seat import TooManyStreams
from services.api.variant import BadParameter, BadParameters, Variant
from services.api.watched import TooManyVariants
from services.api.websocket.messages import (
    Ack,
    NotUnderstood,
    Subscribe,
    Unsubscribe,
    picture_message,
    refusal,
    understand,
)
from shared.frame import Epoch, FrameInfo, Geometry, MonotonicNs, PixelFormat, Sequence

GEOMETRY = Geometry(64, 48, PixelFormat.JPEG)


def message(size_bytes: int, *, age_s: float = 0.0, repeated: bool = False) -> bytes:
    at = MonotonicNs(time.monotonic_ns() - round(age_s * 1e9))
    info = FrameInfo(Epoch(2**63 + 5), Sequence(2**40), at, at, GEOMETRY, 4, online=True)
    pieces = picture_message(200, framed(info, b"x" * size_bytes), repeated=repeated)
    return b"".join(part.read(start, end) for part, start, end in pieces)


@pytest.mark.parametrize(
    ("size_bytes", "prefix"),
    [
        (80, b"\x82\x70"),
        (94, b"\x82\x7e\x00\x7e"),
        (65_503, b"\x82\x7e\xff\xff"),
        (65_504, b"\x82\x7f\0\0\0\0\0\x01\0\0"),
    ],
)
def test_picture_is_one_unmasked_binary_frame_of_the_standard(
    size_bytes: int, prefix: bytes
) -> None:
    sent = message(size_bytes)
    assert sent.startswith(prefix)
    assert len(sent) == len(prefix) + 32 + size_bytes
    assert sent.endswith(b"x" * size_bytes)


def test_header_says_which_frame_it_is() -> None:
    header = message(10)[2:34]
    version, name, flags, reserved, age_ms, epoch, number, captured_us = struct.unpack(
        "<BBBBIQQQ", header
    )
    assert (version, name, flags, reserved) == (1, 200, 1, 0)
    assert (epoch, number) == (2**63 + 5, 2**40)
    assert age_ms < 1000
    assert abs(captured_us / 1e6 - time.time()) < 5


def test_flags_tell_repeats_and_old_frames() -> None:
    assert message(10, repeated=True)[4] == 0b011
    assert message(10, age_s=4)[4] == 0b101
    assert int.from_bytes(message(10, age_s=4)[6:10], "little") in range(4000, 6000)


def test_messages_are_understood() -> None:
    assert understand('{"ack": 3, "number": 18446744073709551615}') == Ack(3, 2**64 - 1)
    assert understand('{"unsubscribe": 255}') == Unsubscribe(255)
    said = {"subscribe": "video", "id": 1, "quality": 80, "fps": 7.5, "width": None, "x": True}
    query = {"quality": "80", "fps": "7.5", "x": "1"}
    assert understand(json.dumps(said)) == Subscribe("video", 1, 2, query)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("", "message"),
        ("[" * 60_000, "message"),
        ('{"ack": NaN, "number": 1}', "message"),
        ("9" * 60_000, "message"),
        ("{}", "message"),
        ('{"ack": 1.0, "number": 1}', "ack"),
        ('{"ack": 1, "number": -1}', "number"),
        ('{"ack": 1, "number": 18446744073709551616}', "number"),
        ('{"subscribe": null, "id": 1}', "subscribe"),
        ('{"subscribe": "video", "id": 1, "fps": {}}', "fps"),
        ('{"unsubscribe": 256}', "unsubscribe"),
    ],
)
def test_what_makes_no_sense_is_named(text: str, name: str) -> None:
    with pytest.raises(BadParameters) as caught:
        understand(text)
    assert [problem.name for problem in caught.value.problems] == [name]


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
NAMES = st.sampled_from(["subscribe", "unsubscribe", "ack", "id", "number", "window", "fps"])


@given(st.one_of(st.text(), st.dictionaries(NAMES, JSON).map(json.dumps)))
def test_anything_is_understood_or_refused(text: str) -> None:
    try:
        said = understand(text)
    except BadParameters:
        return
    assert 1 <= said.id <= 255


def test_what_is_refused_still_says_which_subscription_was_meant() -> None:
    with pytest.raises(NotUnderstood) as caught:
        understand('{"subscribe": "video", "id": 7, "window": 99}')
    assert caught.value.id == 7
    with pytest.raises(NotUnderstood) as caught:
        understand('{"subscribe": "video", "id": "7", "window": 99}')
    assert caught.value.id is None


@pytest.mark.parametrize(
    ("error", "members"),
    [
        (BadParameters([BadParameter("fps", "0", "more")]), {"parameters"}),
        (UnknownCamera("attic", ["video"]), {"cameras"}),
        (TooManyStreams("There are", 3, "api.limits.max_streams"), {"limit", "setting"}),
        (TooManyVariants(Variant(40), 1, ["quality=50"]), {"setting"}),
    ],
)
def test_refusals_have_the_members_of_problem_documents(
    error: BadParameters | UnknownCamera | TooManyStreams | TooManyVariants, members: set[str]
) -> None:
    told = refusal(error)
    assert told["detail"] == str(error)
    assert set(told) == members | {"detail"}
    assert json.dumps(told)
