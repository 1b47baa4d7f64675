"""How an endless answer is given: what is checked before it, and who has the socket afterwards."""

from __future__ import annotations

import contextlib
import logging
import secrets
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from flask import Response, request
from werkzeug.wsgi import ClosingIterator

from services.api import deadline, mjpeg
from services.api.adaptive import Adaptation
from services.api.client import Client
from services.api.connection import Connection
from services.api.ladder import step_name
from services.api.routes import cameras, client_address, client_gone
from services.api.routes.problems import NotDelimited
from services.api.stream import Patience, Stream
from services.api.variant import PARAMETERS

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator, MutableMapping

    from services.api.camera import Camera
    from services.api.encoded import EncodedFrame
    from services.api.framing import Framing
    from services.api.variant import StreamOptions

__all__ = ["serve_stream"]

log = logging.getLogger(__name__)

HEADERS: Final = {
    "Cache-Control": "no-cache, no-store, must-revalidate",
    "Pragma": "no-cache",
    "Expires": "0",
    "X-Accel-Buffering": "no",
}
"""No cache and no proxy may hold a live picture back."""


def _asked_for() -> str:
    """Path and query for the log, of the query what is ours: the rest may hold secrets."""
    known = [(name, request.args[name]) for name in PARAMETERS if name in request.args]
    return request.path + (f"?{urlencode(known)}" if known else "")


def serve_stream(
    camera: Camera,
    options: StreamOptions,
    framing_for: Callable[[EncodedFrame, contextlib.ExitStack], Framing],
    kind: str = "mjpeg",
) -> Response:
    """Answer with a stream, or with the reason why there is none: after this it is too late.

    Args:
        camera: Whose.
        options: What the client asked for.
        framing_for: Chooses what surrounds the pictures, of which the first is known by then; what
            it gives to the stack is called when the stream is over.
        kind: What it is called in lists of clients.
    """
    cameras().lifecycle.check()
    client = Client(secrets.token_hex(8), client_address(), kind, options)
    limits = camera.limits
    patience = Patience(
        limits.stall_timeout_sec,
        limits.performance.repeat_after_sec,
        cameras().lifespan(client.id),
    )
    with contextlib.ExitStack() as held:
        seat = cameras().admit(camera, client_address())
        held.callback(seat.leave)
        ladder = options.ladder or (options.variant,)
        adaptation = Adaptation(camera, ladder, time.monotonic())
        held.callback(adaptation.close)
        first = camera.snapshot(camera.wait_for_frame(gone=client_gone()), adaptation.variant)
        framing = framing_for(first, held)
        body: Iterator[bytes] = iter(())
        if request.method != "HEAD":
            if request.environ["SERVER_PROTOCOL"] != "HTTP/1.0":  # see lifecycle.close_delimited
                raise NotDelimited
            mode = "legacy" if camera is cameras().legacy else "shared memory"
            log.info("Using %s streaming mode: %s for %s", mode, _asked_for(), client_address())
            body = _body(camera, framing, adaptation, client, patience, request.environ)
            # closed even where the client leaves before the first byte: then no generator runs
            body = ClosingIterator(body, held.pop_all().close)
    response = Response(body, headers=HEADERS, content_type=framing.content_type)
    response.headers["X-Client-Id"] = client.id
    response.headers.extend(mjpeg.hop_headers(first.hops))
    if options.ladder:
        steps = ", ".join(step_name(step) for step in options.ladder)
        response.headers["X-Quality-Steps"] = steps
    response.direct_passthrough = True
    return response


def _body(
    camera: Camera,
    framing: Framing,
    adaptation: Adaptation,
    client: Client,
    patience: Patience,
    environ: MutableMapping[str, Any],
) -> Iterator[bytes]:
    """Yield the framing's lead, so that gunicorn sends the headers; then own the socket."""
    yield framing.lead
    deadline.lift(environ)
    raw: socket.socket = environ["gunicorn.socket"]
    connection = Connection(raw, patience.stall_s)
    stream = Stream(client, connection, framing, camera.counters, patience=patience)
    if client.options.ladder:
        stream.adaptation = adaptation
    adaptation.follow(stream)
    camera.audience.enter(client)
    try:
        stream.run()
    finally:
        camera.audience.leave(client)
        adaptation.leave(stream)
        connection.release()
        log.info(
            "stream of %s ended: %s; %d parts, %d bytes, %d dropped",
            camera.name,
            stream.ended or "interrupted",
            client.sent,
            client.sent_bytes,
            client.dropped,
        )
