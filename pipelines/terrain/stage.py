"""The tiled stage that writes ``rasters/``; one task a level-0 tile, whose chunks it owns."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.terrain.params import TerrainParams
from pipelines.terrain.rasters import RASTERS, VOID, derive_terrain
from pipelines.terrain.shore import ShoreSteps
from tiles.rasters import create_rasters, raster_path, shared_files, tile_frame, write_raster_block
from twin.config import digest
from twin.points import Points
from twin.raster import Frame
from twin.tiling import TileId

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tiles.store import Store

__all__ = ["TerrainStage"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TerrainStage:
    """The tiled stage that writes ``rasters/``; one task a level-0 tile, whose chunks it owns."""

    labels_run: str
    """Run of ``classify`` whose labels say what is ground."""
    steps: TerrainParams = field(default_factory=TerrainParams)
    """Parameters of the rasters."""

    @property
    def name(self) -> str:
        """Stage name."""
        return "terrain"

    @property
    def version(self) -> int:
        """Version of the kernels."""
        return 2

    @property
    def halo_m(self) -> float:
        """Reach of the rasters, rounded up; one cell more because the halo's edge may cut cells."""
        return math.ceil((self.steps.reach_m + self.steps.resolution_m) / 8.0) * 8.0

    @property
    def input_runs(self) -> tuple[str, ...]:
        """The labels."""
        return (self.labels_run,)

    def params(self) -> Mapping[str, Any]:
        """Parameters of the rasters."""
        return dataclasses.asdict(self.steps)

    def units(self, store: Store) -> list[TileId]:
        """Level-0 tiles that hold points, however they are split."""
        return sorted({TileId(0, row.tile.x >> row.tile.z, row.tile.y >> row.tile.z) for row in store.tiles()})

    def prepare(self, store: Store, run: str) -> None:
        """Make the arrays that all tasks write their chunks into."""
        create_rasters(store, run, RASTERS, self.steps.resolution_m)

    def run_tile(self, store: Store, run: str, tile: TileId) -> Mapping[str, Any]:
        """Make and write one level-0 tile's chunks."""
        own = tile_frame(store, tile, self.steps.resolution_m)
        window = store.grid.with_halo(tile, self.halo_m)
        frame = Frame.covering(window.snapped(self.steps.step_m), self.steps.resolution_m)
        kinds = _kinds(store)
        columns = ("return_number", "source") if kinds else ("return_number",)
        points = _labelled_points(store, tile, self.halo_m, self.labels_run, columns)
        points = _with_sigma(points, kinds, self.steps)
        rasters = derive_terrain(points, frame, self.steps)
        cut = {name: values[frame.window_of(own)] for name, values in rasters.items()}
        blocks = dict(write_raster_block(store, run, name, tile, cut[name]) for name in RASTERS)
        inside, shore = cut["inside"], ShoreSteps.of(cut["shore_step"], cut["shore_real"])
        return {
            "path": raster_path(run),
            "checksum": digest(blocks),
            "rasters": blocks,
            "points": int(store.grid.bounds(tile).contains(points.x, points.y).sum()),
            "cells": int(inside.sum()),
            "void_cells": int((inside & (cut["dtm_fill"] == VOID)).sum()),
            "water_cells": int(cut["water"].sum()),
            "shore": {"counts": {str(size): n for size, n in shore.counts.items()}, "n_real": shore.n_real},
        }

    def finish(self, store: Store, run: str, reports: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
        """Cells inside the survey, the share of them without ground, and the steps at the shore."""
        cells, void, water = (
            sum(int(report[key]) for report in reports.values()) for key in ("cells", "void_cells", "water_cells")
        )
        return {
            "cells": cells,
            "resolution_m": self.steps.resolution_m,
            "void_share": round(void / cells, 6) if cells else 0.0,
            "water_cells": water,
            "shore_step": ShoreSteps.total(_steps_of(report) for report in reports.values()).as_json(),
            "shared_files": shared_files(store, run),
        }


def _with_sigma(points: Points, kinds: Mapping[int, str], steps: TerrainParams) -> Points:
    """Give each point the standard deviation that its survey declares, by the kind of its source."""
    if not kinds:
        return points
    table = np.full(max(kinds) + 1, steps.sigma_m(""))
    table[list(kinds)] = [steps.sigma_m(kind) for kind in kinds.values()]
    return points.with_attributes(sigma_m=table[points["source"]])


def _kinds(store: Store) -> dict[int, str]:
    """Kind of survey by source; none if all came from the air: land and bed then have the usual figures by class."""
    kinds = {source.id: str(source.meta.get("kind", "")) for source in store.manifest.sources() if source.id >= 0}
    return kinds if any(kind not in ("", "aerial") for kind in kinds.values()) else {}


def _steps_of(report: Mapping[str, Any]) -> ShoreSteps:
    shore = report["shore"]
    return ShoreSteps(counts={int(size): n for size, n in shore["counts"].items()}, n_real=shore["n_real"])


def _labelled_points(store: Store, tile: TileId, halo_m: float, labels_run: str, columns: tuple[str, ...]) -> Points:
    """Every point of a level-0 tile and its halo with its label, also where the tile is split."""
    if store.manifest.tile(tile) is not None:
        return store.read_with_halo(tile, halo_m, columns, labels_run)[0]
    window = store.grid.with_halo(tile, halo_m)
    parts = []
    for row in store.manifest.tiles_near(window):
        cloud = store.read_tile(row.tile, columns)
        cloud = cloud.with_attributes(label=store.read_labels(labels_run, row.tile)[0])
        parts.append(cloud.take(window.contains(cloud.x, cloud.y)))
    return Points.concatenate(parts)
