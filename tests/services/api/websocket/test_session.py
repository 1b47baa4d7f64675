"""One client's conversation, in this process; over HTTP it is tested in tests/e2e."""

from __future__ import annotations

import json
import math
import socket
from typing import TYPE_CHECKING, Any

import gevent
import pytest
from wsproto.connection import Connection as Protocol
from wsproto.connection import ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, Pong, TextMessage

from services.api.connection import Connection
from services.api.lifespan import AGED, Lifespan
from services.api.websocket.session import Session
from tests.support.greenlets import let_run, turns_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flask import Flask

    from services.api.cameras import Cameras
    from shared.frame import FrameInfo
    from tests.conftest import Clock


class Bench:
    """A session in a greenlet, and its client."""

    def __init__(self, app: Flask, clock: Clock) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.client = socket.create_connection(listener.getsockname())
            self.server, _ = listener.accept()
        self.client.settimeout(0.0)
        self.protocol = Protocol(ConnectionType.CLIENT)
        self.events: list[Event] = []
        self.cameras: Cameras = app.extensions["ringcast"]
        session = Session(Connection(self.server, 10.0), self.cameras, "192.0.2.7", clock)
        self.greenlet = gevent.spawn(session.run)

    def send(self, event: Event) -> None:
        self.client.sendall(self.protocol.send(event))

    def say(self, **message: object) -> None:
        self.send(TextMessage(json.dumps(message)))

    def wait_for(self, kind: type[Event]) -> Any:  # noqa: ANN401 - of that kind
        """The next event of a kind; what came before it is forgotten."""

        def came() -> bool:
            try:
                self.protocol.receive_data(self.client.recv(65_536))
            except BlockingIOError:
                return False
            self.events += self.protocol.events()
            return any(isinstance(event, kind) for event in self.events)

        if not any(isinstance(event, kind) for event in self.events):
            turns_until(came, f"a {kind.__name__}")
        while not isinstance(event := self.events.pop(0), kind):
            pass
        return event

    def told(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.wait_for(TextMessage).data)
        return document

    def why(self) -> str:
        """Why the session is over."""
        turns_until(lambda: self.greenlet.dead, "the end of the session")
        return str(self.greenlet.value)


@pytest.fixture
def bench(app: Flask, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    def lifespan(_name: str) -> Lifespan:
        return Lifespan("80", lambda _: math.inf, 100.0, clock)

    monkeypatch.setattr(app.extensions["ringcast"], "lifespan", lifespan)
    bench = Bench(app, clock)
    yield bench
    bench.client.close()
    bench.why()
    bench.server.close()


def test_pictures_come_after_the_answer(bench: Bench, write: Callable[..., FrameInfo]) -> None:
    write()
    turns_until(bench.cameras.default().online, "the camera to be found")
    bench.say(subscribe="video", id=3, quality=50)
    assert bench.told() == {"subscribed": 3, "camera": "video", "variant": "q50"}
    assert bytes(bench.wait_for(BytesMessage).data[:3]) == b"\x01\x03\x01"
    bench.say(unsubscribe=3)
    assert bench.told() == {"ended": 3, "why": "unsubscribed"}


def test_errors_name_the_subscription(bench: Bench) -> None:
    bench.say(subscribe="video", id=3, quality=500)
    told = bench.told()
    assert told["id"] == 3
    assert told["error"]["parameters"][0]["value"] == "500"
    bench.say(subscribe="attic", id=4)
    assert bench.told()["error"]["cameras"] == ["video", "garage"]
    bench.say(subscribe="video", id=5, window=0)
    assert bench.told()["id"] == 5


def test_subscription_whose_new_options_are_refused_is_said_to_have_ended(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.say(subscribe="video", id=3, quality=50)
    assert bench.told()["subscribed"] == 3
    monkeypatch.setattr(bench.cameras.default().watched, "begin", lambda _: False)
    bench.say(subscribe="video", id=3, quality=60)
    assert bench.told()["ended"] == 3
    told = bench.told()
    assert (told["id"], told["error"]["setting"]) == (3, "api.limits.max_variants")


def test_who_asks_without_end_is_answered_a_hundred_times_a_second(
    bench: Bench, clock: Clock
) -> None:
    for _ in range(300):
        bench.say()
    for _ in range(300):
        assert "error" in bench.told()
    bench.say()
    let_run(0.6)
    with pytest.raises(BlockingIOError):
        bench.client.recv(1)
    for _ in range(4):
        clock.advance(1.0)
    assert "error" in bench.told()


def test_client_may_say_goodbye(bench: Bench) -> None:
    bench.send(CloseConnection(1000))
    assert bench.wait_for(CloseConnection).code == 1000
    assert bench.why() == "the client has closed the connection"


def test_silent_client_is_pinged_then_left(bench: Bench, clock: Clock) -> None:
    bench.send(Ping())
    bench.wait_for(Pong)
    clock.advance(10.5)
    bench.wait_for(Ping)
    clock.advance(10.5)
    assert bench.wait_for(CloseConnection).code == 1001
    bench.send(CloseConnection(1001))
    assert bench.why() == "the client has answered no ping"


def test_connection_without_subscriptions_does_not_stay(bench: Bench, clock: Clock) -> None:
    for _ in range(7):
        clock.advance(9.0)
        bench.send(Ping())
        bench.wait_for(Pong)
    assert bench.wait_for(CloseConnection).code == 1000
    bench.client.close()
    assert "nothing subscribed" in bench.why()


def test_client_is_told_of_the_end_in_time_to_open_another_connection(
    bench: Bench, clock: Clock, write: Callable[..., FrameInfo]
) -> None:
    write()
    turns_until(bench.cameras.default().online, "the camera to be found")
    bench.say(subscribe="video", id=3)
    assert bench.told()["subscribed"] == 3
    for _ in range(9):  # a client that says nothing at all is left for that
        clock.advance(9.8)
        bench.send(Ping())
        bench.wait_for(Pong)
    clock.advance(9.9)
    assert bench.told() == {"going": AGED, "in_ms": 1900}
    assert bench.cameras.default().audience.entered == 1
    clock.advance(2.1)
    closed = bench.wait_for(CloseConnection)
    assert (closed.code, closed.reason) == (1001, AGED)
    bench.send(CloseConnection(1001))
    assert bench.why() == AGED
    assert bench.cameras.default().counters.aged == 1
