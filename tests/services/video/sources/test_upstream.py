"""The other node is connected to by any of its addresses, with the credentials there are."""

from __future__ import annotations

import base64
import socket
import ssl
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from services.video.sources.upstream import Upstream, is_stream_address
from shared.errors import SourceUnavailable
from shared.settings_schema import RelaySettings
from tests.support.fake_node import FakeNode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def node() -> Iterator[FakeNode]:
    with FakeNode() as server:
        yield server


def asked(node: FakeNode, url: str | None = None, **settings: Any) -> dict[str, str]:  # noqa: ANN401 - by name
    upstream = Upstream(url or node.url, "hall", RelaySettings(**settings))
    upstream.ask_stream().close()
    return node.requests[-1][1]


@pytest.mark.parametrize(
    ("url", "may_be"),
    [
        ("http://n/stream/door", True),
        ("https://u:p@n:8443/stream/door/?quality=40#x", True),
        ("http://n/stream/video/shm?fps=5", True),
        ("http://n/stream", False),
        ("http://n/stream/door/raw", False),
        ("http://n/stream/door/frame", False),
        ("http://n/?action=stream", False),
        ("http://n/other/stream/door", False),
        ("rtsp://n/stream/door", False),
    ],
)
def test_addresses_that_may_be_a_nodes(url: str, may_be: bool) -> None:  # noqa: FBT001 - a parameter
    assert is_stream_address(url) is may_be


def test_token_is_sent_as_bearer(node: FakeNode) -> None:
    assert asked(node, token="geheim")["Authorization"] == "Bearer geheim"  # noqa: S106 - of a test


def test_token_file_is_read_at_each_connection(node: FakeNode, tmp_path: Path) -> None:
    file = tmp_path / "token"
    for secret in ("first", "second"):
        file.write_text(secret + "\n", encoding="ascii")
        assert asked(node, token_file=file)["Authorization"] == f"Bearer {secret}"


def test_token_file_that_is_not_there_is_named(node: FakeNode, tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match=r"token_file .*/none: No such file"):
        asked(node, token_file=tmp_path / "none")


def test_user_and_password_of_the_address_are_sent(node: FakeNode) -> None:
    url = node.url.replace("://", "://joe:a%40b@")
    sent = asked(node, url)["Authorization"].removeprefix("Basic ")
    assert base64.b64decode(sent) == b"joe:a@b"


def test_next_address_is_tried_when_one_fails(
    node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The addresses of a headless Service: a node that is gone, and one that is there."""
    closed = socket.create_server(("127.0.0.1", 0))
    gone = closed.getsockname()
    closed.close()
    here = ("127.0.0.1", node.port)
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", at) for at in (gone, here)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: list(found))
    for _ in range(6):
        asked(node)
    assert len(node.requests) == 6


def test_name_that_does_not_exist_is_said_to(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_name(*_args: object, **_more: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_name)
    with pytest.raises(SourceUnavailable, match="there is no host named upstream"):
        Upstream("http://upstream/stream/a", "hall", RelaySettings()).ask_stream()


def test_answer_that_is_not_http_is_none() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        upstream = Upstream(f"http://127.0.0.1:{port}/stream/a", "hall", RelaySettings())
        connection = upstream.connect(0.2)
        peer, _ = server.accept()
        with peer:
            peer.sendall(b"SSH-2.0-x\r\n\r\n")
            with pytest.raises(SourceUnavailable, match="gives no answer"):
                upstream.ask(connection, "/")


@pytest.mark.parametrize("trusted", [True, False])
def test_https_is_believed_by_the_systems_certificates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, trusted: bool
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
    name = ["-subj", "/CN=node", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(["openssl", "req", "-x509", *new, *name, *files], check=True, timeout=30)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with FakeNode(tls=context) as node:
        upstream = Upstream(node.url, "hall", RelaySettings())
        if trusted:
            answer = upstream.ask_stream()
            node.send(b"x" * 10)
            assert answer.response.getheader("X-Hops") == "gate/cam"
            assert answer.response.read1(100).startswith(b"--frame")
            answer.close()
        else:
            with pytest.raises(SourceUnavailable, match=r"CERTIFICATE_VERIFY_FAILED|certificate"):
                upstream.ask_stream()
            assert node.requests == []
