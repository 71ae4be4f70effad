"""Hardly any points, and points where none should be: the command line ends in labels and says how many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tiles.las import LasParams, write_las
from twin.crs import parse_crs
from twin.points import PointClass, Points
from twin.vertical import TP

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray


def meadow(n_side: int = 80) -> NDArray[np.float64]:
    """Level ground at 3 m, 4 points a square metre, shape (n, 3)."""
    axis = np.arange(n_side) * 0.5 + 0.25
    x, y = (grid.ravel() for grid in np.meshgrid(axis, axis))
    return np.column_stack([x, y, np.full(x.size, 3.0)])


DELIVERIES: dict[str, NDArray[np.float64]] = {
    "three points": np.array([[1.0, 1.0, 3.0], [20.0, 4.0, 3.5], [9.0, 33.0, 2.5]]),
    "a cloud layer and strays": np.vstack(
        [meadow(), meadow() + np.array([0.0, 0.0, 800.0]), [[5.0, 5.0, -300.0], [30.0, 12.0, -299.0]]]
    ),
}


@pytest.mark.parametrize("name", DELIVERIES)
def test_a_poor_delivery_ends_in_labels(name: str, tmp_path: Path, twin: Callable[..., Any]) -> None:
    xyz = DELIVERIES[name]
    ones = np.ones(len(xyz), np.uint8)
    points = Points(x=xyz[:, 0].copy(), y=xyz[:, 1].copy(), z=xyz[:, 2].copy())
    points = points.with_attributes(return_number=ones, number_of_returns=ones)
    write_las(tmp_path / "poor.laz", points, LasParams(), crs=parse_crs("EPSG:6677"), vertical=TP)
    store = tmp_path / "store"
    assert twin("init", store, "--crs", "EPSG:6677", "--vertical", "TP").code == 0
    assert twin("ingest", store, tmp_path / "poor.laz", "--executor", "sequential").result["points"] == len(xyz)
    answer = twin("classify", store, "--executor", "sequential")
    assert (answer.code, answer.result["failed"]) == (0, []), answer.stderr
    classes = {int(code): n for code, n in answer.result["classes"].items()}
    assert sum(classes.values()) == len(xyz)
    if name != "three points":
        assert classes[PointClass.GROUND] == len(meadow())
        assert classes[PointClass.HIGH_NOISE] == len(meadow())
        assert classes[PointClass.LOW_NOISE] == 2
