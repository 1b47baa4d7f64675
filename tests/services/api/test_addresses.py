"""Tables of client addresses; that they hold over workers is tested with the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from services.api import addresses as module
from services.api.addresses import Addresses, AddressTables

if TYPE_CHECKING:
    import pytest


def words(cells: int, kind: Literal["Q", "d"]) -> memoryview[Any]:
    return memoryview(bytearray(8 * cells)).cast(kind)


def test_streams_of_an_address_are_summed_over_places() -> None:
    tables = AddressTables(3, words)
    here, there = Addresses(tables, 0), Addresses(tables, 2)
    key, other = Addresses.key("192.0.2.7"), Addresses.key("192.0.2.8")
    for each in (here, there, there):
        assert each.enter(key)
    assert there.enter(other)
    assert (here.streams_from(key), there.streams_from(other)) == (3, 1)
    there.leave(key)
    assert here.streams_from(key) == 2
    tables.clear(2)
    assert here.streams_from(key) == 1


def test_addresses_of_one_ipv6_network_are_one_client() -> None:
    assert Addresses.key("2001:db8::1") == Addresses.key("2001:db8::2")
    assert Addresses.key("2001:db8::1") != Addresses.key("2001:db8:0:1::1")


def test_entries_are_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ENTRIES", 4)
    mine = Addresses(AddressTables(1, words), 0)
    for number in range(20):
        assert mine.enter(number)
        mine.leave(number)
    assert [mine.enter(number) for number in range(5)] == [True] * 4 + [False]
    mine.leave(2)
    assert mine.enter(4)
    assert [mine.streams_from(number) for number in range(5)] == [1, 1, 0, 1, 1]
