"""The ladder of levels: the highest that holds is reached, all that hold are kept, and what is lower says why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from shapely import Polygon, box

from pipelines.footprints import Outline
from pipelines.model import ModelParams, ladder, model_buildings
from pipelines.validity import check_solid
from twin.bounds import Bounds
from twin.errors import RoofError
from twin.raster import Frame, Raster

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from twin.building import Building

HOUSE = box(0, 0, 12, 8)
FRAME = Frame.covering(Bounds(xmin=-60, ymin=-60, xmax=60, ymax=60), 0.5)
GROUND = Raster(values=np.full(FRAME.shape, 1.0), frame=FRAME, crs="EPSG:6677")


def places(polygon: Polygon, n: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(3)
    xmin, ymin, xmax, ymax = polygon.bounds
    return rng.uniform((xmin, ymin), (xmax, ymax), (n, 2))


def gable(xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Eaves at 6 m, ridge at 9.2 m along y = 4; noise of 3 cm."""
    return np.asarray(6.0 + 0.8 * (4.0 - np.abs(xy[:, 1] - 4.0)) + np.random.default_rng(4).normal(0, 0.03, len(xy)))


def build(xyz: NDArray[np.float64], lod: str = "2.2") -> Building:
    outlines = [Outline(id="h", polygon=HOUSE)]
    rules = ModelParams(lod=lod)  # type: ignore[arg-type]
    (building,), failed = model_buildings(outlines, tuple(xyz.T.copy()), GROUND, rules)  # type: ignore[arg-type]
    assert failed == []
    return building


@pytest.fixture(scope="module")
def gabled() -> NDArray[np.float64]:
    xy = places(HOUSE, 900)
    return np.column_stack([xy, gable(xy)])


def test_a_gable_reaches_the_roof_and_every_level_is_a_valid_solid(gabled: NDArray[np.float64]) -> None:
    building = build(gabled)
    assert sorted(building.solids) == ["1.2", "1.3", "2.0", "2.2"]
    assert all(check_solid(solid) == () for solid in building.solids.values())
    assert building.attributes["recon_mode"] == "lod2.2"
    assert "recon_reason" not in building.attributes
    assert building.attributes["n_roof_planes"] == 2
    assert building.attributes["volume_m3"] == pytest.approx(12 * 8 * (5.0 + 1.6), rel=0.01)
    assert building.rmse_m == pytest.approx(0.03, abs=0.01)
    assert building.attributes["rmse_all_m"] <= building.rmse_m


@pytest.mark.parametrize(("asked", "made"), [("1.2", ["1.2"]), ("1.3", ["1.2", "1.3"])])
def test_no_level_above_the_one_asked_for_is_made(asked: str, made: list[str], gabled: NDArray[np.float64]) -> None:
    building = build(gabled, asked)
    assert sorted(building.solids) == made
    assert "recon_reason" not in building.attributes


def test_points_without_any_plane_end_as_a_block_with_the_reason() -> None:
    xy = places(HOUSE, 60)
    bush = np.column_stack([xy, np.random.default_rng(5).uniform(4.0, 9.0, len(xy))])
    building = build(bush)
    assert building.lod.startswith("1")
    assert "LoD2.2: " in building.attributes["recon_reason"]


def test_a_roof_that_fails_goes_down_alone(monkeypatch: pytest.MonkeyPatch, gabled: NDArray[np.float64]) -> None:
    real, seen = ladder.reconstruct, []

    def fails_over_the_first(outline: Polygon, xyz: Any, base_m: float, params: Any) -> Any:
        seen.append(outline)
        if outline.bounds[0] < 10:
            raise RoofError(303, "walls touch in a line")
        return real(outline, xyz, base_m, params)

    monkeypatch.setattr(ladder, "reconstruct", fails_over_the_first)
    beside = gabled + np.array([20.0, 0.0, 0.0])
    outlines = [Outline(id="a", polygon=HOUSE), Outline(id="b", polygon=box(20, 0, 32, 8))]
    points = tuple(np.concatenate([gabled, beside]).T.copy())
    (first, second), failed = model_buildings(outlines, points, GROUND, ModelParams())  # type: ignore[arg-type]
    assert failed == []
    assert (first.lod, first.attributes["recon_reason"]) == ("1.2", "LoD2.2: walls touch in a line")
    assert second.lod == "2.2"
    assert len(seen) == 3  # the first is tried again with main planes only


def test_a_tree_over_the_roof_does_not_take_the_roof_away(gabled: NDArray[np.float64]) -> None:
    rng = np.random.default_rng(6)
    crown = np.column_stack([rng.uniform((0, 0), (4, 4), (250, 2)), rng.uniform(14, 20, 250)])
    building = build(np.concatenate([gabled, crown]))
    assert building.lod == "2.2"
    assert building.attributes["rmse_all_m"] > 1.0  # and the distance to all points is told as it is


def test_three_points_are_listed_and_change_nothing_else(gabled: NDArray[np.float64]) -> None:
    outlines = [Outline(id="few", polygon=box(20, 0, 30, 8)), Outline(id="h", polygon=HOUSE)]
    few = np.array([[21.0, 1.0, 5.0], [22.0, 2.0, 5.0], [23.0, 3.0, 5.0]])
    points = tuple(np.concatenate([gabled, few]).T.copy())
    (building,), (missing,) = model_buildings(outlines, points, GROUND, ModelParams())  # type: ignore[arg-type]
    assert missing.id == "few"
    assert "3 building points" in missing.reason
    assert np.array_equal(building.solid.vertices, build(gabled).solid.vertices)
