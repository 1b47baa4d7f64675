"""A small RTSP server on the loopback: one H.264 file, over TCP, to one client after the other.

It speaks the RTSP; ffmpeg makes the RTP packets and sends them here by UDP, from where they go on
interleaved in the TCP connection (RFC 2326, section 10.12).
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import Final, Self

__all__ = ["RtspServer"]

_POLL_S: Final = 0.05


class RtspServer:
    """Plays a file to whoever asks; a context manager.

    Args:
        path: A video file with H.264 in it.
        port: 0 takes a free one; give the same again to come back after ``stop``.
    """

    def __init__(self, path: Path, *, port: int = 0) -> None:
        self._path = path
        self._listener = socket.create_server(("127.0.0.1", port))
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.transports: list[str] = []
        """What clients asked for in their SETUP."""

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        """Of the stream."""
        return f"rtsp://127.0.0.1:{self.port}/live"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Hang up and close the port."""
        self._stopping.set()
        self._thread.join(10)
        self._listener.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def _serve(self) -> None:
        while not self._stopping.is_set():
            if select.select([self._listener], [], [], _POLL_S)[0]:
                connection, _ = self._listener.accept()
                with connection, contextlib.suppress(ConnectionError, ValueError):
                    self._converse(connection)

    def _converse(self, connection: socket.socket) -> None:
        """Answer one client's requests until it hangs up, or PLAY turns into playing."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rtp:
            rtp.bind(("127.0.0.1", 0))
            while request := self._read_request(connection):
                method, _, headers = request.partition(" ")
                fields = dict(
                    line.split(": ", 1) for line in headers.split("\r\n")[1:] if ": " in line
                )
                answer, body = "", ""
                if method == "DESCRIBE":
                    body = self._describe(rtp.getsockname()[1])
                    answer = f"Content-Type: application/sdp\r\nContent-Base: {self.url}/\r\n"
                elif method == "SETUP":
                    self.transports.append(fields["Transport"])
                    answer = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n"
                elif method == "PLAY":
                    answer = "Session: 1\r\n"
                head = f"RTSP/1.0 200 OK\r\nCSeq: {fields['CSeq']}\r\n{answer}"
                head += f"Content-Length: {len(body)}\r\n\r\n"
                connection.sendall((head + body).encode())
                if method == "PLAY":
                    self._play(connection, rtp)
                    return

    def _read_request(self, connection: socket.socket) -> str:
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            if self._stopping.is_set():
                return ""
            if select.select([connection], [], [], _POLL_S)[0]:
                received = connection.recv(4096)
                if not received:
                    return ""
                request += received
        return request.decode()

    def _ffmpeg(self, rtp_port: int, *options: str) -> list[str]:
        return [
            *("ffmpeg", "-nostdin", "-loglevel", "quiet", "-y", "-re", "-stream_loop", "-1"),
            *("-i", str(self._path), "-c", "copy", "-f", "rtp", *options),
            f"rtp://127.0.0.1:{rtp_port}?pkt_size=1300",
        ]

    def _describe(self, rtp_port: int) -> str:
        with tempfile.TemporaryDirectory() as folder:
            sdp = Path(folder) / "live.sdp"
            command = self._ffmpeg(rtp_port, "-sdp_file", str(sdp), "-frames:v", "1")
            subprocess.run(command, check=True, timeout=10, stdout=subprocess.DEVNULL)
            lines = sdp.read_text(encoding="utf-8").splitlines()
        media = next(index for index, line in enumerate(lines) if line.startswith("m="))
        lines[media] = "m=video 0 RTP/AVP 96"
        return "\r\n".join([*lines, "a=control:track0", ""])

    def _play(self, connection: socket.socket, rtp: socket.socket) -> None:
        """Pass ffmpeg's packets on until the client hangs up or the test is over."""
        while select.select([rtp], [], [], 0)[0]:
            rtp.recv(65536)  # left from DESCRIBE
        command = self._ffmpeg(rtp.getsockname()[1])
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as sender:
            try:
                while not self._stopping.is_set():
                    readable, _, _ = select.select([rtp, connection], [], [], _POLL_S)
                    if connection in readable and not connection.recv(4096):
                        return
                    if rtp in readable:
                        packet = rtp.recv(65536)
                        connection.sendall(struct.pack(">cBH", b"$", 0, len(packet)) + packet)
            finally:
                sender.kill()
