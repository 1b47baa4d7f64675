"""Every error this project raises on purpose, one class per decision a caller can take.

::

    RingcastError
    ├── ConfigError                      a setting is wrong: print every problem, exit 2
    ├── ProtocolError                    bytes that are not ours, or another version: never guess
    │   └── SegmentDamaged               ... or ours no more: a new segment will come
    ├── RingUnavailable                  no live ring right now: try again later
    │   └── VideoModuleNotAvailableError ... and the attach timeout is over: start the Video Module
    ├── WriterConflict                   another process writes this camera: exit
    ├── RingSpaceError                   no room for the segment: free some, or lower a setting
    ├── FrameOverwritten                 the writer lapped this reader: take a newer frame
    │   └── FrameDamaged                 ... or somebody else wrote there: count it, too
    ├── SourceError
    │   ├── SourceUnavailable            no picture from the source: go blank, back off, try again
    │   └── SourceEnded                  a finite source is through: stop, or start over
    └── EncodeError                      this frame could not become a JPEG: count it, skip it
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = [
    "ConfigError",
    "EncodeError",
    "FrameDamaged",
    "FrameOverwritten",
    "ProtocolError",
    "RingSpaceError",
    "RingUnavailable",
    "RingcastError",
    "SegmentDamaged",
    "SourceEnded",
    "SourceError",
    "SourceUnavailable",
    "VideoModuleNotAvailableError",
    "WriterConflict",
]


class RingcastError(Exception):
    """Base of all errors below; never raised itself.

    Every one can be pickled, so that it survives the way out of a ``multiprocessing`` worker.
    """

    def __reduce__(self) -> tuple[Callable[..., RingcastError], tuple[object, ...]]:
        return _rebuild, (type(self), self.args, self.__dict__)


def _rebuild(
    kind: type[RingcastError], args: tuple[object, ...], fields: dict[str, object]
) -> RingcastError:
    """Make an unpickled error: the constructors take values, not the sentence made of them."""
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(fields)
    return error


class ConfigError(RingcastError):
    """One or more settings are wrong.

    Attributes:
        problems: One sentence per problem, each naming key, value and allowed range.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems

    @property
    def lines(self) -> str:
        """What a program of ours writes of it to standard error: a line per problem."""
        return "".join(f"ringcast: {problem}\n" for problem in self.problems)


class ProtocolError(RingcastError):
    """Bytes that should be a notification or a segment are not, or are of another version."""


class SegmentDamaged(ProtocolError):  # noqa: N818 - named after the state
    """What should be a segment of this version is damaged, or was never one."""


class RingUnavailable(RingcastError):  # noqa: N818 - named after the state, not the mishap
    """There is no live ring to attach to at this moment.

    Attributes:
        path: The segment that was looked for.
    """

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path = path
        self.why = why


class VideoModuleNotAvailableError(RingUnavailable):
    """No live ring appeared within the attach timeout."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(path, why)
        start = "Video Module is not running. Start it with: python -m services.video"
        self.args = (f"{start} (looked at {path}: {why})",)


class WriterConflict(RingcastError):  # noqa: N818
    """Another process holds the writer's lock of this camera."""

    def __init__(self, lock_path: Path) -> None:
        super().__init__(
            f"another Video Module already writes this camera (lock {lock_path} is held); stop it, "
            "or give this one its own name with RINGCAST_VIDEO__SHARED_MEMORY_NAME"
        )
        self.lock_path = lock_path


class RingSpaceError(RingcastError):
    """The segment does not fit into the free space of its directory.

    Attributes:
        directory: Where the segment should go.
        need_bytes: Size of the segment plus the reserve.
        free_bytes: What the file system has left.
    """

    def __init__(self, directory: Path, need_bytes: int, free_bytes: int, advice: str) -> None:
        super().__init__(
            f"not enough shared memory in {directory}: need {need_bytes} bytes "
            f"({need_bytes / 2**20:.1f} MiB, reserve included), free {free_bytes} bytes "
            f"({free_bytes / 2**20:.1f} MiB). {advice}"
        )
        self.directory = directory
        self.need_bytes = need_bytes
        self.free_bytes = free_bytes


class FrameOverwritten(RingcastError):  # noqa: N818
    """The writer lapped this reader: what the view shows is no longer frame ``sequence``.

    Attributes:
        sequence: The frame that was wanted.
        stamp: The stamp seen in its slot instead of ``2 * sequence``.
    """

    def __init__(self, sequence: int, stamp: int) -> None:
        super().__init__(f"frame {sequence} was overwritten (slot stamp is now {stamp})")
        self.sequence = sequence
        self.stamp = stamp


class FrameDamaged(FrameOverwritten):
    """The payload of frame ``sequence`` is not what its writer stored: somebody else wrote there.

    Attributes:
        expected: CRC-32 that the writer stored.
        found: CRC-32 of what is there.
    """

    def __init__(self, sequence: int, expected: int, found: int) -> None:
        super().__init__(sequence, 2 * sequence)
        why = (
            f"frame {sequence} is damaged: its CRC-32 is {found:08x}, the writer stored "
            f"{expected:08x}; another process writes to the segment, or the memory fails"
        )
        self.args = (why,)
        self.expected = expected
        self.found = found


class SourceError(RingcastError):
    """Base of what a source can report."""


class SourceUnavailable(SourceError):  # noqa: N818
    """The source gives no picture: it cannot be opened, was lost, or timed out.

    Attributes:
        retry_s: When to try again, seconds, where the source knows better than ``video.retry``: its
            last picture stays meanwhile, for ``video.stall_timeout_sec`` at most. None: it does
            not.
    """

    def __init__(self, why: str, *, retry_s: float | None = None) -> None:
        super().__init__(why)
        self.retry_s = retry_s


class SourceEnded(SourceError):  # noqa: N818
    """A finite source (a file that is not looped) has no more pictures."""


class EncodeError(RingcastError):
    """A frame could not be encoded (or its JPEG payload not decoded)."""
