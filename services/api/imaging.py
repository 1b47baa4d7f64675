"""What OpenCV does for us between a slot and what is sent: decode, make smaller, encode, convert.

Functions of their arguments alone, called in the encoder's threads; each releases the GIL.
Pixels are BGR unless said otherwise, full range, as JPEG has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import cv2

from services.api.encoding import Encoding
from shared.errors import EncodeError
from shared.frame import PixelFormat
from shared.jpeg import check_size

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "compress",
    "decode",
    "encode_image",
    "one_core_each",
    "reduction",
    "shrink",
    "to_pixels",
]

_TO_BGR: Final = {
    PixelFormat.RGB24: cv2.COLOR_RGB2BGR,
    PixelFormat.BGRA32: cv2.COLOR_BGRA2BGR,
    PixelFormat.RGBA32: cv2.COLOR_RGBA2BGR,
}

_FROM_BGR: Final = {
    Encoding.RGB24: cv2.COLOR_BGR2RGB,
    Encoding.GRAY8: cv2.COLOR_BGR2GRAY,
    Encoding.I420: cv2.COLOR_BGR2YUV_I420,
}

_PIXEL_FORMATS: Final = {
    Encoding.BGR24: PixelFormat.BGR24,
    Encoding.RGB24: PixelFormat.RGB24,
    Encoding.GRAY8: PixelFormat.GRAY8,
}

_DECODE: Final = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}


def one_core_each() -> None:
    """Keep OpenCV from starting threads of its own: the encoder has as many as it may."""
    cv2.setNumThreads(1)


def reduction(width: int, height: int, needed: tuple[int, int]) -> int:
    """By how much a JPEG may be made smaller while it is decoded: 1, 2, 4 or 8.

    Args:
        width: Of the JPEG.
        height: Of the JPEG.
        needed: Width and height that must be left at least.
    """
    for factor in (8, 4, 2):
        if -(-width // factor) >= needed[0] and -(-height // factor) >= needed[1]:
            return factor
    return 1


def decode(payload: NDArray[Any], size: tuple[int, int], factor: int = 1) -> NDArray[Any]:
    """Decode a JPEG, making it smaller on the way where that is wanted.

    Args:
        payload: ``uint8[size_bytes]``; read only, not kept.
        size: Width and height that the ring tells; a JPEG that claims others is not decoded.
        factor: From ``reduction``.

    Returns:
        ``uint8[height, width, 3]``, BGR; as the sensor has it, whatever EXIF says about turning it.

    Raises:
        EncodeError: It is no JPEG that OpenCV knows, or of another size.
    """
    try:
        check_size(payload.data, *size)
        image = cv2.imdecode(payload, _DECODE[factor] | cv2.IMREAD_IGNORE_ORIENTATION)
    except (cv2.error, ValueError) as error:
        raise EncodeError(f"the camera's JPEG cannot be decoded: {error}") from error
    if image is None:
        raise EncodeError("the camera's JPEG cannot be decoded")
    return image


def shrink(image: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Make an image smaller, cheaply and without flicker at edges.

    Halved by averaging as long as that goes, which OpenCV does fast, and then brought to size by
    linear interpolation, which is enough below a factor of two. ``INTER_AREA`` alone takes up to
    ten times as long at odd ratios, more than the encoding (``benchmarks/encoders.py``).

    Args:
        image: ``uint8[height, width, channels]`` or ``uint8[height, width]``; read only, not kept.
        size: Width and height of the result, not larger than the image.

    Returns:
        The smaller image, or the very same where it has the size already.

    Raises:
        EncodeError: OpenCV refused.
    """
    try:
        while image.shape[1] >= 2 * size[0] and image.shape[0] >= 2 * size[1]:
            half = (image.shape[1] // 2, image.shape[0] // 2)
            even = image[: 2 * half[1], : 2 * half[0]]
            image = cv2.resize(even, half, interpolation=cv2.INTER_AREA)
        if size != (image.shape[1], image.shape[0]):
            image = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
    except cv2.error as error:
        raise EncodeError(f"frame cannot be made smaller: {error}") from error
    return image


def encode_image(image: NDArray[Any], pixel_format: PixelFormat, quality: int) -> NDArray[Any]:
    """Encode one image, or one stripe of it.

    Args:
        image: ``uint8[height, width, channels]`` or ``uint8[height, width]``; read only, not kept.
        pixel_format: Order of its channels; ``JPEG`` means it was decoded to BGR.
        quality: 1 to 100.

    Returns:
        The JPEG, ``uint8[size_bytes]``, C-contiguous: baseline, standard tables, 4:2:0.

    Raises:
        EncodeError: OpenCV refused.
    """
    try:
        if pixel_format in _TO_BGR:
            image = cv2.cvtColor(image, _TO_BGR[pixel_format])
        whole, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    except cv2.error as error:
        raise EncodeError(f"frame cannot be encoded: {error}") from error
    if not whole:
        raise EncodeError("frame cannot be encoded")
    return data.reshape(-1)


def compress(
    image: NDArray[Any], pixel_format: PixelFormat, encoding: Encoding, quality: int
) -> NDArray[Any]:
    """Encode one image as PNG or WebP.

    Args:
        image: ``uint8[height, width, channels]`` or ``uint8[height, width]``; read only, not kept.
        pixel_format: Order of its channels; ``JPEG`` means it was decoded to BGR.
        encoding: PNG, which loses nothing, or WEBP.
        quality: 1 to 100, for WEBP.

    Returns:
        The picture, ``uint8[size_bytes]``, C-contiguous; without an alpha channel.

    Raises:
        EncodeError: OpenCV refused; WebP knows no side over 16383 pixels.
    """
    options = [cv2.IMWRITE_WEBP_QUALITY, quality] if encoding is Encoding.WEBP else []
    try:
        if pixel_format in _TO_BGR:
            image = cv2.cvtColor(image, _TO_BGR[pixel_format])
        whole, data = cv2.imencode(f".{encoding.value}", image, options)
    except cv2.error as error:
        raise EncodeError(f"frame cannot be encoded: {error}") from error
    if not whole:
        raise EncodeError("frame cannot be encoded")
    return data.reshape(-1)


def to_pixels(
    image: NDArray[Any], pixel_format: PixelFormat, encoding: Encoding
) -> tuple[NDArray[Any], PixelFormat | None]:
    """Bring an image into an uncompressed form.

    Args:
        image: ``uint8[height, width, channels]`` or ``uint8[height, width]``; read only, not kept.
        pixel_format: Order of its channels; ``JPEG`` means it was decoded to BGR.
        encoding: The form. I420 needs an even width and height.

    Returns:
        The pixels, C-contiguous, and the order of their channels (None: planes). Where it has the
        form already, the very same image.

    Raises:
        EncodeError: OpenCV refused.
    """
    if pixel_format is PixelFormat.JPEG:
        pixel_format = PixelFormat.BGR24
    wanted = pixel_format if encoding is Encoding.RAW else _PIXEL_FORMATS.get(encoding)
    if wanted is pixel_format:
        return image, wanted
    try:
        if pixel_format is PixelFormat.GRAY8:
            image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
        elif pixel_format in _TO_BGR:
            image = cv2.cvtColor(image, _TO_BGR[pixel_format])
        if encoding in _FROM_BGR:
            image = cv2.cvtColor(image, _FROM_BGR[encoding])
    except cv2.error as error:
        raise EncodeError(f"frame cannot be converted: {error}") from error
    return image, wanted
