"""Texts of places: whole or not at all, whoever is killed meanwhile."""

from __future__ import annotations

import multiprocessing
import os
import signal
from typing import Any

import pytest

from services.api.bulletin import TEXT_BYTES, Bulletins

FORK = multiprocessing.get_context("fork")


def own(words: int) -> memoryview[Any]:
    return memoryview(bytearray(8 * words)).cast("Q")


def test_text_of_a_place_is_what_was_posted_last_and_others_stay() -> None:
    bulletins = Bulletins(2, own)
    assert bulletins.read(0) == b""
    for text in (b"one", b"", b"two, and longer", b"three"):
        bulletins.post(1, text)
        assert bulletins.read(1) == text
    assert bulletins.read(0) == b""
    longest = bytes(TEXT_BYTES)
    bulletins.post(0, longest)
    bulletins.post(0, longest)
    assert (bulletins.read(0), bulletins.read(1)) == (longest, b"three")


def test_text_that_is_too_long_is_refused_and_changes_nothing() -> None:
    bulletins = Bulletins(1, own)
    bulletins.post(0, b"before")
    with pytest.raises(ValueError, match=f"{TEXT_BYTES} are the most"):
        bulletins.post(0, bytes(TEXT_BYTES + 1))
    assert bulletins.read(0) == b"before"


def test_text_that_was_being_written_when_its_worker_died_is_not_read() -> None:
    words = own(2 * TEXT_BYTES // 8 + 8)
    bulletins = Bulletins(1, lambda _: words)
    bulletins.post(0, b"first")
    bulletins.post(0, b"second")
    which = words[0]
    other = words.cast("B")[64 + (1 - which) * TEXT_BYTES :]
    other[:8] = b"half of "  # and then it was killed
    words[1 + 2 * (1 - which)] = 20
    assert bulletins.read(0) == b"second"


def test_text_that_is_never_whole_is_an_error() -> None:
    words = own(2 * TEXT_BYTES // 8 + 8)
    bulletins = Bulletins(1, lambda _: words)
    bulletins.post(0, b"fine")
    words[2 + 2 * words[0]] ^= 1
    with pytest.raises(RuntimeError, match="place 0"):
        bulletins.read(0)


@pytest.mark.timeout(60)
def test_reader_sees_whole_texts_only_while_another_process_writes_and_is_killed() -> None:
    from services.api.ledger import Ledger  # noqa: PLC0415 - shared memory of the real kind

    place = Ledger().take()

    def write() -> None:
        number = 0
        while True:
            number += 1
            place.bulletins.post(
                place.number, str(number % 10).encode() * (1 + 977 * number % TEXT_BYTES)
            )

    writer = FORK.Process(target=write, daemon=True)
    writer.start()
    seen: set[bytes] = set()
    while len(seen) < 10:
        seen |= {text[:1] for text in place.bulletins.texts().values()}
        for text in place.bulletins.texts().values():
            assert text == text[:1] * len(text)
    assert writer.pid is not None
    os.kill(writer.pid, signal.SIGKILL)
    writer.join(10.0)
    (last,) = place.bulletins.texts().values()
    assert last == last[:1] * len(last) != b""
