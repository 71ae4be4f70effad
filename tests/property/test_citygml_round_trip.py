"""What is written as CityGML comes back bit by bit, in every zone of Japan and far from its origin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.model.prism import on_grid, prism
from tiles.citygml import CityGmlParams, read_buildings, write_citygml
from twin.building import Building
from twin.crs import parse_crs
from twin.vertical import TP

if TYPE_CHECKING:
    from pathlib import Path

places = st.floats(-150_000, 150_000, allow_nan=False).map(on_grid)
sizes = st.floats(0.5, 300).map(on_grid)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    zone=st.integers(1, 19),
    corner=st.tuples(places, places),
    size=st.tuples(sizes, sizes),
    heights=st.tuples(st.floats(-50, 3000).map(on_grid), sizes),
    version=st.sampled_from(["2.0", "3.0"]),
)
def test_a_block_anywhere_in_japan_comes_back_as_it_was(  # noqa: PLR0913 - what a block is, and where
    tmp_path: Path,
    zone: int,
    corner: tuple[float, float],
    size: tuple[float, float],
    heights: tuple[float, float],
    version: str,
) -> None:
    crs = parse_crs(f"EPSG:{6668 + zone}")
    x, y = corner
    outline = shapely.orient_polygons(shapely.box(x, y, on_grid(x + size[0]), on_grid(y + size[1])))
    base, top = heights[0], on_grid(heights[0] + heights[1])
    solid = prism(outline, base, top)
    building = Building(
        id="b",
        footprint=outline,
        ground_m=base,
        roof_m=top,
        measured_height_m=round(top - base, 3),
        n_points=10,
        rmse_m=0.1,
        solids={"1.2": solid, "2.2": solid},
    )
    params = CityGmlParams(version=version)  # type: ignore[arg-type]
    write_citygml(tmp_path, [building], crs=crs, vertical=TP, params=params)
    (path,) = (tmp_path / "udx" / "bldg").iterdir()
    (read,) = read_buildings(path, crs)
    assert read.footprint.normalize().equals_exact(outline.normalize(), 0.0)
    for again in read.solids.values():
        own = {tuple(corner) for corner in np.round(solid.vertices, 4).tolist()}
        assert {tuple(corner) for corner in again.vertices.tolist()} == own
        assert again.semantics == solid.semantics
    assert (read.ground_m, read.roof_m, read.measured_height_m) == (base, top, building.measured_height_m)
