"""Buildings of 1 500 points on one core: LoD1 repaired, measured, extruded, checked, written; roofs of LoD2.2."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
from shapely import affinity

from pipelines.footprints import clean
from pipelines.model import ModelParams, model_buildings
from pipelines.roofs.params import RoofParams
from pipelines.roofs.reconstruct import reconstruct
from pipelines.validity import check_solid
from tiles.cityjson import write_cityjsonseq
from tiles.vectors import Shape
from twin.bounds import Bounds
from twin.crs import parse_crs
from twin.raster import Frame, Raster
from twin.vertical import TP

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_benchmark.fixture import BenchmarkFixture

PARAMS = ModelParams(lod="1.2")
BUILDINGS, POINTS = 200, 1500


def test_two_hundred_buildings(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    shapes, clouds = [], []
    for i in range(BUILDINGS):
        corners = [(0, 0), (14, 0), (14, 6), (7, 6), (7, 11), (0, 11)]
        outline = affinity.rotate(shapely.Polygon(corners), float(rng.uniform(0, 90)), origin=(0, 0))
        outline = affinity.translate(outline, 40 * (i % 20), 40 * (i // 20))
        shapes.append(Shape(id=f"b{i:04d}", geometry=outline))
        xmin, ymin, xmax, ymax = outline.bounds
        xy = rng.uniform((xmin, ymin), (xmax, ymax), (6 * POINTS, 2))
        clouds.append(xy[shapely.contains_xy(outline, xy[:, 0], xy[:, 1])][:POINTS])
    x, y = np.concatenate(clouds).T.copy()
    z = rng.normal(9.0, 0.05, len(x))
    frame = Frame.covering(Bounds(xmin=-40, ymin=-40, xmax=840, ymax=440), 0.5)
    ground = Raster(values=np.full(frame.shape, 2.0), frame=frame, crs="EPSG:6677")

    def work() -> None:
        buildings, failed = model_buildings(clean(shapes, PARAMS).outlines, (x, y, z), ground, PARAMS)
        write_cityjsonseq(tmp_path / "a.city.jsonl", buildings, crs=parse_crs("EPSG:6677"), vertical=TP)
        assert (len(buildings), failed) == (BUILDINGS, [])

    benchmark.pedantic(work, rounds=5, warmup_rounds=1)


@pytest.mark.slow
def test_twenty_cross_gabled_roofs(benchmark: BenchmarkFixture) -> None:
    rng = np.random.default_rng(2)
    plan = shapely.Polygon([(-8, -5), (8, -5), (8, 5), (4, 5), (4, 9), (-3, 9), (-3, 5), (-8, 5)])
    jobs = []
    for _ in range(20):
        xy = rng.uniform((-8, -5), (8, 9), (2000, 2))
        xy = xy[shapely.contains_xy(plan, *xy.T)][:POINTS]
        wing = np.where(np.abs(xy[:, 0] - 0.5) <= 3.5, 8.0 - 0.6 * np.abs(xy[:, 0] - 0.5), -np.inf)
        z = np.maximum(np.where(xy[:, 1] <= 5, 9.0 - 0.6 * np.abs(xy[:, 1]), -np.inf), np.where(xy[:, 1] > 0, wing, 0))
        turn = float(rng.uniform(0, 180))
        turned = affinity.rotate(shapely.MultiPoint(xy), turn, origin=(0, 0))
        places = shapely.get_coordinates(turned)
        points = np.column_stack([places, z + rng.normal(0, 0.05, len(z))])
        jobs.append((affinity.rotate(plan, turn, origin=(0, 0)), points))

    def work() -> None:
        for outline, points in jobs:
            roof = reconstruct(outline, points, 0.0, RoofParams())
            assert check_solid(roof.solid) == ()
            assert roof.n_planes == 4

    benchmark.pedantic(work, rounds=5, warmup_rounds=1)
