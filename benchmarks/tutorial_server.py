"""The pattern everybody copies: Flask's own server, a thread and a ``cv2.imencode`` per client.

As in the tutorials one thread keeps the newest picture, and every client's generator encodes it
anew. Two things are added, without which nothing could be compared: each part says its length, time
and number, and a client waits for the next picture instead of encoding the same one again.

    .venv/bin/python -m benchmarks.tutorial_server SEGMENT PORT
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from typing import TYPE_CHECKING, Final

import cv2
from flask import Flask, Response

from shared.consumer import VideoConsumer

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

QUALITY: Final = 85


class Newest:
    """The newest picture of a segment, copied out of it by a thread."""

    def __init__(self, segment: str) -> None:
        self._segment = segment
        self._changed = threading.Condition()
        self._current: tuple[int, float, NDArray[np.uint8]] | None = None
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        with VideoConsumer(self._segment) as consumer:
            for frame in consumer:
                info, image = frame.info, frame.image.copy()
                taken_s = time.time() - (time.monotonic_ns() - info.captured_at) / 1e9
                with self._changed:
                    self._current = (info.sequence, taken_s, image)
                    self._changed.notify_all()

    def after(self, sequence: int) -> tuple[int, float, NDArray[np.uint8]]:
        """Wait for a picture with another number; returns number, capture time (wall), image."""
        with self._changed:
            while self._current is None or self._current[0] == sequence:
                self._changed.wait()
            return self._current


def parts(newest: Newest) -> Iterator[bytes]:
    """The generator of the tutorials."""
    sequence = -1
    while True:
        sequence, taken_s, image = newest.after(sequence)
        jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
        yield (
            b"--frame\r\nContent-Type: image/jpeg\r\n"
            b"Content-Length: %d\r\nX-Timestamp: %.6f\r\nX-Frame-Number: %d\r\n\r\n%b\r\n"
        ) % (len(jpeg), taken_s, sequence, jpeg)


def main() -> None:
    """Serve until ended."""
    newest = Newest(sys.argv[1])
    app = Flask(__name__)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)

    @app.get("/")
    def ready() -> str:
        return "ready"

    @app.get("/video_feed")
    def video_feed() -> Response:
        return Response(parts(newest), mimetype="multipart/x-mixed-replace; boundary=frame")

    app.run(port=int(sys.argv[2]), threaded=True)


if __name__ == "__main__":
    main()
