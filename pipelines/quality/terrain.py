"""How well a terrain agrees with reference heights: differences cell by cell, gathered piece by piece."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["HeightDifferences"]

_BIN_M, _REACH_M = 0.005, 50.0


@dataclass(slots=True)
class HeightDifferences:
    """Terrain minus reference, over any number of pieces, in memory that does not grow with them.

    Median and percentile come from a histogram of 5 mm bins to 50 m either way; root mean square and greatest
    difference are exact.
    """

    n_cells: int = 0
    _sum: float = 0.0
    _squares: float = 0.0
    _most: float = 0.0
    _histogram: NDArray[np.int64] = field(default_factory=lambda: np.zeros(int(2 * _REACH_M / _BIN_M), np.int64))

    def add(self, terrain_m: NDArray[np.floating[Any]], reference_m: NDArray[np.floating[Any]]) -> None:
        """Take in heights above the same datum, of one shape; cells where either is NaN are not compared."""
        difference = (terrain_m.astype(np.float64) - reference_m).ravel()
        difference = difference[np.isfinite(difference)]
        if not difference.size:
            return
        self.n_cells += difference.size
        self._sum += float(difference.sum())
        self._squares += float(np.square(difference).sum())
        self._most = max(self._most, float(np.abs(difference).max()))
        bins = np.clip((difference + _REACH_M) / _BIN_M, 0, self._histogram.size - 1).astype(np.int64)
        self._histogram += np.bincount(bins, minlength=self._histogram.size)

    def as_dict(self) -> dict[str, Any]:
        """Return the figures, metres, JSON-able; without cells only their number."""
        if not self.n_cells:
            return {"cells": 0}
        middles = (np.arange(self._histogram.size) + 0.5) * _BIN_M - _REACH_M
        half = np.searchsorted(np.cumsum(self._histogram), self.n_cells / 2)
        order = np.argsort(np.abs(middles), kind="stable")
        most = np.searchsorted(np.cumsum(self._histogram[order]), 0.95 * self.n_cells)
        return {
            "cells": self.n_cells,
            "rmse_m": round(float(np.sqrt(self._squares / self.n_cells)), 3),
            "mean_m": round(self._sum / self.n_cells, 3),
            "median_m": round(float(middles[half]), 3),
            "p95_m": round(float(np.abs(middles[order][most])), 3),
            "max_m": round(self._most, 3),
        }
