"""Columns that rest in the order in which points were acquired, and their names.

A tile's points stand by level of detail, then by the Morton number of a coarse cell, then by source and row. Columns
that follow the flight rather than the ground (time, scan angle, strip, row) change little from one delivered
row to the next, and jump from one coarse cell to the next: they rest in *acquisition order*, by source and row, at less
than half the size. Three small columns beside them, ``lod``, ``cell_column`` and ``cell_row``, say where each point
stands in the tile: a stable sort by level and Morton number brings acquisition order into the tile's order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twin.points import ATTRIBUTES

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ACQUIRED", "ACQUISITION", "PLACE", "delivered_names"]

ACQUISITION = "acquisition/"
"""What the names of columns in acquisition order begin with."""
ACQUIRED = ("gps_time", "flags", "scan_angle", "point_source_id", "user_data", "source_index")
"""Attributes that rest in acquisition order in a tile that ingest made."""
PLACE = ("lod", "cell_column", "cell_row")
"""Columns that say where each acquired point stands: its level, and its coarse cell counted from the tile's corner."""


def delivered_names(columns: Iterable[str]) -> tuple[str, ...]:
    """Return the attributes among a tile's columns at rest: known ones in the order of `twin.points`, then others.

    Examples
    --------
    >>> delivered_names(["X", "Y", "Z", "lod", "acquisition/lod", "acquisition/cell_row", "acquisition/gps_time"])
    ('gps_time', 'lod')
    """
    hidden = {"X", "Y", "Z", *(ACQUISITION + name for name in PLACE)}
    names = [name.removeprefix(ACQUISITION) for name in columns if name not in hidden]
    return (*(name for name in ATTRIBUTES if name in names), *(name for name in names if name not in ATTRIBUTES))
