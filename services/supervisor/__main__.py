"""All cameras of this machine: ``python -m services.supervisor [config.json] [--with-api]``.

Runs one Video Module per camera of the settings that has a source, and with ``--with-api`` the API
beside them. Each one that fails is started again by itself, after 1, 2, 4 … 30 s, while the others
go on. SIGTERM, SIGINT and SIGHUP end all of them in order; should this process be killed, the
kernel ends them.

The configuration file is looked at once a second. When it has changed, cameras that are new in it
are started, those that are gone ended, those with other settings started again; nothing else is
touched, and the API reads it anew.

Exit codes: 0 after a signal, or when every camera is through; 2 the settings are wrong, or the
API's port is taken.
"""

from __future__ import annotations

import logging
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from services.supervisor.changes import Changes
from services.supervisor.child import MISCONFIGURED
from services.supervisor.endpoint import claim_port, is_ready, url_of
from services.supervisor.jobs import jobs_of
from services.supervisor.supervisor import Supervisor
from shared.errors import ConfigError
from shared.logs import configure_logging
from shared.settings import load_settings
from shared.settings_inputs import CONFIG_VARIABLE, config_file, process_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shared.settings import Settings

__all__ = ["main"]

log = logging.getLogger("services.supervisor")

_WITH_API: Final = "--with-api"
_END_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_TICK_S: Final = 0.1
_LOOK_S: Final = 1.0
_PATIENCE_S: Final = 20.0
"""How long to wait for the first frame before saying that there is none."""


def main(arguments: Sequence[str]) -> int:
    """Run all services until a signal, or until there is nothing left to run.

    Args:
        arguments: Of the command line, without the program.

    Returns:
        The exit code.
    """
    received: list[int] = []  # not an Event, whose lock a signal handler could find taken
    for number in _END_SIGNALS:
        if number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
            continue  # nohup: it is to outlive the terminal
        signal.signal(number, lambda number, _: received.append(number))
    with_api = _WITH_API in arguments
    try:
        environment = _environment([each for each in arguments if each != _WITH_API])
        settings = load_settings(environ=environment)
        configure_logging(settings.logging.level, settings.logging.format)
        return _run(settings, environment, received, with_api=with_api)
    except ConfigError as error:
        wrong = error
    except OSError as error:
        wrong = ConfigError([str(error)])
    sys.stderr.write(wrong.lines)
    return MISCONFIGURED


def _environment(arguments: Sequence[str]) -> dict[str, str]:
    """What all services read their settings from: ours, with the configuration file's full path.

    Raises:
        ConfigError: There is an argument that means nothing here.
    """
    environment = dict(process_environment())
    named = [argument for argument in arguments if not argument.startswith("-")]
    strange = [*named[1:], *(argument for argument in arguments if argument.startswith("-"))]
    if strange:
        raise ConfigError(
            [
                f"{each} is no option of services.supervisor: it takes a configuration file and "
                f"{_WITH_API}; settings stand in the file and the environment, which the API reads "
                "as well"
                for each in strange
            ]
        )
    path = config_file(environment, Path(named[0]) if named else None)
    if path is not None:
        environment[CONFIG_VARIABLE] = str(path.resolve())
    return environment


def _run(
    settings: Settings, environment: dict[str, str], received: list[int], *, with_api: bool
) -> int:
    jobs = jobs_of(settings, with_api=with_api)
    if not jobs:
        names = ", ".join(settings.cameras)
        raise ConfigError([f"no camera has a source, so there is nothing to run: {names}"])
    announce: Callable[[], bool] = bool
    if with_api:
        port = claim_port(settings.api.host, settings.api.port)
        environment["RINGCAST_API__PORT"] = str(port)
        announce = _Announcement(settings, port).told
    changes = Changes(environment)
    supervisor = Supervisor(environment, settings.api.drain_timeout_sec + 2)
    try:
        supervisor.follow(jobs)
        _watch(supervisor, changes, received, announce, with_api=with_api)
    finally:
        supervisor.end()
    return supervisor.over or 0


def _watch(
    supervisor: Supervisor,
    changes: Changes,
    received: list[int],
    announce: Callable[[], bool],
    *,
    with_api: bool,
) -> None:
    look_s = time.monotonic()
    while not received and supervisor.over is None:
        time.sleep(_TICK_S)
        supervisor.tend()
        announce()
        if time.monotonic() - look_s >= _LOOK_S:
            look_s = time.monotonic()
            settings = changes.look()
            if settings is not None:
                configure_logging(settings.logging.level, settings.logging.format)
                supervisor.follow(jobs_of(settings, with_api=with_api))
    if received:
        log.info("ending: %s", signal.Signals(received[0]).name)


class _Announcement:
    """Says the URL, once frames flow."""

    def __init__(self, settings: Settings, port: int) -> None:
        self._api, self._port = settings.api, port
        self._deadline_s = time.monotonic() + _PATIENCE_S
        self._told = False

    def told(self) -> bool:
        """Say it if it is time to, and not said yet."""
        if self._told:
            return True
        url = url_of(self._api, self._port)
        if is_ready(self._api, self._port):
            print(f"\n  Ringcast is running: {url}  (Ctrl-C ends it)\n", flush=True)  # noqa: T201
            self._told = True
        elif time.monotonic() > self._deadline_s:
            print(f"\n  No fresh frames yet; the log above says why. {url}\n", flush=True)  # noqa: T201
            self._told = True
        return self._told


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
