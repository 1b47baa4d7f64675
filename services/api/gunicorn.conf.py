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

from services.api import lifecycle as _lifecycle
from services.api import machine as _machine
from services.api import part as _part
from services.api.access import exposure as _exposure
from services.api.access import masking as _masking
from services.api.access import proxies as _proxies
from services.api.access import start as _start
from services.api.access import tls as _tls
from services.api.fairness import Board as _Board
from services.api.fairness import FairServer as _FairServer
from shared.errors import ConfigError as _ConfigError
from shared.logs import logging_config as _logging_config
from shared.logs import make_formatter as _make_formatter
from shared.settings import load_settings as _load_settings

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
        _sys.stderr.write("".join(f"ringcast: {problem}\n" for problem in error.problems))
        _sys.exit(2)


with _right():
    _settings = _load_settings()

wsgi_app = "services.api.app:create_app()"
_host = f"[{_settings.api.host}]" if ":" in _settings.api.host else _settings.api.host
bind = f"{_host}:{_settings.api.port}"
workers = _settings.api.workers or _machine.default_workers()
worker_class = "gevent"
worker_connections = 1100
"""More than the streams allowed (see app.py), so that /healthz is answered beside a full house."""
worker_tmp_dir = "/dev/shm"  # noqa: S108 - the heartbeat file must be on a tmpfs, or a busy disk kills workers
timeout = 30
graceful_timeout = _settings.api.drain_timeout_sec
preload_app = False
control_socket_disable = True
access_log_format = '%(h)s - - %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"'
"""gunicorn's own, but without the user of Basic: a token may have been written there by mistake."""
forwarded_allow_ips = _proxies.forwarded_allow_ips(_settings.api.http.trusted_proxies)
forwarder_headers = ""
"""No header of a proxy moves the path that is asked for: a signature is for a path."""
if _settings.api.tls.certificate_file is not None:
    certfile = str(_settings.api.tls.certificate_file)
    keyfile = str(_settings.api.tls.key_file)
logconfig_dict = _logging_config(_settings.logging.level, _settings.logging.format)
logconfig_dict["formatters"] = {
    "line": {
        "()": lambda: _masking.MaskingFormatter(_make_formatter(_settings.logging.format)),
    }
}

_board = _Board()


def ssl_context(config: _Any, default: _Callable[[], _ssl.SSLContext]) -> _ssl.SSLContext:  # noqa: ANN401 - gunicorn has no types
    """Of every listener, if there is TLS."""
    del config
    return _tls.server_context(default)


def on_starting(server: _Any) -> None:  # noqa: ANN401
    """Before anything listens: are the files right? Not at a reload: that would end streams."""
    with _right():
        for warning in _start.check_files_of(_settings.api):
            server.log.warning(warning)


def when_ready(server: _Any) -> None:  # noqa: ANN401
    """Before the first worker: is it open to others, and was that chosen?"""
    listening = [listener.sock.getsockname() for listener in server.LISTENERS]
    hosts = [address[0] for address in listening if isinstance(address, tuple)]
    with _right():
        warning = _exposure.check_chosen(_settings.api, hosts or [_settings.api.host])
        if warning is not None:
            server.log.warning(warning)


on_reload = when_ready


def pre_request(worker: _Any, req: _Any) -> None:  # noqa: ANN401 - gunicorn has no types
    """Before a request is answered: streams are delimited by the end of the connection."""
    del worker
    _lifecycle.close_delimited(req)


def post_worker_init(worker: _Any) -> None:  # noqa: ANN401
    """After the application was loaded: follow the cameras, notice the end."""
    _lifecycle.quieten(_logging.getLogger("gunicorn.error"))
    if _settings.logging.level != "DEBUG":  # the page and the probes ask every second or so
        _logging.getLogger("gunicorn.access").setLevel(_logging.WARNING)
    _lifecycle.allow_descriptors(worker_connections)
    # TLS encrypts a copy for each client: there is nothing for the kernel to send from a file
    _part.use_files(enabled=_settings.api.stream.performance.zero_copy and not worker.cfg.is_ssl)
    if worker.cfg.workers > 1:
        # UPSTREAM: gunicorn 27 has no setting for the server; delete when worker_class takes one
        _ggevent.StreamServer = _functools.partial(_FairServer, board=_board, age=worker.age)
    worker.wsgi.extensions["ringcast"].start(worker)


def child_exit(server: _Any, worker: _Any) -> None:  # noqa: ANN401
    """In the arbiter, when a worker has ended: its clients are no measure any more."""
    del server
    _board.forget(worker.age)


def worker_exit(server: _Any, worker: _Any) -> None:  # noqa: ANN401
    """When the worker ends: let go of rings and sockets."""
    del server
    worker.wsgi.extensions["ringcast"].stop()
