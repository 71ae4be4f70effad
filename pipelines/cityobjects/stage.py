"""The tiled stage ``objects``: terrain triangles, trees, bridges and water of a tile to one file in the store."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.cityobjects.bridges import deck_rules, find_bridges
from pipelines.cityobjects.given import GivenWater, given_files, lay_water, read_water, refused_water
from pipelines.cityobjects.params import ObjectParams
from pipelines.cityobjects.trees import find_trees
from pipelines.cityobjects.water import Wet, level_water, water_outlines
from pipelines.relief import ReliefParams, tile_relief
from tiles.cityobjects import write_tile_objects, write_without_object
from tiles.rasters import raster_frame, read_raster, tile_frame
from twin.points import PointClass, Points
from twin.tiling import TileId

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipelines.footprints import Unmodelled
    from tiles.store import Store
    from twin.bounds import Bounds
    from twin.cityobject import CityObject, Tin

__all__ = ["ObjectStage"]

_PLANTS = (PointClass.MEDIUM_VEGETATION, PointClass.HIGH_VEGETATION)
_SURFACES = (PointClass.WATER, PointClass.WATER_SURFACE)
_MOST_LISTED = 1000
"""Things that could not be modelled that the record of a run lists; the file beside the tiles has them all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectStage:
    """What the city model holds beside buildings, from labels and terrain."""

    rules: ObjectParams = field(default_factory=ObjectParams)
    labels_run: str
    """Run whose labels say what is a plant, a bridge, water."""
    terrain_run: str
    """Run of `dtm`, `density` and `water`."""
    water: GivenWater | None = None
    """Outlines of water; None takes them from the terrain's water."""

    @property
    def name(self) -> str:
        """Stage name."""
        return "objects"

    @property
    def version(self) -> int:
        """Version of the kernels."""
        return 1

    @property
    def halo_m(self) -> float:
        """Reach of the farthest-reaching kind, rounded up."""
        reach = max(self.rules.tree_halo_m, self._deck_halo_m, self.rules.water_halo_m)
        return math.ceil(reach / 8.0) * 8.0

    @property
    def input_runs(self) -> tuple[str, ...]:
        """Labels and terrain."""
        return (self.labels_run, self.terrain_run)

    @property
    def _deck_halo_m(self) -> float:
        return deck_rules(self.rules).halo_m + self.rules.bridge_below_m

    def params(self) -> Mapping[str, Any]:
        """Rules, and given water by its content."""
        given = None if self.water is None else [self.water.digest, self.water.crs]
        return {**dataclasses.asdict(self.rules), "water": given}

    def units(self, store: Store) -> list[TileId]:
        """Level-0 tiles that hold points, however they are split: those of the terrain."""
        return sorted({TileId(0, row.tile.x >> row.tile.z, row.tile.y >> row.tile.z) for row in store.tiles()})

    def prepare(self, store: Store, run: str) -> None:
        """Clean the given water and lay it ready by tile."""
        if self.water is not None:
            lay_water(store, run, self.water, self.units(store), self.rules)

    def run_tile(self, store: Store, run: str, tile: TileId) -> Mapping[str, Any]:
        """Model what the tile owns and write it."""
        own = store.grid.bounds(tile)
        relief = self._relief(store, tile)
        objects, failed = self._objects(store, run, tile, own)
        path, checksum = write_tile_objects(store, run, tile, relief, objects)
        points = sum(row.n_points for row in store.tiles() if row.tile.is_within(tile))
        return {
            "path": path,
            "checksum": checksum,
            "points": points,
            "kinds": dict(sorted(Counter(item.kind for item in objects).items())),
            "triangles": 0 if relief is None else len(relief.triangles),
            "samples": 0 if relief is None else relief.attributes["n_samples"],
            "without_object": [{"id": entry.id, "reason": entry.reason} for entry in failed],
        }

    def finish(self, store: Store, run: str, reports: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
        """Count what was made and write the list of what was not."""
        entries = [dict(entry) for report in reports.values() for entry in report["without_object"]]
        if self.water is not None:
            entries += refused_water(store, run)
        entries.sort(key=lambda entry: (entry["id"], entry["reason"]))
        kinds: Counter[str] = Counter()
        for report in reports.values():
            kinds.update(report["kinds"])
        return {
            "objects": sum(kinds.values()),
            "by_kind": dict(sorted(kinds.items())),
            "triangles": sum(int(report["triangles"]) for report in reports.values()),
            "samples": sum(int(report["samples"]) for report in reports.values()),
            "tolerance_m": self.rules.tolerance_m,
            "without_object": entries[:_MOST_LISTED],
            "n_without_object": len(entries),
            "shared_files": {
                **write_without_object(store, run, entries),
                **({} if self.water is None else given_files(store, run)),
            },
        }

    def _relief(self, store: Store, tile: TileId) -> Tin | None:
        step = raster_frame(store, self.terrain_run).resolution_m
        dtm = read_raster(store, self.terrain_run, "dtm", store.grid.with_halo(tile, 2 * step))
        name = f"relief_{tile.z}_{tile.x}_{tile.y}"
        return tile_relief(dtm, tile_frame(store, tile, step), name, ReliefParams(tolerance_m=self.rules.tolerance_m))

    def _objects(
        self, store: Store, run: str, tile: TileId, own: Bounds
    ) -> tuple[list[CityObject], Sequence[Unmodelled]]:
        rules = self.rules
        near = {
            _PLANTS: own.buffered(rules.tree_halo_m),
            (*_SURFACES, PointClass.BRIDGE): own.buffered(max(self._deck_halo_m, rules.water_halo_m)),
        }
        plants, others = _labelled(store, self.labels_run, near)
        dtm = read_raster(store, self.terrain_run, "dtm", own.buffered(self.halo_m))
        density = read_raster(store, self.terrain_run, "density", own.buffered(rules.tree_halo_m))
        trees = find_trees(plants, dtm, density, own, rules)
        bridges, without_bridge = find_bridges(others, dtm, own, rules)
        if self.water is None:
            mask, density = (
                read_raster(store, self.terrain_run, name, own.buffered(rules.water_halo_m))
                for name in ("water", "density")
            )
            outlines, without_outline = water_outlines(mask, density, own, rules)
        else:
            outlines, without_outline = read_water(store, run, tile), []
        surface = others.take(np.isin(others["label"], _SURFACES))
        wet = Wet(surface=np.column_stack([surface.x, surface.y, surface.z]), dtm=dtm, vertical=str(store.vertical))
        water, without_level = level_water(outlines, wet, rules.water_block_m / 2)
        return [*trees, *bridges, *water], [*without_bridge, *without_outline, *without_level]


def _labelled(store: Store, run: str, near: Mapping[tuple[PointClass, ...], Bounds]) -> list[Points]:
    """For each group of labels its points in a window, with ``label``; tiles without any are not decoded."""
    groups = list(near.items())
    widest = groups[0][1]
    for _, window in groups[1:]:
        widest = widest.union(window)
    parts: list[list[Points]] = [[] for _ in groups]
    for row in store.manifest.tiles_near(widest):
        label = store.read_labels(run, row.tile)[0]
        touched = [window.intersects(store.grid.bounds(row.tile)) for _, window in groups]
        wanted = [touch & np.isin(label, codes) for touch, (codes, _) in zip(touched, groups, strict=True)]
        if not np.any(wanted):
            continue
        cloud = store.read_tile(row.tile, ()).with_attributes(label=label)
        for part, chosen, (_, window) in zip(parts, wanted, groups, strict=True):
            part.append(cloud.take(chosen & window.contains(cloud.x, cloud.y)))
    nothing = Points(x=np.empty(0), y=np.empty(0), z=np.empty(0), attributes={"label": np.empty(0, np.uint8)})
    return [Points.concatenate([nothing, *part]) for part in parts]
