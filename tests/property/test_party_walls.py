"""Touching houses: parted where their roofs part, along one wall that both outlines share vertex by vertex."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Polygon, affinity

from pipelines.footprints import FootprintParams, derive_outlines
from twin.bounds import Bounds

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

OWN = Bounds(xmin=-64, ymin=-64, xmax=64, ymax=64)
Roof = "Callable[[NDArray[np.float64]], NDArray[np.float64]]"


def gable(top_m: float, depth_m: float = 10.0) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Ridge along the row."""
    return lambda pq: top_m - 0.6 * np.abs(pq[:, 1] - depth_m / 2)


def front_gable(middle_m: float) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Ridge across the row: neighbours meet in valleys."""
    return lambda pq: 9.0 - 0.8 * np.abs(pq[:, 0] - middle_m)


def flat(top_m: float) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    return lambda pq: np.full(len(pq), top_m)


def row(
    units: list[tuple[Polygon, Callable[[NDArray[np.float64]], NDArray[np.float64]]]], angle: float, seed: int = 0
) -> tuple[list[Polygon], NDArray[np.float64]]:
    """True outlines of a row turned by an angle in degrees, and a scan: 10 points a square metre, 5 cm of noise."""
    rng = np.random.default_rng(seed)
    clouds = []
    for polygon, height in units:
        xmin, ymin, xmax, ymax = polygon.bounds
        pq = rng.uniform((xmin, ymin), (xmax, ymax), (int((xmax - xmin) * (ymax - ymin) * 10), 2))
        pq = pq[shapely.contains_xy(polygon, pq[:, 0], pq[:, 1])]
        clouds.append(np.column_stack([pq, height(pq)]))
    xyz = np.concatenate(clouds)
    xyz += rng.normal(0, 0.05, xyz.shape)
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    xyz[:, :2] = xyz[:, :2] @ np.array([[c, s], [-s, c]])
    return [affinity.rotate(polygon, angle, origin=(0, 0)) for polygon, _ in units], xyz


def derived(xyz: NDArray[np.float64]) -> list[Polygon]:
    outlines, failed = derive_outlines(xyz[:, 0], xyz[:, 1], xyz[:, 2], OWN, FootprintParams())
    assert failed == []
    return [outline.polygon for outline in outlines]


def overlaps(truth: list[Polygon], found: list[Polygon]) -> list[float]:
    return [max(a.intersection(b).area / a.union(b).area for b in found) for a in truth]


@given(angle=st.floats(0, 89), step=st.floats(0.5, 4.0), seed=st.integers(0, 99))
@settings(max_examples=3)
def test_row_houses_of_other_heights_are_parted_and_share_their_walls_exactly(
    angle: float, step: float, seed: int
) -> None:
    units = [(shapely.box(6 * i, 0, 6 * i + 6, 10), gable(9.0 + step * (i % 2))) for i in range(4)]
    truth, xyz = row(units, angle, seed)
    found = derived(xyz)
    assert len(found) == 4
    assert min(overlaps(truth, found)) >= 0.75
    assert shapely.coverage_is_valid(found)
    corners = [{tuple(c) for c in shapely.get_coordinates(polygon)} for polygon in found]
    for a in range(4):
        for b in range(a):
            wall = found[a].intersection(found[b])
            if wall.length > 1.0:
                ends = {tuple(c) for c in shapely.get_coordinates(shapely.line_merge(wall))}
                assert ends <= corners[a] & corners[b], "a wall's ends are vertices of both"


def test_front_gables_are_parted_in_their_valleys() -> None:
    units = [(shapely.box(7 * i, 0, 7 * i + 7, 12), front_gable(7 * i + 3.5)) for i in range(3)]
    truth, xyz = row(units, 17.0)
    found = derived(xyz)
    assert len(found) == 3
    assert min(overlaps(truth, found)) >= 0.85


@pytest.mark.parametrize("name", ["one roof", "two levels", "annex", "hip"])
def test_what_no_party_wall_parts_stays_one_building(name: str) -> None:
    buildings = {
        "one roof": [(shapely.box(0, 0, 24, 10), gable(9.0))],
        "two levels": [(shapely.box(0, 0, 12, 10), flat(6.0)), (shapely.box(12, 0, 24, 10), flat(12.0))],
        "annex": [(shapely.box(0, 0, 24, 10), gable(9.0)), (shapely.box(4, 10, 20, 13), flat(3.0))],
        "hip": [
            (
                shapely.box(0, 0, 16, 10),
                lambda pq: 6.0 + 0.7 * np.minimum.reduce([pq[:, 0], 16 - pq[:, 0], pq[:, 1], 10 - pq[:, 1]]),
            )
        ],
    }
    truth, xyz = row(buildings[name], 31.0)
    found = derived(xyz)
    assert len(found) == 1
    assert overlaps([shapely.union_all(truth)], found)[0] >= 0.93


def test_a_parapet_across_one_roof_parts_nothing() -> None:
    upstand = [(shapely.box(0, 0, 24, 12), lambda pq: 6.0 + 0.3 * pq[:, 1] + 0.6 * (np.abs(pq[:, 0] - 12.0) < 0.3))]
    truth, xyz = row(upstand, 24.0)
    (found,) = derived(xyz)
    assert overlaps(truth, [found])[0] >= 0.93


def test_an_alley_in_a_thin_scan_parts_two_buildings() -> None:
    truth, xyz = row([(shapely.box(0, 0, 12, 14), flat(9.0)), (shapely.box(14, 0, 26, 14), flat(9.0))], 28.0)
    found = derived(xyz[::3])
    assert len(found) == 2
    assert min(overlaps(truth, found)) >= 0.9


def test_courtyards_stay_open_and_a_ring_of_houses_is_parted() -> None:
    ring = shapely.box(0, 0, 40, 30).difference(shapely.box(10, 10, 30, 20))
    halves = [ring.intersection(shapely.box(0, 0, 20, 30)), ring.intersection(shapely.box(20, 0, 40, 30))]
    outer = shapely.box(0, 0, 40, 30).exterior
    inner = shapely.box(10, 10, 30, 20).exterior

    def pitched(top_m: float) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
        def height(pq: NDArray[np.float64]) -> NDArray[np.float64]:
            at = shapely.points(pq)
            return top_m - 0.6 * np.maximum(0.0, 5.0 - np.minimum(outer.distance(at), inner.distance(at)))

        return height

    truth, xyz = row([(half, pitched(9.0 + 2.0 * i)) for i, half in enumerate(halves)], 12.0)
    found = derived(xyz)
    assert len(found) == 2
    assert min(overlaps(truth, found)) >= 0.9
    assert shapely.coverage_is_valid(found)
