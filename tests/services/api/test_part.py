"""Parts in memory files and in plain bytes, sent over real sockets."""

from __future__ import annotations

import contextlib
import resource
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from services.api import part as parts
from services.api.part import SMALLEST_FILE_BYTES, BytesPart, FilePart, make_part

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.api.part import Part

PIECES: list[bytes | memoryview] = [b"header", memoryview(bytes(range(256)) * 800), b"trailer"]
WHOLE = b"".join(PIECES)
LARGE = [bytes(SMALLEST_FILE_BYTES)]


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.fixture(params=[FilePart, BytesPart])
def part(request: pytest.FixtureRequest) -> Part:
    made: Part = request.param(PIECES)
    return made


@pytest.fixture
def policy() -> Iterator[None]:
    """Files are allowed again after the test."""
    yield
    parts.use_files(enabled=True)


def test_part_is_its_pieces_one_after_the_other(part: Part) -> None:
    assert part.size_bytes == len(WHOLE)
    assert part.read(0, part.size_bytes) == WHOLE
    assert part.read(4, 300) == WHOLE[4:300]


def test_socket_that_takes_a_part_piecemeal_gets_every_byte(part: Part) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname(), 5.0)
        server, _ = listener.accept()
    server.settimeout(0.0)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
    received, at = b"", 3
    with server, client:
        while at < part.size_bytes - 5:
            try:
                at += part.send_to(server.fileno(), at, part.size_bytes - 5)
            except BlockingIOError:
                received += client.recv(10_007)
        while len(received) < part.size_bytes - 8:
            received += client.recv(65_536)
    assert received == WHOLE[3:-5]


def test_what_one_socket_did_not_take_never_reaches_another() -> None:
    """All sockets are sent to through one pipe; two late ones and a dead one take turns."""
    first, second = FilePart([b"a" * 3_000_000]), FilePart([b"b" * 3_000_000])
    (ours_a, theirs_a), (ours_b, theirs_b), (dead, peer) = (socket.socketpair() for _ in range(3))
    peer.close()
    sent = {ours_a: 0, ours_b: 0}
    got = {theirs_a: b"", theirs_b: b""}
    pairs = ((first, ours_a, theirs_a), (second, ours_b, theirs_b))
    with ours_a, theirs_a, ours_b, theirs_b, dead:
        for ours in sent:
            ours.settimeout(0.0)
        while any(len(data) < 3_000_000 for data in got.values()):
            for part, ours, theirs in pairs:
                if sent[ours] < 3_000_000:
                    with contextlib.suppress(BlockingIOError):
                        sent[ours] += part.send_to(ours.fileno(), sent[ours], 3_000_000)
                with pytest.raises(BrokenPipeError):
                    first.send_to(dead.fileno(), 0, 3_000_000)
                if len(got[theirs]) < sent[ours]:
                    got[theirs] += theirs.recv(100_003)
    assert got == {theirs_a: b"a" * 3_000_000, theirs_b: b"b" * 3_000_000}


def test_socket_keeps_what_it_was_given_when_the_part_is_gone() -> None:
    """The kernel holds the pages, and no later part is laid over them."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        part = FilePart(PIECES)
        taken = part.send_to(ours.fileno(), 0, 40_000)
        del part
        for _ in range(100):
            FilePart([bytes(len(WHOLE))])
        received = b""
        while len(received) < taken:
            received += theirs.recv(65_536)
    assert received == WHOLE[:taken]


def test_dead_connection_is_an_error(part: Part) -> None:
    ours, theirs = socket.socketpair()
    with ours:
        theirs.close()
        with pytest.raises(BrokenPipeError):
            part.send_to(ours.fileno(), 0, 10)
    with pytest.raises(OSError, match="Bad file descriptor"):
        part.send_to(-1, 0, 10)


def test_file_closes_with_the_last_reference() -> None:
    before = open_files()
    part = FilePart(PIECES)
    second = part
    del part
    assert open_files() == before + 1
    assert second.read(0, 6) == b"header"
    del second
    assert open_files() == before


def test_ten_thousand_parts_leave_no_file_open() -> None:
    before = open_files()
    newest: Part | None = None
    for number in range(10_000):
        newest = make_part([*LARGE, str(number).encode()])
        assert isinstance(newest, FilePart)
    assert open_files() == before + 1
    assert newest is not None
    assert newest.read(SMALLEST_FILE_BYTES, newest.size_bytes) == b"9999"


def test_small_parts_are_plain_bytes() -> None:
    assert isinstance(make_part([bytes(SMALLEST_FILE_BYTES - 1)]), BytesPart)
    assert isinstance(make_part(LARGE), FilePart)


@pytest.mark.usefixtures("policy")
def test_files_can_be_switched_off() -> None:
    parts.use_files(enabled=False)
    assert isinstance(make_part(LARGE), BytesPart)


def test_without_a_descriptor_left_parts_are_plain_bytes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        made = [make_part(LARGE), make_part(LARGE)]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert [type(part) for part in made] == [BytesPart, BytesPart]
    assert caplog.text.count("no memory file") == 1, "said once, not for every frame"
