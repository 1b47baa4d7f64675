"""Limits of this process and the libraries it runs on."""

from __future__ import annotations

import importlib.metadata
import platform
import resource
from typing import TYPE_CHECKING, Final

from services.doctor.finding import Finding, Fix, ok, warning
from shared.version import version

if TYPE_CHECKING:
    from shared.settings_api import ApiSettings

__all__ = ["check"]

_LIBRARIES: Final = (
    *("numpy", "pyzmq", "opencv-python-headless", "pydantic"),
    *("flask", "gevent", "gunicorn"),
)
_PER_STREAM: Final = 2
_OTHERS: Final = 256


def check(api: ApiSettings) -> list[Finding]:
    """Look at versions and limits.

    Args:
        api: The ``api`` settings.
    """
    return [_versions(), _descriptors(api), _memory()]


def _versions() -> Finding:
    found = []
    for library in _LIBRARIES:
        try:
            found.append(f"{library} {importlib.metadata.version(library)}")
        except importlib.metadata.PackageNotFoundError:
            found.append(f"no {library}")
    python = f"Python {platform.python_version()} on {platform.machine()}"
    return ok("versions", f"Ringcast {version()}, {python}; {', '.join(found)}.")


def _descriptors(api: ApiSettings) -> Finding:
    topic = "open files"
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = _PER_STREAM * api.limits.max_streams + _OTHERS
    if hard != resource.RLIM_INFINITY and hard < needed:
        text = f"At most {hard} files, and {api.limits.max_streams} streams may need {needed}."
        lines = f"services:\n  api: {{ulimits: {{nofile: {needed}}}}}"
        return warning(
            topic, text, Fix("compose.yaml", lines), Fix("systemd", f"LimitNOFILE={needed}")
        )
    shown = "any number of" if hard == resource.RLIM_INFINITY else str(hard)
    return ok(topic, f"A worker may open {shown} files; {needed} are needed at most.")


def _memory() -> Finding:
    topic = "memory"
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY:
        text = f"The address space is limited to {soft / 2**20:.0f} MiB; rings are mapped there."
        return warning(topic, text, Fix("shell", "ulimit -v unlimited"))
    return ok(topic, "The address space is not limited.")
