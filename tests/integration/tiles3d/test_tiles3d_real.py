"""Real buildings and points of Delft: other people's models, other people's survey, a zone with its own datum."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import laspy
import numpy as np
import pytest

from tiles.cityjson import read_cityjson
from tiles.store import Store
from tiles.tiles3d import export_buildings, export_points
from twin.crs import parse_crs
from twin.points import Points
from twin.vertical import VerticalDatum

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.real

RD_NEW, NAP = parse_crs("EPSG:28992"), VerticalDatum.parse("EPSG:5709")


@pytest.fixture(scope="module")
def delft(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The buildings that another tool made of Delft, and the smaller of the two survey files."""
    folder = tmp_path_factory.mktemp("delft")
    survey = laspy.read(shared_data / "lidar" / "delft_ahn3_b.laz")
    points = Points(
        x=np.asarray(survey.x),
        y=np.asarray(survey.y),
        z=np.asarray(survey.z),
        attributes={"classification": np.asarray(survey.classification), "intensity": np.asarray(survey.intensity)},
    )
    store = Store.create(folder / "store", crs=RD_NEW, vertical=NAP, tile_edge_m=4096.0)
    with store.writing():
        tile = store.grid.tile_at(float(points.x[0]), float(points.y[0]))
        store.manifest.commit_tiles([store.write_tile(tile, points)])
    buildings = read_cityjson(shared_data / "cityjson" / "delft_3dfier_output.city.json")
    assert export_buildings(folder / "out", buildings, RD_NEW, NAP).buildings == 160
    assert export_points(folder / "out", store).points == 208_432
    return folder / "out"


def test_every_real_building_and_point_is_there_once(
    delft: Path, contents_of: Callable[..., Any], table_of: Callable[..., Any]
) -> None:
    ids: Counter[str] = Counter()
    classes: Counter[int] = Counter()
    for content in contents_of(delft / "tileset.json"):
        if "_FEATURE_ID_0" in content.attributes:
            ids.update(table_of(content)["id"])
        else:
            classes.update(content.attributes["_CLASSIFICATION"].tolist())
    assert len(ids) == sum(ids.values()) == 160
    assert classes == {1: 86_308, 2: 87_130, 6: 33_312, 9: 568, 26: 1_114}


def test_real_glbs_pass_the_khronos_validator(validate_gltf: Callable[..., Any], delft: Path) -> None:
    report = validate_gltf(delft)
    assert report["files"] > 5
    assert report["errors"] == report["warnings"] == []


@pytest.mark.slow
def test_cesium_draws_delft(draw_in_cesium: Callable[..., Any], delft: Path, tmp_path: Path) -> None:
    wish = {"folder": str(delft), "width": 400, "height": 300, "point_size": 2, "range_m": 300, "max_error": 2}
    (seen,) = draw_in_cesium([{**wish, "screenshot": str(tmp_path / "delft.png")}])
    assert seen["failed"] == seen["console_errors"] == seen["strayed"] == []
    assert seen["drawn_middle"] > 0.5
    assert seen["n_colours"] > 4
    assert seen["tiles"]["features"] == 160
    assert seen["tiles"]["points"] > 50_000
