"""The other node: how it is connected to, what it is asked, and what its refusals mean.

The address of the source is kept, query and all. A name may stand for many nodes (a headless
Service): one of its addresses is taken by chance, the next one when it fails.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import random
import re
import select
import socket
import ssl
import threading
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, quote, urlencode

from services.video.sources.address import host_and_port, split_authority, user_and_password
from services.video.sources.network import unreachable
from shared.errors import SourceUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.settings_schema import RelaySettings

__all__ = ["Answer", "Upstream", "is_stream_address"]

_STREAM: Final = re.compile(r"(/stream/(?:video/shm|[A-Za-z0-9][A-Za-z0-9_.-]*))/?")
_OURS: Final = frozenset({"advance_headers", "extra_headers", "zero_data", "dual_final_frames"})
"""Parameters that would take from the parts what a relay needs."""
_RECEIVE_BYTES: Final = 256 * 1024
"""Room for what was not read yet: what is in it becomes old while a slow relay works."""
_ANSWER_S: Final = 5.0
_MOST_OF_A_DOCUMENT: Final = 4096
_KEEPALIVE: Final = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 2),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 5000),
)


def is_stream_address(url: str) -> bool:
    """Whether a network address may be that of another node's stream."""
    return url.startswith("http") and _STREAM.fullmatch(_path_and_query(url)[0]) is not None


@dataclass(frozen=True, slots=True)
class Answer:
    """The stream of another node, or why there is none.

    Attributes:
        response: Its headers are read, its body is not.
        connection: It came by.
        socket: Of the connection.
    """

    response: http.client.HTTPResponse
    connection: http.client.HTTPConnection
    socket: socket.socket

    def readable(self) -> bool:
        """Whether there is something to read, or the end, without waiting."""
        if isinstance(self.socket, ssl.SSLSocket) and self.socket.pending():
            return True
        poll = select.poll()
        poll.register(self.response, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        """Hang up."""
        self.response.close()
        self.connection.close()


class Upstream:
    """Another node, as far as it has been asked for nothing yet.

    Args:
        url: ``http(s)://…/stream/<camera>``; user and password may stand in it.
        node: What this node is called; the other one is told, so that it knows a relay.
        settings: ``video.relay``.

    Attributes:
        place: ``host:port``, for people.
    """

    def __init__(self, url: str, node: str, settings: RelaySettings) -> None:
        self._host, self._port = host_and_port(url)
        self.place = f"{self._host}:{self._port}"
        path, self._query = _path_and_query(url)
        found = _STREAM.fullmatch(path)
        if found is None:
            raise ValueError(f"{path!r} is no address of a stream: /stream/<camera>")
        self._path, self._camera_path = path, found[1]
        self._secure = url.startswith("https:")
        self._user = user_and_password(url)
        self._node = node
        self._settings = settings

    @property
    def fps(self) -> float | None:
        """The rate that the address asks for; None: as many as there are."""
        with contextlib.suppress(ValueError):
            return max(0.001, float(dict(parse_qsl(self._query)).get("fps", "")))
        return None

    def ask_stream(self) -> Answer:
        """Ask for the stream; the caller closes the answer.

        Raises:
            SourceUnavailable: Nobody answers, or not in HTTP.
        """
        target = f"{self._path}?{self._query}" if self._query else self._path
        connection = self.connect(_ANSWER_S)
        connected = connection.sock  # the library gives it to an answer without a length
        return Answer(self.ask(connection, target), connection, connected)

    def clock_path(self) -> str:
        """What the time is asked at."""
        return f"{self._camera_path}/clock"

    def connect(self, timeout_s: float) -> http.client.HTTPConnection:
        """Connect to one of the addresses that the name has.

        Args:
            timeout_s: Of each wait afterwards.

        Raises:
            SourceUnavailable: None of them answers in time.
        """
        try:
            found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
            random.shuffle(found)
            connected = self._first_of(found)
        except (OSError, UnicodeError) as error:
            raise SourceUnavailable(unreachable(self._host, self._port, error)) from error
        connected.settimeout(timeout_s)
        connection = http.client.HTTPConnection(self._host, self._port, timeout=timeout_s)
        connection.auto_open = 0
        connection.sock = connected
        return connection

    def _first_of(self, found: list[Any]) -> socket.socket:
        failure: OSError = OSError("there is no address")
        for family, kind, protocol, _, address in found:
            plain = socket.socket(family, kind, protocol)
            try:
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
                for option in _KEEPALIVE:
                    plain.setsockopt(*option)
                plain.settimeout(self._settings.connect_timeout_sec)
                plain.connect(address)
                if not self._secure:
                    return plain
                context = ssl.create_default_context()
                return context.wrap_socket(plain, server_hostname=self._host)
            except OSError as error:
                plain.close()
                failure = error
        raise failure

    def ask(self, connection: http.client.HTTPConnection, target: str) -> http.client.HTTPResponse:
        """Send a GET and read the headers of its answer.

        Raises:
            SourceUnavailable: There is none, or none in HTTP, or not soon, or the token cannot be
                read; the connection is closed then.
        """
        connected = connection.sock
        try:
            headers = self._headers()
            with _ended_after(_ANSWER_S, connected):
                connection.request("GET", target, headers=headers)
                return connection.getresponse()
        except (OSError, http.client.HTTPException, ValueError) as error:
            connection.close()
            why = str(error) or type(error).__name__
            raise SourceUnavailable(f"{self.place} gives no answer: {why}") from error
        except SourceUnavailable:
            connection.close()
            raise

    @staticmethod
    def small_document(response: http.client.HTTPResponse, connected: Any) -> Any:  # noqa: ANN401 - as the libraries have it
        """The JSON of an answer that is a few lines: not more, and not a byte now and then.

        Args:
            response: Its headers were read.
            connected: The socket of its connection, from before it was asked for.

        Raises:
            OSError, http.client.HTTPException: The connection broke.
            ValueError: It is no JSON.
        """
        with _ended_after(_ANSWER_S, connected):
            text = response.read(_MOST_OF_A_DOCUMENT)
        try:
            return json.loads(text)
        except RecursionError as error:  # made up: nothing of ours is nested so deep
            raise ValueError("it is nested too deep") from error

    def refusal(self, response: http.client.HTTPResponse, connected: Any) -> str:  # noqa: ANN401
        """What an answer other than 200 means, a sentence for operators; see ``small_document``."""
        if response.status == HTTPStatus.UNAUTHORIZED:
            return (
                f"{self.place} wants credentials, or other ones: give a token of its scope view "
                "in video.relay.token or token_file, or user:password@ in video.source"
            )
        if response.status == HTTPStatus.FORBIDDEN:
            return (
                f"{self.place} does not let these credentials view streams: give a token of its "
                "scope view in video.relay.token or token_file"
            )
        status = f"{self.place} answers {response.status} {response.reason[:60]}"
        try:
            detail = str(self.small_document(response, connected)["detail"])
        except (ValueError, KeyError, TypeError, OSError, http.client.HTTPException):
            return status
        return f"{status}: {detail[:200]}"

    def _headers(self) -> dict[str, str]:
        """Of every request; the token is read anew.

        Raises:
            SourceUnavailable: Its file cannot be read.
        """
        headers = {"Accept": "*/*", "X-Hops": self._node}
        token, file = self._settings.token, self._settings.token_file
        try:
            secret = file.read_text(encoding="ascii").strip() if file is not None else ""
        except (OSError, UnicodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not ASCII"
            raise SourceUnavailable(f"video.relay.token_file {file}: {why}") from error
        secret = token.get_secret_value() if token is not None else secret
        if secret:
            headers["Authorization"] = f"Bearer {secret}"
        elif self._user:
            basic = base64.b64encode(self._user.encode()).decode("ascii")
            headers["Authorization"] = f"Basic {basic}"
        return headers


@contextlib.contextmanager
def _ended_after(timeout_s: float, connected: Any) -> Iterator[None]:  # noqa: ANN401 - as the library has it
    """Cut the connection if the block takes too long: a byte now and then defeats its timeout."""

    def cut() -> None:
        with contextlib.suppress(OSError):
            connected.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(timeout_s, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _path_and_query(url: str) -> tuple[str, str]:
    """Of an address, escaped where HTTP wants it; without what a relay cannot use."""
    _, target = split_authority(url.partition(":")[2])
    path, _, query = target.partition("#")[0].partition("?")
    pairs = parse_qsl(query, keep_blank_values=True)
    kept = [(name, value) for name, value in pairs if name not in _OURS]
    return quote(path or "/", safe="/%:@!$&'()*+,;=~"), urlencode(kept)
