"""How one client's bytes are laid out around the frames: what comes first, around each, and last.

A framing knows no socket. It says which stretches of which parts make up a frame for its client;
whoever sends them (``stream.py``) may send the same stretches to hundreds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from services.api import mjpeg
from services.api.part import BytesPart

if TYPE_CHECKING:
    from services.api.client import Client
    from services.api.encoded import EncodedFrame
    from services.api.part import Pieces

__all__ = ["Framing", "MultipartAhead", "MultipartFraming"]


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
        return ((frame.part, *frame.whole),)


class MultipartAhead(MultipartFraming):
    """The same with each part's header sent ahead, for Chromium: ``advance_headers=1``."""

    lead = mjpeg.ADVANCE_LEAD
    closing: BytesPart | None = BytesPart([mjpeg.ADVANCE_CLOSING])

    def pieces(self, frame: EncodedFrame, client: Client) -> Pieces:
        """The picture, and the header of the next part."""
        del client
        return ((frame.part, *frame.advance),)
