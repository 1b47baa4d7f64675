"""What encoding costs, and what would make it cheaper: prints tables, asserts nothing.

    .venv/bin/python benchmarks/encoders.py

Milliseconds, the fastest of many runs, on one thread unless said otherwise. ``simplejpeg`` and
PyAV's planes are measured where they are installed (``pip install simplejpeg``); the product needs
neither. The decisions made from these numbers are docs/adr/0017.
"""

from __future__ import annotations

import importlib
import itertools
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np
from gevent.threadpool import ThreadPool

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from services.api.imaging import decode, encode_image, one_core_each, shrink  # noqa: E402
from services.api.stripes import borders, joined  # noqa: E402
from shared.frame import PixelFormat  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

QUALITY: Final = 85
RUNS: Final = 60
BGR: Final = PixelFormat.BGR24
SIZES: Final = {"720p": (1280, 720), "1080p": (1920, 1080), "4K": (3840, 2160)}


def scene(width: int, height: int) -> NDArray[np.uint8]:
    """Soft shapes, hard edges and the noise of a sensor: 1080p at quality 85 is about 400 kB."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    waves = (np.sin(x / 97 + y / 61), np.cos(x / 53 - y / 83), np.sin((x + y) / 41))
    image = np.stack([128 + 90 * wave for wave in waves], axis=-1)
    grain = np.random.default_rng(1).integers(-25, 25, (height // 2, width // 2, 3))
    image += cv2.resize(grain.astype(np.float32), (width, height))
    result: NDArray[np.uint8] = np.clip(image, 0, 255).astype(np.uint8)
    for row in range(0, height, 90):
        cv2.putText(result, f"row {row}", (row % 700, row), 0, 1.2, (255, 255, 255), 2)
    return result


def milliseconds(work: Callable[..., object], *arguments: object, **options: object) -> float:
    """The fastest of many calls: what else runs on the machine disturbs that least."""
    times = []
    for _ in range(RUNS):
        started_at = time.perf_counter()
        work(*arguments, **options)
        times.append(time.perf_counter() - started_at)
    return min(times) * 1000


def psnr(image: NDArray[Any], reference: NDArray[Any]) -> float:
    """How alike two images are, decibels; above 40 nobody sees a difference."""
    error = float(np.mean((image.astype(np.float64) - reference) ** 2))
    return 10 * float(np.log10(255**2 / max(error, 1e-9)))


def sizes() -> None:
    """Ways to a smaller picture: from pixels, and from a JPEG."""
    image = scene(*SIZES["1080p"])
    jpeg = encode_image(image, BGR, QUALITY)
    print("\n1080p made smaller: INTER_AREA, INTER_LINEAR (dB against AREA), shrink() (dB)")
    for size in ((1280, 720), (1000, 562), (960, 540), (854, 480), (640, 360), (480, 270)):
        area = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        linear = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
        times = [
            milliseconds(cv2.resize, image, size, interpolation=cv2.INTER_AREA),
            milliseconds(cv2.resize, image, size, interpolation=cv2.INTER_LINEAR),
            milliseconds(shrink, image, size),
        ]
        print(
            f"  {size[0]:4} x {size[1]:3}  {times[0]:6.2f}  {times[1]:6.2f} "
            f"({psnr(linear, area):.1f})  {times[2]:6.2f} ({psnr(shrink(image, size), area):.1f})"
        )
    print("1080p JPEG decoded to 1/n: decode(), dB against whole and INTER_AREA")
    size = (image.shape[1], image.shape[0])
    whole = decode(jpeg, size)
    for factor in (1, 2, 4, 8):
        small = decode(jpeg, size, factor)
        averaged = cv2.resize(whole, small.shape[1::-1], interpolation=cv2.INTER_AREA)
        took = milliseconds(decode, jpeg, size, factor)
        print(f"  1/{factor}  {took:6.2f}  {psnr(small, averaged):.1f}")


def stripes() -> None:
    """One JPEG by one thread and by several, through gevent's pool as the encoder does it."""
    print("\nstripes through gevent's thread pool: at once, 2 threads, 3, 4; joining two alone")
    for name, (width, height) in SIZES.items():
        image = scene(width, height)
        row = []
        for count in (1, 2, 3, 4):
            pool = ThreadPool(count)
            row.append(milliseconds(striped, pool, image, count))
            pool.kill()
        parts = [encode_image(rows, BGR, QUALITY).data for rows in cut(image, 2)]
        alone = milliseconds(joined, parts, height)
        print(f"  {name:5}  {'  '.join(f'{took:6.2f}' for took in row)}   {alone:.3f}")


def cut(image: NDArray[np.uint8], count: int) -> list[NDArray[np.uint8]]:
    """Stripes of an image, in place."""
    cuts = borders(image.shape[1], image.shape[0], count)
    return [image[top:end] for top, end in itertools.pairwise(cuts)]


def striped(pool: ThreadPool, image: NDArray[np.uint8], count: int) -> bytes:
    """Encode an image in stripes."""
    asked = [pool.spawn(encode_image, rows, BGR, QUALITY) for rows in cut(image, count)]
    done: list[Any] = [one.get() for one in asked]
    return joined([stripe.data for stripe in done], image.shape[0])


def encoders() -> None:
    """cv2 beside simplejpeg, from BGR and from planes."""
    try:
        simplejpeg: Any = importlib.import_module("simplejpeg")
    except ModuleNotFoundError:
        print("\nsimplejpeg is not installed: not measured")
        return
    print("\nfrom BGR: cv2, simplejpeg; from BGR by way of full-range I420 planes: total, of it")
    print("the conversion (numpy and cv2); from ready planes; dB against the image: cv2, planes")
    for name, (width, height) in SIZES.items():
        image = scene(width, height)

        def from_planes(planes: Sequence[NDArray[Any]]) -> bytes:
            jpeg: bytes = simplejpeg.encode_jpeg_yuv_planes(*planes, quality=QUALITY)
            return jpeg

        def from_bgr(image: NDArray[Any]) -> bytes:
            return from_planes(full_range_planes(image))

        ready = full_range_planes(image)
        bgr = {"quality": QUALITY, "colorspace": "BGR", "colorsubsampling": "420"}
        row = [
            milliseconds(encode_image, image, BGR, QUALITY),
            milliseconds(simplejpeg.encode_jpeg, image, **bgr),
            milliseconds(from_bgr, image),
            milliseconds(full_range_planes, image),
            milliseconds(from_planes, ready),
        ]
        size = (image.shape[1], image.shape[0])
        by_cv2 = psnr(decode(encode_image(image, BGR, QUALITY), size), image)
        by_planes = psnr(decode(np.frombuffer(from_planes(ready), np.uint8), size), image)
        numbers = "  ".join(f"{took:6.2f}" for took in row)
        print(f"  {name:5}  {numbers}   {by_cv2:.1f} {by_planes:.1f}")


def full_range_planes(image: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """BGR to the planes a JPEG has: full range, BT.601, color at half the size.

    Not COLOR_BGR2YUV_I420: that one makes video's limited range, and the contrast would be wrong.
    """
    full = cv2.cvtColor(image, cv2.COLOR_BGR2YCrCb)
    luma, red, blue = cv2.split(full)
    half = (image.shape[1] // 2, image.shape[0] // 2)
    return (
        luma,
        cv2.resize(blue, half, interpolation=cv2.INTER_AREA),
        cv2.resize(red, half, interpolation=cv2.INTER_AREA),
    )


def main() -> None:
    """Measure everything."""
    one_core_each()
    print(f"OpenCV {cv2.__version__}; quality {QUALITY}; ms, fastest of {RUNS}")
    encoders()
    sizes()
    stripes()


if __name__ == "__main__":
    main()
