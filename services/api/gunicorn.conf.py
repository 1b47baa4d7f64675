"""How gunicorn runs the API: ``gunicorn -c services/api/gunicorn.conf.py``, from anywhere.

gunicorn takes every global here that is named like one of its settings; all else is underscored.
"""

from __future__ import annotations

import contextlib as _contextlib
import functools as _functools
import logging as _logging
import sys as _sys
from pathlib import Path as _Path
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

_sys.path.insert(0, str(_Path(__file__).resolve().parents[2]))

from gunicorn.workers import ggevent as _ggevent  # type: ignore[import-untyped]

from services.api import deadline as _deadline
from services.api import lifecycle as _lifecycle
from services.api import machine as _machine
from services.api import part as _part
from services.api import supervision as _supervision
from services.api.access import exposure as _exposure
from services.api.access import masking as _masking
from services.api.access import proxies as _proxies
from services.api.access import start as _start
from services.api.access import tls as _tls
from services.api.beginning import log_begin as _log_begin
from services.api.breath import breathe as _breathe
from services.api.fairness import FairServer as _FairServer
from services.api.ledger import Ledger as _Ledger
from services.api.settled import settle as _settle
from shared import request_context as _request_context
from shared.errors import ConfigError as _ConfigError
from shared.logs import logging_config as _logging_config
from shared.logs import make_formatter as _make_formatter

if _TYPE_CHECKING:
    import ssl as _ssl
    from collections.abc import Callable as _Callable
    from collections.abc import Iterator as _Iterator


@_contextlib.contextmanager
def _right() -> _Iterator[None]:
    """End with exit code 2 and a sentence for each problem where a setting is wrong."""
    try:
        yield
    except _ConfigError as error:
        _sys.stderr.write(error.lines)
        _sys.exit(2)


with _right():
    _settings = _settle()

wsgi_app = "services.api.app:create_app()"
_host = f"[{_settings.api.host}]" if ":" in _settings.api.host else _settings.api.host
bind = f"{_host}:{_settings.api.port}"
workers = _settings.api.workers or _machine.default_workers()
worker_class = "gevent"
_limits = _settings.api.limits
worker_connections = _limits.max_streams + 500
"""One worker may have all the streams; snapshots, status and health always find room beside them,
and beside some hundred connections that say nothing."""
limit_request_line = _limits.max_request_line_bytes
limit_request_fields = _limits.max_header_fields
limit_request_field_size = _limits.max_header_bytes
keepalive = 2
"""Also how long a request's header may take, and what is left of its body: that is how long a
client that sends nothing, or a byte per second, keeps its connection."""
worker_tmp_dir = "/dev/shm"  # noqa: S108 - the heartbeat file must be on a tmpfs, or a busy disk kills workers
timeout = 30
graceful_timeout = _settings.api.drain_spread_sec + _settings.api.drain_timeout_sec
preload_app = False
control_socket_disable = True
access_log_format = '%(h)s - - %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"'
"""gunicorn's own, but without the user of Basic: a token may have been written there by mistake."""
forwarded_allow_ips = _proxies.forwarded_allow_ips(_settings.api.http.trusted_proxies)
forwarder_headers = ""
"""No header of a proxy moves the path that is asked for: a signature is for a path."""
if _settings.api.tls.certificate_file is not None:
    certfile, keyfile = _tls.names()  # written to once everything was looked at
logconfig_dict = _logging_config(_settings.logging.level, _settings.logging.format)
logconfig_dict["formatters"] = {
    "line": {
        "()": lambda: _masking.MaskingFormatter(_make_formatter(_settings.logging.format)),
    }
}


def on_starting(server: _Any) -> None:  # noqa: ANN401 - gunicorn has no types
    """In the arbiter, once, before anything listens: files tried, and what outlives workers made.

    The files are not tried at a reload: that would end streams.
    """
    with _right():
        for warning in _start.check_files_of(_settings.api):
            server.log.warning(warning)
        _tls.keep(_settings.api.tls)
    server.ledger = _Ledger()
    _supervision.supervise(server)


def pre_fork(server: _Any, worker: _Any) -> None:  # noqa: ANN401
    """In the arbiter, before a worker is started: its place among all."""
    worker.place = server.ledger.take()


def ssl_context(config: _Any, default: _Callable[[], _ssl.SSLContext]) -> _ssl.SSLContext:  # noqa: ANN401 - gunicorn has no types
    """Of every listener, if there is TLS."""
    del config
    return _tls.server_context(default)


def when_ready(server: _Any) -> None:  # noqa: ANN401
    """Before the first worker: is it open to others, and was that chosen? Then what runs here."""
    listening = [listener.sock.getsockname() for listener in server.LISTENERS]
    hosts = [address[0] for address in listening if isinstance(address, tuple)]
    with _right():
        warning = _exposure.check_chosen(_settings.api, hosts or [_settings.api.host])
        if warning is not None:
            server.log.warning(warning)
    _log_begin(_settings, listening, server.num_workers)


def on_reload(server: _Any) -> None:  # noqa: ANN401
    """Before the workers of a reload: what is wrong by now is not taken."""
    when_ready(server)
    try:
        _tls.keep(_settings.api.tls)
    except _ConfigError as error:
        problems = "; ".join(error.problems)
        server.log.error("%s. What was valid before stays so", problems)  # noqa: TRY400 - expected


def pre_request(worker: _Any, req: _Any) -> None:  # noqa: ANN401 - gunicorn has no types
    """Before a request is answered: everybody else first; streams end with the connection.

    A client that sends request upon request and reads the answers never has gevent wait. One such
    stopped every stream of the worker, and after 30 s the arbiter took it for hung.
    """
    _breathe()
    if worker.wsgi.extensions["ringcast"].lifecycle.leaving():
        req.must_close = True  # the next one is for another server
    _lifecycle.close_delimited(req)
    _lifecycle.close_after_large_body(req)


def post_request(worker: _Any, req: _Any, environ: dict[str, _Any], resp: _Any) -> None:  # noqa: ANN401
    """After an answer: it was sent in time, and what is logged next is not about it."""
    del worker, req, resp
    _deadline.lift(environ)
    _request_context.release()


def post_fork(server: _Any, worker: _Any) -> None:  # noqa: ANN401
    """In a new worker, before anything else."""
    _supervision.heed_the_end(server, worker)


def post_worker_init(worker: _Any) -> None:  # noqa: ANN401
    """After the application was loaded: follow the cameras, notice the end."""
    _lifecycle.quieten(_logging.getLogger("gunicorn.error"))
    if _settings.logging.level != "DEBUG":  # the page and the probes ask every second or so
        _logging.getLogger("gunicorn.access").setLevel(_logging.WARNING)
    _lifecycle.allow_descriptors(worker_connections)
    # TLS encrypts a copy for each client: there is nothing for the kernel to send from a file
    _part.use_files(enabled=_settings.api.stream.performance.zero_copy and not worker.cfg.is_ssl)
    # UPSTREAM: gunicorn 27 has no setting for the server; delete when worker_class takes one
    cameras = worker.wsgi.extensions["ringcast"]
    _ggevent.StreamServer = _functools.partial(
        _FairServer, place=worker.place, lifecycle=cameras.lifecycle
    )
    cameras.start(worker, worker.place)
    cameras.lifecycle.leave_at_sigterm()


def child_exit(server: _Any, worker: _Any) -> None:  # noqa: ANN401
    """In the arbiter, when a worker has ended, however: its clients count no more."""
    server.ledger.free(worker.place)


def worker_exit(server: _Any, worker: _Any) -> None:  # noqa: ANN401
    """When the worker ends: let go of rings and sockets."""
    del server
    if hasattr(worker, "wsgi"):  # else it has failed to start
        worker.wsgi.extensions["ringcast"].stop()
