"""Why nothing could be measured, or no longer."""

from __future__ import annotations

__all__ = ["StreamEnded", "StreamRefused"]


class StreamRefused(Exception):  # noqa: N818 - named after the state
    """There is no stream at this address, or none that can be read."""


class StreamEnded(Exception):  # noqa: N818 - a normal outcome
    """The other side has ended it, or says nothing any more."""
