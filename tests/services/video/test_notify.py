"""What systemd hears, at a real datagram socket."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from services.video.notify import Notifier
from tests.support.systemd import NotifyListener

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=["path", "abstract"])
def listener(request: pytest.FixtureRequest) -> Iterator[NotifyListener]:
    with tempfile.TemporaryDirectory() as folder:
        abstract = f"@ringcast-test-{os.getpid()}"
        made = NotifyListener(
            abstract if request.param == "abstract" else str(Path(folder) / "notify")
        )
        with made.socket:
            yield made


def test_ready_is_said_once_when_there_is_something_in_the_ring(listener: NotifyListener) -> None:
    with Notifier(listener.address) as notifier:
        notifier.turned(0.0, None)
        assert listener.heard() == []
        notifier.turned(0.1, "320x240 from pattern")
        notifier.turned(0.2, "320x240 from pattern")
        notifier.turned(0.3, "blanks: no\ncable")
        notifier.stopping("stopped by SIGTERM")
    assert listener.heard() == [
        ["READY=1", "STATUS=320x240 from pattern"],
        ["STATUS=blanks: no cable"],
        ["STOPPING=1", "STATUS=ending: stopped by SIGTERM"],
    ]


def test_signs_of_life_come_four_times_per_interval_and_only_with_turns(
    listener: NotifyListener,
) -> None:
    notifier = Notifier(listener.address, watchdog_s=4.0)
    for tenth in range(41):
        notifier.turned(tenth / 10, None)
    assert listener.heard() == [["WATCHDOG=1"]] * 5
    notifier.close()
    notifier.close()


def test_environment_says_where_and_how_often(listener: NotifyListener) -> None:
    ours = {"NOTIFY_SOCKET": listener.address, "WATCHDOG_USEC": "4000000"}
    for extra, signs in (
        ({}, 1),
        ({"WATCHDOG_PID": str(os.getpid())}, 1),
        ({"WATCHDOG_PID": "1"}, 0),
        ({"WATCHDOG_USEC": "0"}, 0),
        ({"WATCHDOG_USEC": "soon"}, 0),
    ):
        with Notifier.from_environment(ours | extra) as notifier:
            notifier.turned(0.0, None)
            assert listener.heard() == [["WATCHDOG=1"]] * signs


def test_nothing_is_sent_where_nobody_listens() -> None:
    with Notifier.from_environment({}) as notifier:
        notifier.turned(0.0, "frames")
        notifier.stopping("why not")


def test_what_systemd_could_not_take_is_said_again(listener: NotifyListener) -> None:
    with Notifier(listener.address) as full, Notifier(listener.address) as notifier:
        for turn in range(2000):
            full.turned(float(turn), f"frames {turn}")
        notifier.turned(0.0, "frames")
        listener.heard()
        notifier.turned(0.1, "frames")
        assert listener.heard() == [["READY=1", "STATUS=frames"]]


def test_systemd_that_is_gone_or_does_not_read_stops_nothing(listener: NotifyListener) -> None:
    with Notifier(listener.address, watchdog_s=0.4) as notifier:
        for turn in range(2000):
            notifier.turned(float(turn), f"frames {turn}")
        listener.socket.close()
        notifier.turned(2001.0, "gone")
