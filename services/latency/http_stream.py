"""A stream of ours over HTTP: asks for it, reads its parts, says when each of them was there."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import parse_qs, unquote, urlsplit

from services.latency.errors import StreamEnded, StreamRefused
from services.latency.picture import RAW
from services.latency.sighting import Sighting
from shared.multipart import JPEG, MultipartReader, ProtocolViolation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.multipart import Part

__all__ = ["Address", "HttpStream"]

_CHUNK_BYTES: Final = 1 << 20
_MULTIPART: Final = "multipart/x-mixed-replace"
_MOST_OF_A_PROBLEM: Final = 4096


class Address:
    """Where a stream is, and how one gets in.

    Args:
        url: ``http://`` or ``https://``, perhaps with user and password.
        token: A bearer token; empty: none.

    Raises:
        ValueError: It is no such address.
    """

    def __init__(self, url: str, token: str = "") -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            msg = "must be such as http://localhost:8000/stream/video or shm:billiards_video"
            raise ValueError(msg)
        self.path = parts.path or "/"
        self.query = parts.query
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname, parts.port
        self._headers = {"Accept": "*/*"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        elif parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            basic = base64.b64encode(pair.encode()).decode("ascii")
            self._headers["Authorization"] = f"Basic {basic}"

    def ask(
        self, path: str, query: str, timeout_s: float
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        """Send a GET and read the headers of its answer; the caller closes the connection.

        Raises:
            OSError: Nobody answers.
            http.client.HTTPException: What answers does not speak HTTP.
        """
        connection = http.client.HTTPConnection(self._host, self._port, timeout=timeout_s)
        if self._secure:
            context = ssl.create_default_context()
            connection = http.client.HTTPSConnection(
                self._host, self._port, timeout=timeout_s, context=context
            )
        target = f"{path}?{query}" if query else path
        try:
            connection.request("GET", target, headers=self._headers)
            return connection, connection.getresponse()
        except BaseException:
            connection.close()
            raise


class HttpStream:
    """One client of one stream; a context manager.

    Args:
        address: Where.
        timeout_s: How long it may be silent.

    Attributes:
        received_bytes: All of the body so far, what surrounds the pictures included.

    Raises:
        StreamRefused: There is none.
    """

    def __init__(self, address: Address, timeout_s: float) -> None:
        self.received_bytes = 0
        try:
            self._connection, self._response = address.ask(address.path, address.query, timeout_s)
        except (OSError, http.client.HTTPException) as error:
            raise StreamRefused(str(error) or type(error).__name__) from error
        try:
            self._reader = self._start(address.query)
        except BaseException:
            self._connection.close()
            raise

    def _start(self, query: str) -> MultipartReader:
        response = self._response
        kind, _, boundary = (response.getheader("Content-Type") or "").partition("boundary=")
        if response.status != HTTPStatus.OK:
            raise StreamRefused(_why(response))
        if not kind.startswith(_MULTIPART) or not boundary:
            raise StreamRefused(
                f"this is no {_MULTIPART} but {kind.strip('; ') or 'nothing'}: give a stream's "
                "address, such as /stream/video or /stream/video/raw"
            )
        ahead = parse_qs(query).get("advance_headers", ["0"])[-1] not in {"0", "false", "no"}
        return MultipartReader(
            boundary.strip('"').encode(), advance_headers=ahead, kinds=(JPEG, RAW)
        )

    def parts(self) -> Iterator[tuple[Part, Sighting]]:
        """Yield parts with what their headers say, as they come.

        A part of a stream with ``advance_headers`` says nothing but its picture.

        Raises:
            StreamEnded: The other side ended it, is silent, or sends what is no such stream.
        """
        while True:
            try:
                data = self._response.read1(_CHUNK_BYTES)
            except (OSError, http.client.HTTPException) as error:
                raise StreamEnded(str(error) or type(error).__name__) from error
            now_s, wall_us = time.monotonic(), time.time_ns() // 1000
            self.received_bytes += len(data)
            try:
                self._reader.feed(data)
                while (part := self._reader.next_part()) is not None:
                    yield part, _said(part, now_s, wall_us)
            except (ProtocolViolation, ValueError) as error:
                raise StreamEnded(f"what came is no stream of ours: {error}") from error
            if self._reader.ended or not data:
                raise StreamEnded("the server ended the stream")

    def close(self) -> None:
        """Hang up; for whoever reads, in the thread that does."""
        self._response.close()
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def _said(part: Part, now_s: float, wall_us: int) -> Sighting:
    headers = part.headers
    return Sighting(
        now_s,
        wall_us,
        round(float(headers.get("x-timestamp", "0")) * 1e6),
        int(headers.get("x-frame-number", "-1")),
        headers.get("x-epoch", ""),
        len(part.jpeg),
        online=headers.get("x-online", "1") == "1",
    )


def _why(response: http.client.HTTPResponse) -> str:
    """What the server says about it: the sentence of a problem document, if it is one."""
    status = f"{response.status} {response.reason}"
    try:
        detail = json.loads(response.read(_MOST_OF_A_PROBLEM))["detail"]
    except (ValueError, KeyError, TypeError, OSError):
        return f"the server answers {status}"
    return f"the server answers {status}: {detail}"
