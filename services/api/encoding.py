"""What a frame may become before it is sent: compressed, or pixels as they are."""

from __future__ import annotations

import enum

__all__ = ["Encoding"]


class Encoding(enum.Enum):
    """The form of a frame's bytes. The value is what a query calls it, and names of variants."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    RAW = "raw"
    """Pixels in the source's own order of channels; a source of JPEGs is decoded to BGR24."""
    BGR24 = "bgr24"
    RGB24 = "rgb24"
    GRAY8 = "gray8"
    I420 = "y4m"
    """Planes of YUV 4:2:0, BT.601, limited range: what Y4M carries. Width and height are even."""

    @property
    def lossy(self) -> bool:
        """Whether it knows a quality."""
        return self in {Encoding.JPEG, Encoding.WEBP}

    @property
    def compressed(self) -> bool:
        """Whether it is a picture file; otherwise it is pixels."""
        return self in {Encoding.JPEG, Encoding.PNG, Encoding.WEBP}

    @property
    def content_type(self) -> str:
        """Of one frame."""
        return f"image/{self.value}" if self.compressed else "application/octet-stream"
