"""A node is called what the setting says, or after host and segment."""

from __future__ import annotations

import socket

import pytest

from services.video.sources.node import node_name
from shared.ring.layout import check_hops
from shared.settings_schema import VideoSettings


def test_setting_names_the_node() -> None:
    assert node_name(VideoSettings(relay={"node": "gate-3"})) == "gate-3"


@pytest.mark.parametrize(
    ("host", "segment", "name"),
    [
        ("gate-3", "door", "gate-3/door"),
        ("-odd host_é", "door", "odd-host_-/door"),
        ("", "door", "node/door"),
        ("h" * 64, "door", "h" * 59 + "/door"),
        ("host", "s" * 64, "h/" + "s" * 62),
    ],
)
def test_else_host_and_segment_do(
    monkeypatch: pytest.MonkeyPatch, host: str, segment: str, name: str
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: host)
    found = node_name(VideoSettings(shared_memory_name=segment))
    assert found == name
    check_hops((found,))
