"""What a sonar measured is bed without a profile for it: its kind is kept with the source."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.classify import ClassifyStage
from pipelines.executors import Sequential
from pipelines.ingest import IngestParams, ingest
from pipelines.runs import run_tiled
from tiles.las_write import LasParams, write_las
from tiles.store import Store
from twin.crs import parse_crs
from twin.points import PointClass, Points
from twin.vertical import TP

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.ingest import SurveyKind

CRS = parse_crs("EPSG:6677")


def test_land_from_the_air_is_ground_and_soundings_of_a_sonar_are_bed(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store.twin", crs=CRS, vertical=TP)
    rng = np.random.default_rng(2)
    kinds: tuple[tuple[SurveyKind, float, float], ...] = (("aerial", 0.0, 3.0), ("multibeam", 60.0, -9.0))
    for kind, west, height in kinds:
        x, y = rng.uniform(0, 40, (2, 6000))
        z = height + 0.3 * np.sin(x / 9) + rng.normal(0, 0.03, 6000)
        points = Points(x=x + west - 7000, y=y - 36000, z=z)
        write_las(tmp_path / f"{kind}.laz", points, LasParams(), crs=CRS, vertical=TP)
        summary = ingest(store, [tmp_path / f"{kind}.laz"], IngestParams(kind=kind), Sequential())
        assert summary.refused == ()
    run = run_tiled(store, ClassifyStage(), Sequential()).run
    for row in store.tiles():
        cloud = store.read_tile(row.tile, ("source",))
        label, _ = store.read_labels(run, row.tile)
        sea = cloud.z < 0
        assert (label[sea] == PointClass.SEABED).mean() > 0.99
        assert (label[~sea] == PointClass.GROUND).mean() > 0.99
