"""The 32 bytes of a notification, both ways."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.errors import ProtocolError
from shared.frame import Epoch, MonotonicNs, Sequence
from shared.notification import NOTIFICATION_BYTES, Notification

u64 = st.integers(0, 2**64 - 1)
notifications = st.builds(
    Notification,
    topic=st.binary(min_size=8, max_size=8),
    epoch=st.integers(1, 2**64 - 1).map(Epoch),
    sequence=st.integers(1, 2**64 - 1).map(Sequence),
    published_at=u64.map(MonotonicNs),
)


def test_golden_bytes() -> None:
    """A change here is a new protocol version, not a refactoring."""
    notification = Notification(
        b"abcdefgh", Epoch(0x1122334455667788), Sequence(0x0102), MonotonicNs(0xA0B0C0D0E0F0)
    )
    assert notification.pack().hex() == (
        "6162636465666768"  # topic
        "8877665544332211"  # epoch
        "0201000000000000"  # sequence
        "f0e0d0c0b0a00000"  # published_at
    )


@given(notifications)
def test_what_was_packed_is_unpacked(notification: Notification) -> None:
    assert len(notification.pack()) == NOTIFICATION_BYTES == 32
    assert Notification.unpack(notification.pack()) == notification


@given(st.binary(max_size=70))
@example(b"")
@example(bytes(32))
def test_any_bytes_are_a_notification_or_a_protocol_error(message: bytes) -> None:
    try:
        notification = Notification.unpack(message)
    except ProtocolError:
        return
    assert notification.pack() == message


@given(st.binary().filter(lambda message: len(message) != NOTIFICATION_BYTES))
def test_another_length_is_refused(message: bytes) -> None:
    with pytest.raises(ProtocolError, match=f"of {len(message)} bytes, expected 32"):
        Notification.unpack(message)


@given(st.binary(min_size=8, max_size=8), u64, st.booleans())
def test_epoch_or_sequence_0_is_refused(topic: bytes, number: int, epoch_is_0: bool) -> None:  # noqa: FBT001
    epoch, sequence = (0, number) if epoch_is_0 else (number, 0)
    message = Notification(topic, Epoch(epoch), Sequence(sequence), MonotonicNs(1)).pack()

    with pytest.raises(ProtocolError, match="neither is ever 0"):
        Notification.unpack(message)
