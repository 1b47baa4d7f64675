"""What is bound belongs to whoever bound it, and only until the end."""

from __future__ import annotations

import contextvars
import subprocess
import sys
import threading

import pytest

from shared.request_context import bind, bound, release
from tests.support.processes import ROOT


@pytest.fixture(autouse=True)
def _nothing_stays_bound() -> None:
    release()


def test_bound_until_released_or_bound_anew() -> None:
    assert bound() == {}
    bind(request_id="a")
    assert bound() == {"request_id": "a"}
    bind(request_id="b")
    assert bound() == {"request_id": "b"}
    release()
    assert bound() == {}


def test_a_thread_started_with_a_copy_of_the_context_has_none_of_it() -> None:
    bind(request_id="a")
    found: list[dict[str, str]] = []
    context = contextvars.copy_context()
    thread = threading.Thread(target=lambda: context.run(lambda: found.append(bound())))
    thread.start()
    thread.join()
    assert found == [{}]
    release()
    assert context.run(bound) == {}


GREENLETS = """
from gevent import monkey; monkey.patch_all()
import contextvars, gevent
from shared.request_context import bind, bound, release
seen = {}
def fan_out(): seen["spawned"] = bound()
def request(name):
    bind(request_id=name)
    context = contextvars.copy_context()
    children = [gevent.spawn(fan_out), gevent.spawn(context.run, fan_out)]
    for _ in range(3):
        gevent.sleep(0)
        assert bound() == {"request_id": name}, (name, bound())
    gevent.joinall(children, raise_error=True)
    assert seen["spawned"] == {}, seen
gevent.joinall([gevent.spawn(request, str(n)) for n in range(20)], raise_error=True)
print(bound())
"""


@pytest.mark.process
def test_greenlets_keep_their_own_and_give_none_to_those_they_start() -> None:
    done = subprocess.run(
        [sys.executable, "-c", GREENLETS],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("{}\n", "")
