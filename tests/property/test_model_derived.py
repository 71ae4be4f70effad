"""Derived outlines: near the truth, and the same whatever the tiles, the order of points, or the window."""

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
    from numpy.typing import NDArray

PARAMS = FootprintParams(max_extent_m=48.0, block_m=32.0)


def house(rng: np.random.Generator, kind: str) -> Polygon:
    w, h = rng.uniform(8, 20), rng.uniform(7, 14)
    corners = [(0, 0), (w, 0), (w, h), (0, h)]
    if kind == "L":
        a, b = w * rng.uniform(0.35, 0.65), h * rng.uniform(0.35, 0.65)
        corners = [(0, 0), (w, 0), (w, b), (a, b), (a, h), (0, h)]
    return affinity.rotate(Polygon(corners), rng.uniform(0, 90), origin=(0, 0))


def scan(polygon: Polygon, per_m2: float, rng: np.random.Generator) -> NDArray[np.float64]:
    xmin, ymin, xmax, ymax = polygon.bounds
    xy = rng.uniform((xmin, ymin), (xmax, ymax), (int((xmax - xmin) * (ymax - ymin) * per_m2), 2))
    xy = xy[shapely.contains_xy(polygon, xy[:, 0], xy[:, 1])]
    return np.round(xy + rng.normal(0, 0.05, xy.shape), 3)


def town(seed: int) -> NDArray[np.float64]:
    """Houses in a 256 m square around the origin, one row of them 100 m long."""
    rng = np.random.default_rng(seed)
    places = rng.uniform(-120, 100, (12, 2))
    parts = [scan(affinity.translate(house(rng, "rect"), *place), 8, rng) for place in places]
    terrace = affinity.rotate(shapely.box(-50, 0, 50, 9), rng.uniform(0, 90), origin=(0, 0))
    return np.concatenate([*parts, scan(terrace, 8, rng), rng.uniform(-120, 120, (40, 2))])


def heights(xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gables 6 m wide side by side all over the town, each at a level of its own: roofs with party walls everywhere."""
    along = (xy[:, 0] + 0.3 * xy[:, 1]) / 6.0
    return np.round(5.0 + 2.0 * np.abs(along % 1.0 - 0.5) + np.floor(along) % 3, 3)


def outlines_by_tiles(xy: NDArray[np.float64], edge: float) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for x in np.arange(-256, 256, edge):
        for y in np.arange(-256, 256, edge):
            own = Bounds(xmin=x, ymin=y, xmax=x + edge, ymax=y + edge)
            seen = own.buffered(PARAMS.halo_m).contains(xy[:, 0], xy[:, 1])
            outlines, failed = derive_outlines(xy[seen, 0], xy[seen, 1], heights(xy[seen]), own, PARAMS)
            names = [outline.id for outline in outlines] + [entry.id for entry in failed]
            assert not found.keys() & set(names), "an outline has one owner"
            found |= {outline.id: outline.polygon.wkb for outline in outlines}
            found |= {entry.id: entry.reason.encode() for entry in failed}
    return found


@given(seed=st.integers(0, 10_000))
@settings(max_examples=1)
def test_any_tiling_gives_the_same_outlines(seed: int) -> None:
    xy = town(seed)
    whole = outlines_by_tiles(xy, 512.0)
    assert len(whole) > 5
    assert any(wkb != b"" for wkb in whole.values())
    assert outlines_by_tiles(xy, 128.0) == whole
    mixed = np.random.default_rng(seed).permutation(len(xy))
    assert outlines_by_tiles(xy[mixed], 512.0) == whole


def test_what_is_longer_than_a_window_sees_is_cut_into_blocks_without_loss() -> None:
    xy = scan(affinity.rotate(shapely.box(0, 0, 100, 12), 33, origin=(0, 0)), 10, np.random.default_rng(5))
    own = Bounds(xmin=-128, ymin=-128, xmax=128, ymax=128)
    outlines, failed = derive_outlines(xy[:, 0], xy[:, 1], heights(xy), own, PARAMS)
    assert failed == []
    assert {outline.attributes["outline"] for outline in outlines} == {"derived-block"}
    assert sum(outline.polygon.area for outline in outlines) == pytest.approx(1200, rel=0.05)
    for a in outlines:
        overlap = sum(a.polygon.intersection(b.polygon).area for b in outlines if b is not a)
        assert overlap < 0.05 * a.polygon.area


@pytest.mark.parametrize(("kind", "per_m2", "least"), [("rect", 10, 0.96), ("L", 10, 0.95), ("rect", 4, 0.92)])
def test_isolated_houses_are_found_near_their_true_outline(kind: str, per_m2: float, least: float) -> None:
    rng = np.random.default_rng(11)
    truth = [affinity.translate(house(rng, kind), 40 * (i % 5), 40 * (i // 5)) for i in range(25)]
    xy = np.concatenate([scan(polygon, per_m2, rng) for polygon in truth])
    own = Bounds(xmin=-64, ymin=-64, xmax=256, ymax=256)
    outlines, _ = derive_outlines(xy[:, 0], xy[:, 1], np.full(len(xy), 6.0), own, FootprintParams())
    found = [outline.polygon for outline in outlines]
    overlaps = []
    for polygon in truth:
        best = max(found, key=lambda other: other.intersection(polygon).area)
        overlaps.append(best.intersection(polygon).area / best.union(polygon).area)
    assert len(found) == 25
    assert np.median(overlaps) >= least
    assert min(overlaps) >= 0.75


def test_specks_and_wires_are_no_buildings() -> None:
    rng = np.random.default_rng(4)
    wire = np.column_stack([np.linspace(0, 90, 900), np.linspace(0, 40, 900)])
    xy = np.concatenate([wire, rng.uniform(0, 100, (60, 2))])
    own = Bounds(xmin=-20, ymin=-20, xmax=120, ymax=120)
    assert derive_outlines(xy[:, 0], xy[:, 1], heights(xy), own, PARAMS) == ([], [])


def test_no_points_no_outlines() -> None:
    own = Bounds(xmin=0, ymin=0, xmax=64, ymax=64)
    assert derive_outlines(np.empty(0), np.empty(0), np.empty(0), own, PARAMS) == ([], [])
