"""Places that a person should look at: what `pipelines.quality.doubt` finds and `viewer.report.review` draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from twin.bounds import Bounds
    from twin.raster import Raster

__all__ = ["DOUBTFUL", "DoubtPlace", "Review"]

DOUBTFUL = 60
"""Confidence in per cent below which a label is doubtful: two of five such labels are wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoubtPlace:
    """A place with many doubtful labels."""

    rank: int
    """1 for the place to start with."""
    x: float
    """Middle of its doubtful points, metres in the store's CRS."""
    y: float
    bounds: Bounds
    """The cell that was judged."""
    tile: str
    """Tile that holds most of it, ``z/x_y``."""
    n_points: int
    """Points in the cell."""
    n_doubtful: int
    """Points whose confidence is below `DOUBTFUL`."""
    expected_wrong: float
    """Labels that are wrong by their own confidence, all points of the cell."""
    labels: Mapping[int, int]
    """Doubtful points by ASPRS code, the commonest first."""
    question: tuple[int, int]
    """The two classes between which it is open: that of most doubtful points, and the likeliest other."""
    weight: float
    """What it was ranked by: square metres that would change, times what hangs on them."""

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "rank": self.rank,
            "x": round(self.x, 2),
            "y": round(self.y, 2),
            "bounds": [round(side, 3) for side in self.bounds],
            "tile": self.tile,
            "points": self.n_points,
            "doubtful": self.n_doubtful,
            "expected_wrong": round(self.expected_wrong, 1),
            "labels": {str(code): n for code, n in self.labels.items()},
            "question": list(self.question),
            "weight": round(self.weight, 2),
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Review:
    """All that a person who edits by hand should know before starting."""

    run: str
    """Run of ``classify`` whose labels were judged."""
    places: tuple[DoubtPlace, ...]
    """The most doubtful first."""
    doubt: Raster
    """Share of doubtful points in each cell, per cent, uint8; 255 where there are no points."""
    n_points: int
    n_doubtful: int
    mean_confidence: float
    """Of all points, per cent."""
