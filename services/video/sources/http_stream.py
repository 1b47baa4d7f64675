"""A stream over HTTP whose server may be another node of ours: it says so, or it is a camera.

Every answer of a node names the nodes its frames come through (``X-Hops``). What does not is left
to OpenCV, as any other address is.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from services.video.backoff import Backoff
from services.video.sources.relay import RelaySource
from services.video.sources.upstream import Upstream
from shared.errors import SourceUnavailable

if TYPE_CHECKING:
    from services.video.sources.network import NetworkSource
    from services.video.sources.source import Grab
    from shared.frame import Geometry
    from shared.ring.writer import Slot
    from shared.settings_schema import VideoSettings

__all__ = ["HttpStreamSource"]

_PROBLEM: Final = "application/problem+json"
_GUESSING: Final = frozenset(
    {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS}
)
_REFUSED_PAUSE_S: Final = 15.0
"""Who sends wrong credentials ten times in a minute is taken for a stranger who guesses."""
_ASKING_S: Final = 30.0
"""Name service, several addresses, and an answer."""


class HttpStreamSource:
    """See ``source.Source`` for the promises.

    Args:
        url: ``http(s)://…/stream/<camera>``.
        node: What this node is called.
        settings: The ``video`` section.
        camera: What reads the stream of a server that is no node.
    """

    def __init__(self, url: str, node: str, settings: VideoSettings, camera: NetworkSource) -> None:
        self._upstream = Upstream(url, node, settings.relay)
        self._relay = RelaySource(url, self._upstream, node, settings)
        self._camera = camera
        self._source: RelaySource | NetworkSource = camera
        self._refused = Backoff(_REFUSED_PAUSE_S, _REFUSED_PAUSE_S)
        self._is_camera = False  # as far as is known: nobody may have answered yet

    @property
    def label(self) -> str:
        """The address, without secrets."""
        return self._camera.label

    @property
    def details(self) -> str:
        """What it turned out to be."""
        return self._source.details

    @property
    def longest_open_s(self) -> float:
        """To ask, and for a camera what it needs after that."""
        return _ASKING_S + self._camera.longest_open_s

    @property
    def longest_grab_s(self) -> float:
        """As long as whatever it is may take."""
        return self._source.longest_grab_s

    def open(self) -> None:
        """Ask for the stream, and see what answers.

        Raises:
            SourceUnavailable: Nobody, or with something that cannot be shown.
        """
        self.close()
        try:
            answer = self._upstream.ask_stream()
        except SourceUnavailable as error:
            if self._is_camera:
                self._open_camera()
                return
            raise SourceUnavailable(str(error), retry_s=self._relay.retry_s()) from error
        response = answer.response
        if response.status == HTTPStatus.OK and response.getheader("X-Hops"):
            self._is_camera, self._source = False, self._relay
            self._relay.take(answer)
            return
        ours = (response.getheader("Content-Type") or "").startswith(_PROBLEM)
        why = self._upstream.refusal(response, answer.socket) if ours else ""
        answer.close()
        if ours:
            guessing = response.status in _GUESSING
            retry_s = self._refused.next_pause_s() if guessing else self._relay.retry_s()
            raise SourceUnavailable(why, retry_s=retry_s)
        self._open_camera()

    def grab(self) -> Grab:
        """Wait for the next picture."""
        return self._source.grab()

    def retrieve(self, slot: Slot) -> Geometry:
        """Put the picture grabbed last into the slot."""
        return self._source.retrieve(slot)

    def close(self) -> None:
        """Let it go."""
        self._relay.close()
        self._camera.close()

    def _open_camera(self) -> None:
        self._is_camera, self._source = True, self._camera
        self._camera.open()
