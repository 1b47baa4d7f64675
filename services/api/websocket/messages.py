"""The messages of ``/ws`` as bytes; no socket, no camera.

A picture is one binary message, all numbers little-endian::

    u8   version (1)
    u8   id of the subscription
    u8   flags: 1 online, 2 repeated, 4 stale
    u8   0
    u32  age at sending, milliseconds
    u64  epoch
    u64  frame number
    u64  when it was captured, microseconds since 1970
    …    JPEG
"""

from __future__ import annotations

import json
import struct
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from services.api.cameras import UnknownCamera
from services.api.part import BytesPart
from services.api.seat import TooManyStreams
from services.api.variant import BadParameter, BadParameters

if TYPE_CHECKING:
    from services.api.encoded import EncodedFrame
    from services.api.part import Pieces
    from services.api.watched import TooManyVariants

__all__ = [
    "_LARGEST_ID",
    "Ack",
    "NotUnderstood",
    "Subscribe",
    "Unsubscribe",
    "picture_message",
    "refusal",
    "understand",
]

_LARGEST_ID: Final = 255
_LARGEST_WINDOW: Final = 8
_WINDOW: Final = 2
_HEADER: Final = struct.Struct("<BBBBIQQQ")
_VERSION: Final = 1
_ONLINE, _REPEATED, _STALE = 1, 2, 4
_STALE_MS: Final = 3000
_BINARY: Final = 0x82
"""First byte of a message of one binary frame; RFC 6455, section 5.2."""
_SHORT: Final = 126
_TWO_BYTES: Final = 1 << 16
_NUMBER: Final = f"a whole number from 0 to {2**64 - 1}"
_ID: Final = f"a whole number from 1 to {_LARGEST_ID}"


class NotUnderstood(BadParameters):
    """A message makes no sense, or a value in it is out of its range.

    Attributes:
        id: The subscription that was meant; None: it does not say.
    """

    def __init__(self, problems: list[BadParameter], said: object = None) -> None:
        super().__init__(problems)
        name = said.get("id") if isinstance(said, dict) else None
        self.id = name if type(name) is int and 1 <= name <= _LARGEST_ID else None


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Send a camera's pictures.

    Attributes:
        camera: Its name.
        id: What the client calls the subscription.
        window: How many pictures may be on their way before it has acknowledged one.
        query: Further parameters, as in the address of a stream.
    """

    camera: str
    id: int
    window: int = _WINDOW
    query: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Send no more of a subscription's pictures."""

    id: int


@dataclass(frozen=True, slots=True)
class Ack:
    """A picture has been dealt with: one more may be sent."""

    id: int
    number: int


def understand(text: str) -> Subscribe | Unsubscribe | Ack:
    """Read what a client says.

    Raises:
        NotUnderstood: It makes no sense, or a value is out of its range; the query is not looked
            at.
    """
    try:
        said = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise NotUnderstood([BadParameter("message", text[:80], "a JSON object")])
    verbs = [verb for verb in ("subscribe", "unsubscribe", "ack") if verb in said]
    if len(verbs) != 1:
        found = " ".join(verbs) or ", ".join(said)[:80]
        allowed = "an object with one of subscribe, unsubscribe and ack"
        raise NotUnderstood([BadParameter("message", found, allowed)], said)
    reader = _Reader(said)
    if verbs == ["ack"]:
        ack = Ack(
            reader.whole("ack", 1, _LARGEST_ID, _ID), reader.whole("number", 0, 2**64 - 1, _NUMBER)
        )
        reader.check()
        return ack
    if verbs == ["unsubscribe"]:
        unsubscribe = Unsubscribe(reader.whole("unsubscribe", 1, _LARGEST_ID, _ID))
        reader.check()
        return unsubscribe
    camera = said["subscribe"]
    if not isinstance(camera, str):
        reader.wrong("subscribe", camera, "the name of a camera")
        camera = ""
    allowed = f"a whole number from 1 to {_LARGEST_WINDOW}"
    window = reader.whole("window", 1, _LARGEST_WINDOW, allowed, _WINDOW)
    subscribe = Subscribe(camera, reader.whole("id", 1, _LARGEST_ID, _ID), window, reader.query())
    reader.check()
    return subscribe


def refusal(
    error: BadParameters | UnknownCamera | TooManyStreams | TooManyVariants,
) -> dict[str, object]:
    """What a client is told whose message is not obeyed; members as in our problem documents."""
    told: dict[str, object] = {"detail": str(error)}
    if isinstance(error, BadParameters):
        told["parameters"] = [asdict(problem) for problem in error.problems]
    elif isinstance(error, UnknownCamera):
        told["cameras"] = error.known
    elif isinstance(error, TooManyStreams):
        told |= {"limit": error.limit, "setting": error.setting}
    else:
        told["setting"] = "api.limits.max_variants"
    return told


def _no_number(name: str) -> float:
    """Python's parser takes NaN and Infinity, JSON has none."""
    raise ValueError(name)


class _Reader:
    """Takes values out of a message; collects what is wrong."""

    def __init__(self, said: dict[str, Any]) -> None:
        self._said = said
        self._problems: list[BadParameter] = []

    def whole(self, name: str, least: int, most: int, allowed: str, default: int = 0) -> int:
        value = self._said.get(name, default or None)
        if type(value) is int and least <= value <= most:
            return value
        self.wrong(name, value, allowed)
        return least

    def query(self) -> dict[str, str]:
        """All else, as it would stand in an address; null is as if it was not there."""
        found = {}
        for name, value in self._said.items():
            if name in {"subscribe", "id", "window"} or value is None:
                continue
            if isinstance(value, bool):
                found[name] = str(int(value))
            elif isinstance(value, str | int | float):
                found[name] = str(value)
            else:
                self.wrong(name, value, "a number or a string")
        return found

    def wrong(self, name: str, value: object, allowed: str) -> None:
        shown = "nothing" if value is None else str(value)[:80]
        self._problems.append(BadParameter(name, shown, allowed))

    def check(self) -> None:
        """Raise ``NotUnderstood`` if anything was wrong."""
        if self._problems:
            raise NotUnderstood(self._problems, self._said)


def picture_message(name: int, frame: EncodedFrame, *, repeated: bool) -> Pieces:
    """A picture as one message: a header of its own, and the bytes that all clients share.

    Args:
        name: Of the subscription.
        frame: What is sent.
        repeated: Whether it was sent before.
    """
    now_ns = time.monotonic_ns()
    age_ms = min(max(0, now_ns - frame.captured_at) // 1_000_000, 2**32 - 1)
    flags = _ONLINE * frame.online | _REPEATED * repeated | _STALE * (age_ms > _STALE_MS)
    header = _HEADER.pack(_VERSION, name, flags, 0, age_ms, *frame.origin, frame.captured_wall_us)
    start, _ = frame.advance
    prefix = _prefix(len(header) + frame.size_bytes)
    own = BytesPart([prefix, header])
    return ((own, 0, own.size_bytes), (frame.part, start, start + frame.size_bytes))


def _prefix(size_bytes: int) -> bytes:
    """What stands before a message of one unmasked binary frame; RFC 6455, section 5.2."""
    if size_bytes < _SHORT:
        return struct.pack(">BB", _BINARY, size_bytes)
    if size_bytes < _TWO_BYTES:
        return struct.pack(">BBH", _BINARY, 126, size_bytes)
    return struct.pack(">BBQ", _BINARY, 127, size_bytes)
