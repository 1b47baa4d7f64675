"""The inbox takes messages even from a signal handler that interrupts whoever waits at it."""

from __future__ import annotations

import queue
import signal

from services.video.messages import Inbox, Message, StopRequested


def test_message_put_by_a_signal_handler_wakes_the_interrupted_waiter() -> None:
    """With a lock that is not reentrant this would be a deadlock."""
    inbox: Inbox = queue.SimpleQueue()

    def put(_number: int, _frame: object) -> None:
        inbox.put(StopRequested("SIGALRM"))

    previous = signal.signal(signal.SIGALRM, put)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        message: Message = inbox.get(timeout=5)
    finally:
        signal.signal(signal.SIGALRM, previous)

    assert message == StopRequested("SIGALRM")
