"""One building cut out of a survey: its outline near the truth, walls or not, in any order and place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
from shapely import Polygon, affinity

from pipelines.footprints import FootprintParams, outline_of_points
from twin.errors import FootprintError

if TYPE_CHECKING:
    from numpy.typing import NDArray

PARAMS = FootprintParams()


def cutout(polygon: Polygon, per_m2: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Flat roof at 6 m and a scan line of wall points every metre, with 5 cm of noise."""
    xmin, ymin, xmax, ymax = polygon.bounds
    xy = rng.uniform((xmin, ymin), (xmax, ymax), (int((xmax - xmin) * (ymax - ymin) * per_m2), 2))
    roof = xy[shapely.contains_xy(polygon, xy[:, 0], xy[:, 1])]
    wall = shapely.get_coordinates(shapely.line_interpolate_point(polygon.exterior, np.arange(0, 30, 0.5)))
    xyz = np.concatenate(
        [np.column_stack([roof, np.full(len(roof), 6.0)]), np.column_stack([wall, rng.uniform(0, 6, 60)])]
    )
    return xyz + rng.normal(0, 0.05, xyz.shape)


@pytest.mark.parametrize(("per_m2", "least"), [(4, 0.92), (10, 0.95), (30, 0.96)])
def test_a_single_building_is_outlined_near_its_truth(per_m2: float, least: float) -> None:
    rng = np.random.default_rng(3)
    overlaps = []
    for _ in range(12):
        shape = shapely.box(0, 0, rng.uniform(8, 18), rng.uniform(6, 11))
        truth = affinity.translate(affinity.rotate(shape, rng.uniform(0, 90)), 84_000.3, 447_000.7)
        outline = outline_of_points(cutout(truth, per_m2, rng), PARAMS)
        overlaps.append(outline.intersection(truth).area / outline.union(truth).area)
    assert np.median(overlaps) >= least


def test_the_order_of_points_changes_nothing() -> None:
    rng = np.random.default_rng(4)
    xyz = cutout(affinity.rotate(shapely.box(0, 0, 12, 8), 20), 8, rng)
    assert outline_of_points(xyz, PARAMS).wkb == outline_of_points(rng.permutation(xyz), PARAMS).wkb


def test_points_that_show_no_area_are_refused_with_the_reason() -> None:
    with pytest.raises(FootprintError, match="3 points"):
        outline_of_points(np.zeros((3, 3)), PARAMS)
    wire = np.column_stack([np.linspace(0, 90, 200), np.zeros(200), np.full(200, 9.0)])
    with pytest.raises(FootprintError, match="in a line"):
        outline_of_points(wire, PARAMS)
