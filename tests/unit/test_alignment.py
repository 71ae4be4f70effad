"""Given outlines against the points: the offset is found, whatever order, eaves or neighbours; never applied."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
from shapely import Polygon, affinity

from pipelines.footprints.alignment import alignment_of, combined, sample_of
from pipelines.footprints.misplaced import why_elsewhere
from pipelines.footprints.outline import Outline
from twin.bounds import Bounds
from twin.crs import parse_crs

if TYPE_CHECKING:
    from numpy.typing import NDArray

OFFSETS = [(0.0, 0.0), (0.8, -0.5), (-1.6, 0.3)]


def town(seed: int, eaves_m: float) -> tuple[list[Polygon], NDArray[np.float64]]:
    """True outlines of detached houses and of rows of three, and points of their roofs, which hang over."""
    rng = np.random.default_rng(seed)
    outlines: list[Polygon] = []
    for i in range(16):
        w, d = rng.uniform(7, 14), rng.uniform(7, 11)
        units = 3 if i % 4 == 0 else 1
        for k in range(units):
            box = affinity.rotate(shapely.box(k * w, 0, (k + 1) * w, d), 17.0 * i, origin=(0, 0))
            outlines.append(affinity.translate(box, 60 * (i % 4), 60 * (i // 4)))
    roofs = [shapely.union_all(outlines).buffer(eaves_m, join_style="mitre")]
    xy = np.concatenate([rng.uniform(roof.bounds[:2], roof.bounds[2:], (500_000, 2)) for roof in roofs])
    return outlines, xy[shapely.contains_xy(roofs[0], xy[:, 0], xy[:, 1])]


@pytest.mark.parametrize("offset", OFFSETS)
@pytest.mark.parametrize("eaves_m", [0.0, 0.6])
def test_the_offset_of_a_delivery_is_found(offset: tuple[float, float], eaves_m: float) -> None:
    truth, xy = town(3, eaves_m)
    given = [affinity.translate(outline, -offset[0], -offset[1]) for outline in truth]
    sightings = [seen for outline in given for seen in alignment_of(outline, xy)]
    found = combined(sightings)
    assert found is not None
    assert (found.dx_m, found.dy_m) == pytest.approx(offset, abs=0.05)
    assert found.spread_m < 0.15
    assert found.is_significant == (offset != (0.0, 0.0)) == bool(found.message)
    shuffled = np.random.default_rng(1).permutation(len(sightings))
    assert combined([sightings[i] for i in shuffled]) == found
    assert [alignment_of(outline, xy[::-1]) for outline in given[:3]] == [alignment_of(o, xy) for o in given[:3]]


def test_what_looks_one_way_tells_no_offset() -> None:
    assert combined([(0.0, 0.5)] * 20) is None
    assert combined([(0.0, 0.5), (1.5, 0.1)]) is None


def test_points_without_walls_near_the_outline_tell_nothing() -> None:
    xy = np.random.default_rng(2).uniform(-20, 40, (5_000, 2))
    assert alignment_of(shapely.box(0, 0, 10, 10), xy) == [], "roofs all around"
    assert alignment_of(shapely.box(0, 0, 10, 10), xy[:0]) == []


def test_the_sample_is_the_same_in_any_order_and_capped() -> None:
    outlines = [Outline(id=f"b{i}", polygon=shapely.box(0, 0, 1, 1)) for i in range(3000)]
    chosen = sample_of(outlines)
    assert len(chosen) == 2000
    assert chosen == sample_of(outlines[::-1])


@pytest.mark.parametrize(
    ("told", "place"),
    [
        ("EPSG:6677 with the two coordinates of each point swapped", lambda x, y: (y, x)),
        ("EPSG:6668", lambda x, y: (139.7671 + (x + 6000) / 90_400, 35.6812 + (y + 35_400) / 111_000)),
        ("EPSG:6668 with", lambda x, y: (35.6812 + (y + 35_400) / 111_000, 139.7671 + (x + 6000) / 90_400)),
    ],
)
def test_outlines_elsewhere_are_told_where_they_would_fit(told: str, place: object) -> None:
    rng = np.random.default_rng(5)
    x, y = rng.uniform(-6_800, -5_200, 50), rng.uniform(-36_200, -34_600, 50)
    survey = Bounds(xmin=-7_000, ymin=-36_500, xmax=-5_000, ymax=-34_500)
    raw = np.column_stack(place(x, y))  # type: ignore[operator]
    assert told in why_elsewhere(raw, survey, parse_crs("EPSG:6677"))


def test_outlines_of_another_city_get_no_guess() -> None:
    survey = Bounds(xmin=84_800, ymin=447_400, xmax=85_100, ymax=447_700)
    raw = np.random.default_rng(6).uniform(2_000_000, 2_001_000, (40, 2))
    assert why_elsewhere(raw, survey, parse_crs("EPSG:28992")) == ""
