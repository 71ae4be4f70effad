"""A small town by the water, as a scene in memory and as a store on disk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from shapely import box

from twin.bounds import Bounds
from twin.building import Building, Solid
from twin.crs import parse_crs, to_wgs84
from twin.errors import RenderError
from twin.legend import depth_legend
from twin.observation import Observation
from twin.points import Points
from twin.raster import Frame, Raster
from twin.vertical import AP, TP

if TYPE_CHECKING:
    from pathlib import Path

CRS = parse_crs("EPSG:6677")
WEST, SOUTH, EDGE_M = -55 * 128.0, -282 * 128.0, 128
"""Corner and edge of the one tile that the town fills."""

JST = timezone(timedelta(hours=9))
NOW = datetime(2026, 9, 1, 12, 0, tzinfo=JST)


@dataclass(frozen=True)
class Town:
    """The pieces of the town, before they become a scene or a store."""

    points: Points
    ground: np.ndarray
    surface: np.ndarray
    depth: np.ndarray
    state: np.ndarray
    buildings: tuple[Building, ...]
    observations: tuple[Observation, ...]
    bounds: Bounds
    frame: Frame


@pytest.fixture(scope="session")
def town() -> Town:
    """A slope down to a canal in the south, a low and a tall house, a tree; the water stands at T.P. 1.5 m."""
    bounds = Bounds(xmin=WEST, ymin=SOUTH, xmax=WEST + EDGE_M, ymax=SOUTH + EDGE_M)
    frame = Frame.covering(bounds, 1.0)
    _, y = frame.centers()
    ground = np.tile(np.where(y < SOUTH + 16, -1.0, 0.5 + 0.02 * (y - SOUTH))[:, None], (1, EDGE_M)).astype(np.float32)
    depth = np.clip(1.5 - ground, 0.0, None).astype(np.float32)
    state = np.where(ground < 0, 2, np.where(depth > 0, 1, 0)).astype(np.uint8)
    houses = (_house("low", (20, 22, 40, 42), 1.0, 7.0), _house("tall", (80, 70, 100, 90), 2.0, 32.0))
    surface = ground.copy()
    surface[EDGE_M - 90 : EDGE_M - 70, 80:100] = 32.0
    return Town(
        points=_points(),
        ground=ground,
        surface=surface,
        depth=depth,
        state=state,
        buildings=houses,
        observations=_observations(),
        bounds=bounds,
        frame=frame,
    )


@pytest.fixture(scope="session")
def scene(town: Town) -> Any:
    """The town as a scene."""
    from viewer.content import FloodLayer, PointsLayer, SceneContent, TerrainLayer
    from viewer.live import Place, gauges

    def raster(values: np.ndarray) -> Raster:
        return Raster(values=values, frame=town.frame, crs=CRS.code, vertical=TP)

    heights = raster(town.ground)
    return SceneContent(
        title="Testville",
        crs=CRS,
        vertical=TP,
        bounds=town.bounds,
        zmin_m=-1.0,
        zmax_m=32.0,
        now=NOW,
        data_from=NOW.astimezone(UTC),
        terrain=TerrainLayer(heights=heights, surface=raster(town.surface)),
        points=PointsLayer(points=town.points, n_total=len(town.points), lod=0, sources={0: "strip_07.laz"}),
        buildings=town.buildings,
        flood=FloodLayer(
            name="surge",
            title_ja="高潮",
            title_en="Storm surge",
            depth=raster(town.depth),
            legend=depth_legend("flood_depth_ja"),
            permanent=town.state == 2,
            depth_by_building={"low": 0.6},
        ),
        gauges=gauges(town.observations, Place(crs=CRS, vertical=TP, terrain=heights, floor_m=-1.0), NOW),
    )


@pytest.fixture(scope="session")
def store_path(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The town as a store: points, labels, terrain, buildings, flood, observations, through the public writers."""
    import geopandas

    from tiles import buildings as building_files
    from tiles import rasters
    from tiles.flood import FloodResult, write_flood
    from tiles.manifest import SourceRow
    from tiles.observations import Batch, append
    from tiles.store import Store

    path = tmp_path_factory.mktemp("viewer") / "testville"
    store = Store.create(path, crs=CRS, vertical=TP, tile_edge_m=128.0)
    columns = {name: column for name, column in town.points.attributes.items() if name != "label"}
    points = Points(x=town.points.x, y=town.points.y, z=town.points.z, attributes=columns)
    with store.writing():
        ordered = points.take(np.argsort(points["lod"], kind="stable"))
        tile = store.grid.tile_at(WEST, SOUTH)
        source = SourceRow(id=0, uri="survey/strip_07.laz", digest="", size=0, n_points=len(points), state="done")
        store.manifest.commit_tiles([store.write_tile(tile, ordered)], sources=[source])
        for stage in ("classify", "terrain", "model", "flood"):
            store.manifest.begin_run(f"{stage}-1", stage, {"name": "surge"}, {})
        for tile_row in store.tiles():
            order = store.read_tile(tile_row.tile, ["classification"])
            store.write_labels("classify-1", tile_row.tile, order["classification"], np.full(len(order), 200, np.uint8))
        spec = {name: ("float32", {"is_height": True}) for name in ("dtm", "dsm")}
        rasters.create_rasters(store, "terrain-1", spec, 1.0)
        for tile_row in store.tiles():
            for name, values in (("dtm", town.ground), ("dsm", town.surface)):
                rasters.write_raster_block(store, "terrain-1", name, tile_row.tile, values)
            made, checksum = building_files.write_tile_buildings(store, "model-1", tile_row.tile, town.buildings)
            store.manifest.commit_artefact("model-1", str(tile_row.tile), made, checksum, "", {})

        def raster(values: np.ndarray) -> Raster:
            return Raster(values=values, frame=rasters.raster_frame(store, "terrain-1"), crs=CRS.code, vertical=TP)

        table = geopandas.GeoDataFrame(
            {"id": ["low", "tall"], "max_depth_m": [0.6, 0.0]},
            geometry=[building.footprint for building in town.buildings],
            crs=CRS.code,
        )
        result = FloodResult(
            name="surge",
            depth=raster(town.depth),
            critical_level=raster(town.ground),
            state=raster(town.state),
            buildings=table,
            summary={"title": {"ja": "高潮", "en": "Storm surge"}, "legend": "flood_depth_ja",
                     "lineage": {"terrain_run": "terrain-1"}},
        )  # fmt: skip
        made, checksum = write_flood(store, "flood-1", "r1", result)
        store.manifest.commit_artefact("flood-1", "surge", made, checksum, "", {})
        for stage in ("classify", "terrain", "model", "flood"):
            store.manifest.finish_run(f"{stage}-1", {})
        append(store, Batch(feed="water", source="test", observations=town.observations, facts={"name": "water"}))
    return path


def _house(name: str, sides: tuple[float, float, float, float], low: float, high: float) -> Building:
    outline = box(WEST + sides[0], SOUTH + sides[1], WEST + sides[2], SOUTH + sides[3])
    ring = np.array(outline.exterior.coords)[:-1]
    vertices = np.concatenate([np.column_stack([ring, np.full(4, z)]) for z in (low, high)])
    walls = tuple(((k, (k + 1) % 4, 4 + (k + 1) % 4, 4 + k),) for k in range(4))
    solid = Solid(
        vertices=vertices,
        faces=(*walls, ((4, 5, 6, 7),), ((3, 2, 1, 0),)),
        semantics=("WallSurface",) * 4 + ("RoofSurface", "GroundSurface"),
    )
    return Building(
        id=name, footprint=outline, ground_m=low, roof_m=high, measured_height_m=high - low, n_points=400,
        rmse_m=0.05, solids={"1.2": solid},
    )  # fmt: skip


def _points() -> Points:
    """A tree of 3000 points and 2000 on the ground."""
    random = np.random.default_rng(11)
    direction = random.normal(size=(3000, 3))
    crown = direction / np.linalg.norm(direction, axis=1, keepdims=True) * [9.0, 9.0, 6.0]
    tree = crown + np.array([WEST + 30.0, SOUTH + 95.0, 12.0])
    flat = np.column_stack([random.random((2000, 2)) * EDGE_M * 0.999, np.zeros(2000)]) + np.array([WEST, SOUTH, 0.0])
    xyz = np.concatenate([tree, flat])
    classes = np.repeat([5, 2], [3000, 2000]).astype(np.uint8)
    columns = {
        "label": classes,
        "classification": classes,
        "intensity": (random.random(5000) * 4000).astype(np.uint16),
        "source": np.zeros(5000, np.uint16),
        "lod": np.tile([0, 1, 2, 2, 2], 1000).astype(np.uint8),
    }
    return Points(x=xyz[:, 0].copy(), y=xyz[:, 1].copy(), z=xyz[:, 2].copy(), attributes=columns)


def _observations() -> tuple[Observation, ...]:
    """One fresh with a datum, one late, one silent that never told its zero, one without a place."""
    rows = (
        ("g1", "水位計", 2.10, AP, timedelta(minutes=4), (110.0, 30.0)),
        ("g2", "北水門", 1.40, TP, timedelta(minutes=40), (60.0, 110.0)),
        ("g3", "古い観測所", 0.80, None, timedelta(hours=9), (12.0, 60.0)),
        ("g4", "移動観測", 0.70, TP, timedelta(minutes=1), None),
    )
    found = []
    for entity, name, value, datum, age, place in rows:
        longitude = latitude = None
        if place is not None:
            longitude, latitude = to_wgs84(CRS.wkt).transform(WEST + place[0], SOUTH + place[1])
        found.append(
            Observation(
                feed="water", entity=entity, kind="WaterLevelObserved", quantity="stage", value=value, unit="m",
                observed_at=NOW - age, received_at=NOW, name=name, longitude_deg=longitude, latitude_deg=latitude,
                vertical=datum,
            )
        )  # fmt: skip
    return tuple(found)


@pytest.fixture(scope="session")
def drawing() -> None:
    """Let a test draw; where this machine cannot, it is skipped with the sentence that a user would read."""
    from viewer.offscreen import prepare

    try:
        prepare()
    except RenderError as error:
        pytest.skip(str(error))
