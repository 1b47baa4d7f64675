from __future__ import annotations

from services.latency.errors import StreamEnded, StreamRefused


def test_that_there_is_no_stream_is_not_that_it_ended() -> None:
    assert not issubclass(StreamEnded, StreamRefused)
    assert not issubclass(StreamRefused, StreamEnded)
