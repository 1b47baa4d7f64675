"""nginx from Debian in front of the API: in the foreground, its files in a test's folder."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from typing import TYPE_CHECKING, Final, Self

from tests.support.processes import wait_until

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["LOCATION", "Nginx"]

LOCATION: Final = """
proxy_pass {api};
proxy_set_header Host $http_host;
proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
proxy_set_header X-Forwarded-Proto $scheme;
chunked_transfer_encoding off;
"""
"""What docs/security.md recommends: nothing in it about buffering, which streams ask for by
themselves. Without the last line nginx sends streams to HTTP/1.1 clients in chunks, which browsers
take and readers of raw MJPEG do not."""

_CONFIGURATION: Final = """
daemon off;
master_process off;
pid nginx.pid;
error_log stderr info;
events {{ worker_connections 200; }}
http {{
    access_log off;
    {upstreams}
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {{
        listen 127.0.0.1:{port}{ssl};
        {certificate}
        location / {{ {location} }}
    }}
}}
"""


class Nginx:
    """One running nginx.

    Args:
        folder: For its files.
        location: What its only location does.
        pair: Certificate and key; None: plain HTTP.
        upstreams: Blocks beside the server.

    Attributes:
        url: Where it listens.
    """

    def __init__(
        self,
        folder: Path,
        location: str,
        pair: tuple[Path, Path] | None = None,
        *,
        upstreams: str = "",
    ) -> None:
        program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        assert program is not None, "nginx is not installed; see tests/apt-packages.txt"
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        files = f"ssl_certificate {pair[0]}; ssl_certificate_key {pair[1]};" if pair else ""
        configuration = folder / f"nginx-{port}.conf"
        configuration.write_text(
            _CONFIGURATION.format(
                port=port,
                ssl=" ssl" if pair else "",
                certificate=files,
                location=location,
                upstreams=upstreams,
            ),
            encoding="utf-8",
        )
        self.url = f"{'https' if pair else 'http'}://127.0.0.1:{port}"
        self._port = port
        self._log = folder / f"nginx-{port}.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [program, "-p", str(folder), "-c", str(configuration), "-e", "stderr"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        """Wait until it listens."""
        wait_until(self._listens, f"nginx; it says: {self._log.read_text(encoding='utf-8')}")
        return self

    def __exit__(self, *exc_info: object) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(15)
        print(f"----- {self._log.name}\n{self._log.read_text(encoding='utf-8')}")  # noqa: T201 - shown on failure

    def _listens(self) -> bool:
        assert self._process.poll() is None, self._log.read_text(encoding="utf-8")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0
