"""What a client of a mosaic asked for: which cameras, beside each other in how many columns."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from services.api.mosaic.grid import Grid, default_columns
from services.api.query import Query
from shared.naming import mosaic_paths

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from shared.naming import SegmentPaths
    from shared.settings_mosaic import MosaicSettings

__all__ = ["MAX_CAMERAS", "MAX_COLUMNS", "Mosaic", "named_in", "parse_mosaic"]

MAX_CAMERAS: Final = 64
MAX_COLUMNS: Final = 16

_ALLOWED: Final = f"1 to {MAX_CAMERAS} names of cameras, separated by commas, each once"


@dataclass(frozen=True, slots=True)
class Mosaic:
    """Which cameras, and where. Equal ones are one, whoever asks.

    Attributes:
        cameras: Paths of each camera's ring, by its name, in order.
        grid: Where each lies.
        fps: How often it is composed at most, per second.
    """

    cameras: tuple[tuple[str, SegmentPaths], ...]
    grid: Grid
    fps: float

    @property
    def query(self) -> str:
        """The query string that asks for it."""
        names = ",".join(name for name, _ in self.cameras)
        return f"cameras={names}&cols={self.grid.columns}"

    @property
    def paths(self) -> SegmentPaths:
        """Of its own ring; the same in every worker, and in no other mosaic."""
        directory = self.cameras[0][1].directory
        rings = [(name, paths.name) for name, paths in self.cameras]
        grid = (self.grid.columns, self.grid.room)
        return mosaic_paths(json.dumps([rings, grid, self.fps]), directory)


def named_in(query: Mapping[str, str]) -> list[str] | None:
    """The names that a query gives, as they stand there; None: it gives none."""
    text = query.get("cameras")
    return None if text is None else text.split(",")


def parse_mosaic(
    query: Mapping[str, str],
    known: Sequence[str],
    paths_of: Callable[[str], SegmentPaths],
    settings: MosaicSettings,
) -> Mosaic:
    """Read the query string.

    Args:
        query: The parameters, as they were sent; those of streams are not looked at.
        known: Names of the cameras there are, in order.
        paths_of: Gives a camera's ring, or raises what says that there is no such camera.
        settings: ``api.mosaic``.

    Raises:
        BadParameters: Naming every wrong value with what is allowed.
    """
    asked = Query(query)
    columns = asked.whole("cols", 1, MAX_COLUMNS)
    named = named_in(query)
    names = tuple(known) if named is None else tuple(named)
    if not 1 <= len(names) <= MAX_CAMERAS or len(set(names)) < len(names) or "" in names:
        found = f"; there are {len(names)} cameras: name those wanted" if named is None else ""
        asked.refuse("cameras", _ALLOWED + found)
    asked.check()
    columns = min(columns or default_columns(len(names)), len(names))
    grid = Grid(len(names), columns, settings.width)
    return Mosaic(tuple((name, paths_of(name)) for name in names), grid, settings.fps)
