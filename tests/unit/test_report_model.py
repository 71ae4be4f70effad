"""The model's quality on the page: every building is counted, and the worst are drawn as they stand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from shapely import box

from pipelines.model import prism
from tiles.buildings import table_of
from twin.building import Building
from viewer.report.building_svg import draw_building
from viewer.report.model_facts import WorstBuilding, quality_of
from viewer.report.model_view import view_quality

if TYPE_CHECKING:
    import geopandas as gpd


def house(name: str, **facts: object) -> Building:
    outline = box(0, 0, 10, 6)
    return Building(
        id=name, footprint=outline, ground_m=0.0, roof_m=5.0, measured_height_m=5.0, n_points=400, rmse_m=0.1,
        solids={"1.2": prism(outline, 0.0, 5.0)}, attributes=facts,
    )  # fmt: skip


@pytest.fixture
def table() -> gpd.GeoDataFrame:
    return table_of(
        [
            house("a", recon_mode="lod2.2", valid_codes="", rmse_all_m=0.04, share_without_data=0.0),
            house("b", recon_mode="lod2.2", valid_codes="", rmse_all_m=0.06, share_without_data=0.02),
            house("c", recon_mode="lod1.2", valid_codes="203 302", rmse_all_m=1.21, recon_reason="no plane was found"),
        ],
        "EPSG:6677",
    )


def test_each_building_counts_once_by_level_and_once_for_each_of_its_codes(table: gpd.GeoDataFrame) -> None:
    quality = quality_of(table)
    assert quality.modes == {"lod2.2": 2, "lod1.2": 1}
    assert quality.codes == {"": 2, "203": 1, "302": 1}
    assert quality.reasons == (("no plane was found", 1),)
    assert np.isnan(quality.empty_share[2])


def test_a_histogram_holds_every_building_that_states_a_figure(table: gpd.GeoDataFrame) -> None:
    view = view_quality(quality_of(table))
    assert view is not None
    assert view["gaps"].count("<rect") == 1
    assert view["distances"].count("<rect") == 25  # 1.21 m lies in the 25th step of 5 cm
    assert view_quality(quality_of(table.drop(columns="rmse_all_m")))["distances"] is None  # type: ignore[index]
    assert view_quality(None) is None


def test_a_drawing_shows_the_roof_and_the_two_walls_that_face_the_eye() -> None:
    svg = draw_building(house("<b>"), np.array([[1.0, 1.0, 5.0], [9.0, 5.0, 5.0]]))
    assert svg.count('fill="rgb(') == 3
    assert svg.count("h0") == 2
    assert "&lt;b&gt;" in svg
    coordinates = [float(number) for path in re.findall(r' d="([^"]+)"', svg) for number in re.findall(r"[\d.]+", path)]
    assert min(coordinates) >= 0
    assert max(coordinates) <= 300


def test_the_card_of_a_bad_building_says_why(table: gpd.GeoDataFrame) -> None:
    bad = house("c", rmse_all_m=1.21, recon_reason="no plane was found")
    view = view_quality(quality_of(table, worst=[WorstBuilding(building=bad, xyz=np.zeros((0, 3)))]))
    (card,) = view["worst"]  # type: ignore[index]
    assert (card["id"], card["reason"], card["rmse_all_m"], card["p95_m"]) == ("c", "no plane was found", 1.21, None)
