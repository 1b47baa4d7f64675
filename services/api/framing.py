"""How one client's bytes are laid out around the frames: what comes first, around each, and last.

A framing knows no socket. It says which stretches of which parts make up a frame for its client;
whoever sends them (``stream.py``) may send the same stretches to hundreds.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, Protocol

from services.api import mjpeg
from services.api.part import BytesPart

if TYPE_CHECKING:
    from services.api.client import Client
    from services.api.encoded import EncodedFrame
    from services.api.part import Pieces
    from services.api.variant import StreamOptions

__all__ = [
    "Framing",
    "MultipartAhead",
    "MultipartFraming",
    "MultipartTold",
    "Unframeable",
    "facts_of",
    "framing_of",
    "times_of",
]

_TRAILER: Final = BytesPart([mjpeg.TRAILER])
_AHEAD: Final = BytesPart([mjpeg.TRAILER + mjpeg.NEXT_HEADER])


class Unframeable(Exception):  # noqa: N818 - named after the state
    """A frame cannot be laid out for this client: its stream is over, and the message says why."""


class Framing(Protocol):
    """What a client is sent beside the pictures.

    Attributes:
        content_type: Of the response.
        lead: First bytes of the body; not empty: with them gunicorn sends the response's headers.
        closing: Last bytes, where the server ends the stream; None: there are none.
    """

    content_type: str
    lead: bytes
    closing: BytesPart | None

    def pieces(self, frame: EncodedFrame, client: Client) -> Pieces:
        """What to send for a frame, one after the other.

        Args:
            frame: The same for every client of its variant.
            client: Whose they are; what is known of it may stand in the bytes.

        Raises:
            Unframeable: Nothing can follow what this client was sent before.
        """
        ...


class MultipartFraming:
    """``multipart/x-mixed-replace``, each part with its length and what it is."""

    content_type: str = mjpeg.CONTENT_TYPE
    lead: bytes = mjpeg.LEAD
    closing: BytesPart | None = BytesPart([mjpeg.CLOSING])

    def pieces(self, frame: EncodedFrame, client: Client) -> Pieces:
        """The part as it is, in one stretch."""
        del client
        return frame.whole_pieces


class MultipartAhead(MultipartFraming):
    """The same with each part's header sent ahead, for Chromium: ``advance_headers=1``."""

    lead = mjpeg.ADVANCE_LEAD
    closing: BytesPart | None = BytesPart([mjpeg.ADVANCE_CLOSING])

    def pieces(self, frame: EncodedFrame, client: Client) -> Pieces:
        """The picture, and the header of the next part; with ``zero_data`` no picture."""
        if client.zero_data:
            return ((_AHEAD, 0, _AHEAD.size_bytes),)
        return frame.advance_pieces


class MultipartTold(MultipartFraming):
    """The same with a header of the client's own: ``extra_headers=1``, ``zero_data=1``.

    Names and forms are µStreamer's, so that its clients can read them.
    """

    def pieces(self, frame: EncodedFrame, client: Client) -> Pieces:
        """A header for this client, and the picture that all share; or none of it."""
        headers = list(frame.headers)
        if client.extra_headers:
            headers += _told_of(frame, client)
        size_bytes = 0 if client.zero_data else frame.size_bytes
        own = BytesPart([mjpeg.part_header(size_bytes, headers)])
        header = (own, 0, own.size_bytes)
        if client.zero_data:
            return (header, (_TRAILER, 0, _TRAILER.size_bytes))
        return (header, (frame.part, frame.advance[0], frame.whole[1]))


def framing_of(options: StreamOptions) -> Framing:
    """What surrounds the pictures of a client of JPEGs, as it asked."""
    if options.advance_headers:  # and no others, as µStreamer has it: what comes is not known yet
        return MultipartAhead()
    if options.extra_headers or options.zero_data:
        return MultipartTold()
    return MultipartFraming()


def _told_of(frame: EncodedFrame, client: Client) -> list[tuple[str, str]]:
    now_ns = time.monotonic_ns()
    return [
        *facts_of(frame, client.dropped),
        ("X-UStreamer-Client-FPS", str(round(client.fps))),
        *times_of(frame, "Time", now_ns),
        ("X-UStreamer-Latency", f"{(now_ns - frame.captured_at) / 1e9:.6f}"),
    ]


def facts_of(frame: EncodedFrame, dropped: int) -> list[tuple[str, str]]:
    """What a frame is, by µStreamer's names.

    Args:
        frame: The picture.
        dropped: Frames its client was too slow for.
    """
    size = (frame.width, frame.height)
    return mjpeg.ustreamer_headers(online=frame.online, dropped=dropped, size=size)


def times_of(frame: EncodedFrame, ending: str, now_ns: int) -> list[tuple[str, str]]:
    """What happened to a frame on its way, by µStreamer's names; as ``mjpeg.ustreamer_times``."""
    encode_ns = frame.encode_ns if frame.online else 0
    return mjpeg.ustreamer_times(ending, frame.captured_at, frame.made_at, encode_ns, now_ns)
