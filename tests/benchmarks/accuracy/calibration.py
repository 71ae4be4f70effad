"""Is a confidence of 80 per cent right in 80 of 100 points? Tables by region."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["expected_error", "reliability_tables"]

_EDGES = (0, 50, 60, 70, 80, 90, 95, 101)


def reliability_tables(results: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield a line for each region and variant: the share of right points in each class of confidence."""
    bins = [f"{low}-{high - 1}" for low, high in pairwise(_EDGES)]
    yield "Share of right points among those of each confidence, and in brackets their share of all points. The"
    yield "expected calibration error is the mean distance between confidence and share of right points."
    yield ""
    yield "| region | | " + " | ".join(bins) + " | expected calibration error |"
    yield "|---|---|" + "---:|" * (len(bins) + 1)
    for region in dict.fromkeys(row["region"] for row in results):
        for variant in dict.fromkeys(row["variant"] for row in results if row["region"] == region):
            rows = [
                row
                for row in results
                if (row["region"], row["variant"]) == (region, variant) and row["kind"] != "mosaic"
            ]
            n, right = summed(rows)
            cells = []
            for low, high in pairwise(_EDGES):
                inside = n[low:high].sum()
                share = 100.0 * inside / max(1, n.sum())
                cells.append(f"{100.0 * right[low:high].sum() / inside:.0f} ({share:.0f})" if inside else "–")
            yield f"| {region} | {variant} | " + " | ".join(cells) + f" | {expected_error(n, right):.1f} |"


def summed(rows: Sequence[Mapping[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
    """Return points and right points by confidence in per cent, shape (101,)."""
    n, right = np.zeros(101), np.zeros(101)
    for row in rows:
        for percent, points, correct in row["reliability"]:
            n[percent] += points
            right[percent] += correct
    return n, right


def expected_error(n: np.ndarray, right: np.ndarray) -> float:
    """Return the expected calibration error in per cent, over ten classes of confidence of equal width."""
    percent, total = np.arange(101), max(1.0, float(n.sum()))
    group = np.minimum(percent // 10, 9)
    error = 0.0
    for k in range(10):
        inside = group == k
        if n[inside].sum():
            error += abs(float((n[inside] * percent[inside]).sum()) / 100.0 - float(right[inside].sum()))
    return 100.0 * error / total
