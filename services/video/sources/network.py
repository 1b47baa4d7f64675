"""Pictures from elsewhere: RTSP cameras, and the MJPEG stream of another server."""

from __future__ import annotations

import base64
import re
import socket
import time
from typing import Final
from urllib.parse import quote

import cv2

from services.video.sources.address import (
    host_and_port,
    split_authority,
    user_and_password,
    without_secrets,
)
from services.video.sources.opencv import CaptureSource, MakeCapture, open_capture
from services.video.sources.passthrough import pictures_of
from services.video.sources.source import Grab, monotonic_ns
from shared.errors import SourceUnavailable

__all__ = ["NetworkSource", "unreachable"]

_DIAGNOSIS_TIMEOUT_S: Final = 2.0
_NAME_SERVICE_S: Final = 30.0
"""Two tries of 5 s with each of three name servers: what resolv.conf(5) has by default."""
_OPENING_STEPS: Final = 2
"""FFmpeg connects and looks at the stream; then we may ask why that failed, in two steps again."""
_MAX_STATUS_LINE: Final = 256
_STATUS_LINE: Final = re.compile(r"HTTP/\d\.\d ((\d{3})\b[ -~]{0,60})")


class NetworkSource(CaptureSource):
    """See ``source.Source`` for the promises.

    Live: pictures come when they come. One decoder thread, because FFmpeg's frame threads hold
    back as many pictures as there are threads.

    Args:
        url: ``rtsp://``, ``rtsps://``, ``http://`` or ``https://``; user and password belong here
            and leave this class only towards FFmpeg.
        open_timeout_s: How long the other side may take to answer.
        read_timeout_s: How long it may be silent afterwards.
        passthrough: Keep JPEGs as they are, the ``video.passthrough`` setting.
        max_pixels: The ``video.max_pixels`` setting.
        make_capture: For tests.
    """

    def __init__(
        self,
        url: str,
        *,
        open_timeout_s: float = 5.0,
        read_timeout_s: float = 5.0,
        passthrough: bool = False,
        max_pixels: int = 100_000_000,
        make_capture: MakeCapture = open_capture,
    ) -> None:
        super().__init__(without_secrets(url))
        self._url = url
        self._open_timeout_s = open_timeout_s
        self._read_timeout_s = read_timeout_s
        self._passthrough = passthrough
        self._max_pixels = max_pixels
        self._make_capture = make_capture
        self._has_grabbed = False

    @property
    def details(self) -> str:
        """Size, rate and codec of the stream; no rate for HTTP, whose streams do not tell it."""
        if self._pictures is None:
            return "closed"
        live_rate = self._url.startswith("rtsp")
        return self._pictures.details if live_rate else self._pictures.size_and_codec

    @property
    def longest_open_s(self) -> float:
        """Name service, connection and first answer; and all that again, to find out what failed.

        The name service is asked by the C library, which knows no timeout of ours.
        """
        ours_s = self._open_timeout_s + _DIAGNOSIS_TIMEOUT_S
        return _OPENING_STEPS * (ours_s + _NAME_SERVICE_S)

    @property
    def longest_grab_s(self) -> float:
        """As long as FFmpeg waits for a silent server."""
        return self._read_timeout_s

    def open(self) -> None:
        """Connect and find out what the stream holds.

        Raises:
            SourceUnavailable: Nobody there, or nothing there that can be shown.
        """
        self.close()
        options = [
            cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
            round(self._open_timeout_s * 1000),
            cv2.CAP_PROP_READ_TIMEOUT_MSEC,
            round(self._read_timeout_s * 1000),
            cv2.CAP_PROP_N_THREADS,
            1,
        ]
        capture = self._make_capture(self._url, cv2.CAP_FFMPEG, options)
        if not capture.isOpened():
            capture.release()
            raise SourceUnavailable(_why_not(self._url))
        self._pictures = pictures_of(
            capture,
            cv2.CAP_FFMPEG,
            passthrough=self._passthrough,
            max_pixels=self._max_pixels,
        )
        self._has_grabbed = False

    def grab(self) -> Grab:
        """Wait for the next picture.

        Raises:
            SourceUnavailable: The other side closed the stream, was silent for too long, or sent
                what FFmpeg does not take for a picture.
        """
        pictures = self._opened()
        if not pictures.grab():
            raise SourceUnavailable(self._why_no_picture())
        self._has_grabbed = True
        return Grab(pictures.geometry, monotonic_ns(), size_bytes=pictures.size_bytes)

    def _why_no_picture(self) -> str:
        host, port = host_and_port(self._url)
        if self._url.startswith("http") and not self._has_grabbed:
            return f"{host}:{port} sent no picture (the parts of its stream must be image/jpeg)"
        return f"{host}:{port} ended the stream, or sent nothing for {self._read_timeout_s:g} s"


def _why_not(url: str) -> str:
    """Find the sentence that FFmpeg keeps to itself: why ``url`` did not open."""
    host, port = host_and_port(url)
    place = f"{host}:{port}"
    try:
        with socket.create_connection((host, port), _DIAGNOSIS_TIMEOUT_S):
            pass
    except (OSError, UnicodeError) as error:
        return unreachable(host, port, error)
    if url.startswith("http:") and (status := _http_status(url)) is not None:
        return f"{place} answers {status}: check path, user and password"
    return f"{place} is there but sends no video: check path, user and password"


def unreachable(host: str, port: int, error: OSError | UnicodeError) -> str:
    """Why nobody could be connected to, a sentence for operators."""
    place = f"{host}:{port}"
    if isinstance(error, socket.gaierror | UnicodeError):  # the latter: no name can look like that
        return f"there is no host named {host}: check the address and the name service"
    if isinstance(error, ConnectionRefusedError):
        return f"{place} refuses connections: is the server running, is the port right?"
    if isinstance(error, TimeoutError):
        return f"{place} does not answer: is it switched on and on this network?"
    return f"{place} cannot be reached: {error.strerror or error}"


def _http_status(url: str) -> str | None:
    """What a web server answers when it is not 200, like ``404 Not Found``; None: nothing in time.

    By hand, because the library's time limit is one per read: a server that sends a byte now and
    then would hold the source for ever.
    """
    deadline_s = time.monotonic() + _DIAGNOSIS_TIMEOUT_S
    answer = b""
    try:
        with socket.create_connection(host_and_port(url), _DIAGNOSIS_TIMEOUT_S) as connection:
            connection.sendall(_http_request(url))
            while b"\n" not in answer and (left_s := deadline_s - time.monotonic()) > 0:
                connection.settimeout(left_s)
                received = connection.recv(_MAX_STATUS_LINE)
                if not received:
                    break
                answer += received
    except OSError:
        return None
    line = answer.partition(b"\n")[0].decode("latin-1")
    match = _STATUS_LINE.match(line)
    return match[1].strip() if match is not None and match[2] != "200" else None


def _http_request(url: str) -> bytes:
    place, target = split_authority(url.partition(":")[2])
    target = quote(target.partition("#")[0], safe="/?%:@!$&'()*+,;=~[]")
    lines = [f"GET {target if target.startswith('/') else '/' + target} HTTP/1.0"]
    lines.append(f"Host: {place.encode('idna').decode() if not place.isascii() else place}")
    if user := user_and_password(url):
        lines.append(f"Authorization: Basic {base64.b64encode(user.encode()).decode()}")
    return "\r\n".join((*lines, "", "")).encode("ascii")
