"""Looks at mutated copies of a segment and says what it was shown; must never end by a signal.

``python -m tests.support.looker DIRECTORY NAME``. One line of JSON per look: what to change in a
fresh copy, and whether before it is attached or after. The writer lives all the time.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.errors import RingcastError
from shared.naming import SegmentPaths, segment_paths
from shared.ring.attachment import Attachment
from shared.ring.reader import RingReader
from tests.support.frames import is_telling

if TYPE_CHECKING:
    from shared.frame import FrameInfo, Sequence

__all__ = ["main"]


class _Look:
    """One look: everything a reader can do, on whatever is there."""

    def __init__(self, paths: SegmentPaths, intact: bytes, known: dict[int, FrameInfo]) -> None:
        self._paths = paths
        self._intact = intact
        self._known = known
        self.delivered = 0
        self.wrong: list[str] = []
        self.errors: list[str] = []

    def take(self, mutation: dict[str, Any]) -> None:
        """Attach and look at everything, with the mutation in between or before."""
        with self._paths.ring.open("wb") as file:
            file.write(self._intact)
        self._paths.ring.chmod(0o640)
        attachment = Attachment(self._paths)
        if not mutation["late"]:
            self._mutate(mutation)
        attachment.refresh()
        if mutation["late"]:
            self._mutate(mutation)
        reader = attachment.reader
        if reader is not None:
            self._look_at_all(reader)
            attachment.refresh()
        else:
            self._open_says_why()
        attachment.close()

    def _open_says_why(self) -> None:
        try:
            RingReader.open(self._paths).close()
        except RingcastError as error:
            self.errors.append(type(error).__name__)

    def _mutate(self, mutation: dict[str, Any]) -> None:
        with self._paths.ring.open("r+b", buffering=0) as file:
            for source, target, length in mutation["splices"]:
                file.seek(target)
                file.write(self._intact[source : source + length])
            for offset, value in mutation["changes"]:
                file.seek(offset)
                file.write(bytes.fromhex(value))
            if mutation["size"] is not None:
                os.truncate(self._paths.ring, mutation["size"])

    def _look_at_all(self, reader: RingReader) -> None:
        _ = reader.live, reader.heartbeat, reader.dropped, reader.label, reader.has_name()
        for sequence in {reader.head, *range(1, 9)}:
            self._look_at(reader, sequence)

    def _look_at(self, reader: RingReader, sequence: Sequence) -> None:
        try:
            with reader.view(sequence) as view:
                image, info = view.copy(), view.info
        except RingcastError as error:
            self.errors.append(type(error).__name__)
            return
        self.delivered += 1
        known = self._known.get(info.sequence)
        if sequence != info.sequence or known is None or not is_telling(image, sequence):
            self.wrong.append(f"{sequence}: not its picture")
        elif (info.geometry, info.captured_at, info.online) != (
            known.geometry,
            known.captured_at,
            known.online,
        ):
            self.wrong.append(f"{sequence}: {info}")


def main(directory: Path, name: str) -> None:
    """Look, and say what was seen, until standard input ends."""
    real = segment_paths(name, directory)
    intact = real.ring.read_bytes()
    reader = RingReader.open(real)
    numbers: list[Any] = list(range(int(reader.head) - reader.slots + 1, int(reader.head) + 1))
    known = {number: reader.info(number) for number in numbers}
    reader.close()
    copies = segment_paths("copies", directory)
    copies.lock.hardlink_to(real.lock)  # the writer lives, for whoever asks
    for line in sys.stdin:
        look = _Look(copies, intact, known)
        look.take(json.loads(line))
        copies.ring.unlink()
        seen = {"delivered": look.delivered, "wrong": look.wrong, "errors": look.errors}
        print(json.dumps(seen), flush=True)  # noqa: T201 - the answer
    copies.lock.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
