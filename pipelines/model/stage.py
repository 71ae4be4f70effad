"""The tiled stage ``model``: outlines of a tile to features in the store."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from pipelines.footprints.alignment import ALIGNMENT_REACH_M, alignment_of, combined, sample_of
from pipelines.footprints.derive import derive_outlines
from pipelines.footprints.given import GIVEN_REACH_M, assign, clean, from_json, to_json
from pipelines.footprints.misplaced import why_elsewhere
from pipelines.model.ladder import model_buildings
from pipelines.model.params import ModelParams
from pipelines.roofs.params import RoofParams
from tiles.atomic import tree_checksum, write_text
from tiles.buildings import (
    buildings_folder,
    iter_buildings,
    shared_files,
    table_of,
    write_table,
    write_tile_buildings,
    write_without_model,
)
from tiles.rasters import read_raster
from tiles.vectors import read_shapes
from twin.bounds import Bounds
from twin.errors import CrsError, FormatError
from twin.points import PointClass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pipelines.footprints.outline import Outline, Unmodelled
    from pipelines.model.scan import Xyz
    from tiles.storage import Place
    from tiles.store import Store
    from twin.raster import Raster
    from twin.tiling import TileId

__all__ = ["FootprintFile", "ModelStage", "footprint_file"]

_MOST_LISTED = 1000
"""Outlines without a model that the record of a run lists; the file beside the table has them all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FootprintFile:
    """A delivery of outlines, named by its content."""

    path: Path
    digest: str
    """Of the file's bytes: the same outlines from another folder are the same run."""
    crs: str | None = None
    """CRS of the file where it does not say, or says it wrongly."""
    id_field: str | None = None
    """Column with the ids; see `tiles.vectors.ID_FIELDS`."""


def footprint_file(path: Path, crs: str | None = None, id_field: str | None = None) -> FootprintFile:
    """Name a file of outlines by its content.

    Raises
    ------
    FormatError
        If there is no such file.
    """
    if not path.is_file():
        raise FormatError(f"{path}: no such file of footprints")
    return FootprintFile(path=path, digest=tree_checksum(path), crs=crs, id_field=id_field)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStage:
    """Buildings over the outlines given, or over those that the points show."""

    rules: ModelParams = field(default_factory=ModelParams)
    roofs: RoofParams = field(default_factory=RoofParams)
    labels_run: str | None
    """Run whose labels say what is a building; None takes the classification as delivered."""
    terrain_run: str
    """Run whose `dtm` is the ground."""
    footprints: FootprintFile | None = None
    """Outlines; None derives them."""

    @property
    def name(self) -> str:
        """Stage name."""
        return "model"

    @property
    def version(self) -> int:
        """Version of the kernels."""
        return 2

    @property
    def halo_m(self) -> float:
        """Reach of the largest outline that a tile can own, metres."""
        if self.footprints is not None:
            return GIVEN_REACH_M + max(self.rules.ground_ring_m, ALIGNMENT_REACH_M)
        return self.rules.halo_m

    @property
    def input_runs(self) -> tuple[str, ...]:
        """Labels and terrain."""
        return (self.terrain_run,) if self.labels_run is None else (self.labels_run, self.terrain_run)

    def params(self) -> Mapping[str, Any]:
        """Rules, and the outlines by their content."""
        given = self.footprints
        source = None if given is None else [given.digest, given.crs, given.id_field]
        # A prism knows nothing of roofs: their parameters must not make it anew.
        roofs = {} if self.rules.lod == "1.2" else {"roofs": dataclasses.asdict(self.roofs)}
        return {**dataclasses.asdict(self.rules), **roofs, "footprints": source}

    def units(self, store: Store) -> list[TileId]:
        """Every tile."""
        return [row.tile for row in store.tiles()]

    def prepare(self, store: Store, run: str) -> None:
        """Clean the given outlines and lay them ready by tile."""
        if self.footprints is None:
            return
        source = self.footprints
        shapes = read_shapes(source.path, store.crs, crs=source.crs, id_field=source.id_field)
        given = clean(shapes, self.rules)
        owned, outside = assign(given.outlines, store.grid, self.units(store))
        if given.outlines and not owned:
            raise CrsError(_elsewhere(store, source, len(outside)))
        write_text(_sample_path(store, run), json.dumps(sample_of(given.outlines)), scratch=store.scratch)
        for tile in self.units(store):
            write_text(_given_path(store, run, tile), to_json(owned.get(tile, [])), scratch=store.scratch)
        refused = _entries([*given.refused, *outside])
        write_text(_refused_path(store, run), json.dumps(refused, ensure_ascii=False), scratch=store.scratch)

    def run_tile(self, store: Store, run: str, tile: TileId) -> Mapping[str, Any]:
        """Model the buildings that a tile owns and write them."""
        outlines, failed, points = self._inputs(store, run, tile)
        terrain = self._terrain(store, outlines)
        buildings, without = (
            ([], []) if terrain is None else model_buildings(outlines, points, terrain, self.rules, self.roofs)
        )
        path, checksum = write_tile_buildings(store, run, tile, buildings)
        return {
            "path": path,
            "checksum": checksum,
            "points": int(sum(building.n_points for building in buildings)),
            "buildings": len(buildings),
            "without_model": _entries([*failed, *without]),
            "sightings": self._sightings(store, run, outlines, points),
        }

    def finish(self, store: Store, run: str, reports: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
        """Assemble the table and the list of what has no model."""
        table = table_of(iter_buildings(store, run), store.crs.wkt)
        write_table(store, run, table)
        entries = [dict(entry) for report in reports.values() for entry in report["without_model"]]
        if self.footprints is not None:
            entries += json.loads(_refused_path(store, run).read_text(encoding="utf-8"))
        entries.sort(key=lambda entry: (entry["id"], entry["reason"]))
        write_without_model(store, run, entries)
        given = [] if self.footprints is None else ["given"]
        errors = table["rmse_m"].to_numpy(float)
        return {
            "buildings": len(table),
            "by_lod": {str(lod): int(count) for lod, count in sorted(table["lod"].value_counts().items())},
            "valid_share": float((table["valid_codes"] == "").mean()) if len(table) else 1.0,
            "rmse_median_m": round(float(np.median(errors)), 4) if len(errors) else None,
            "without_model": entries[:_MOST_LISTED],
            "n_without_model": len(entries),
            "alignment": _alignment(reports),
            "shared_files": shared_files(store, run, ["attributes.parquet", "without_model.json", *given]),
        }

    def _inputs(self, store: Store, run: str, tile: TileId) -> tuple[Sequence[Outline], list[Unmodelled], Xyz]:
        """Outlines that the tile owns, what could not be outlined, and the building points around them."""
        if self.footprints is None:
            points = self._building_points(store, tile, self.halo_m)
            outlines, failed = derive_outlines(*points, store.grid.bounds(tile), self.rules)
            return outlines, failed, points
        outlines = from_json(_given_path(store, run, tile).read_text(encoding="utf-8"))
        if not outlines:
            return [], [], (np.empty(0), np.empty(0), np.empty(0))
        reach = _reach(store.grid.bounds(tile), outlines) + ALIGNMENT_REACH_M
        return outlines, [], self._building_points(store, tile, reach)

    def _sightings(self, store: Store, run: str, outlines: Sequence[Outline], points: Xyz) -> list[list[float]]:
        """How points lie to those given outlines of the tile that are asked; see `pipelines.footprints.alignment`."""
        if self.footprints is None or not outlines:
            return []
        asked = set(json.loads(_sample_path(store, run).read_text(encoding="utf-8")))
        xy = np.column_stack([points[0], points[1]])
        return [
            [round(angle, 4), round(along, 3)]
            for outline in outlines
            if outline.id in asked
            for angle, along in alignment_of(outline.polygon, xy)
        ]

    def _building_points(self, store: Store, tile: TileId, halo_m: float) -> Xyz:
        columns = ("classification",) if self.labels_run is None else ()
        points, _ = store.read_with_halo(tile, halo_m, columns, labels_run=self.labels_run)
        label = points["classification" if self.labels_run is None else "label"]
        chosen = points.take(label == PointClass.BUILDING)
        return chosen.x, chosen.y, chosen.z

    def _terrain(self, store: Store, outlines: Sequence[Outline]) -> Raster | None:
        """Ground under and around the outlines; None if there are none."""
        if not outlines:
            return None
        boxes = np.array([outline.polygon.bounds for outline in outlines])
        low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
        box = Bounds(xmin=float(low[0]), ymin=float(low[1]), xmax=float(high[0]), ymax=float(high[1]))
        return read_raster(store, self.terrain_run, "dtm", box.buffered(self.rules.ground_ring_m + 1.0))


def _given_path(store: Store, run: str, tile: TileId) -> Place:
    return buildings_folder(store, run) / "given" / f"{tile}.jsonl"


def _refused_path(store: Store, run: str) -> Place:
    return buildings_folder(store, run) / "given" / "refused.json"


def _sample_path(store: Store, run: str) -> Place:
    return buildings_folder(store, run) / "given" / "sample.json"


def _alignment(reports: Mapping[str, Mapping[str, Any]]) -> dict[str, Any] | None:
    """Offset of the given outlines against the points of all tiles; None without outlines or with too few walls."""
    found = combined([(angle, along) for report in reports.values() for angle, along in report.get("sightings", [])])
    return None if found is None else {**dataclasses.asdict(found), "message": found.message}


def _elsewhere(store: Store, source: FootprintFile, n: int) -> str:
    """Say that no outline lies in the survey, and what may be the reason."""
    raw = read_shapes(source.path, store.crs, crs=store.crs.wkt, id_field=source.id_field)
    first = np.array([shapely.get_coordinates(row.geometry)[0] for row in raw if row.geometry is not None])
    guess = why_elsewhere(first, store.bounds, store.crs) or "is it another place?"
    box = ", ".join(f"{side:.0f}" for side in store.bounds)
    return f"{source.path}: none of its {n} outlines lies in the survey ({store.crs.code}, {box}); {guess}"


def _reach(own: Bounds, outlines: Sequence[Outline]) -> float:
    """How far outlines stick out of their tile, metres."""
    return (
        max(
            (
                max(own.xmin - xmin, own.ymin - ymin, xmax - own.xmax, ymax - own.ymax, 0.0)
                for xmin, ymin, xmax, ymax in (outline.polygon.bounds for outline in outlines)
            ),
            default=0.0,
        )
        + 0.01
    )


def _entries(unmodelled: Sequence[Unmodelled]) -> list[dict[str, str]]:
    return [{"id": entry.id, "reason": entry.reason} for entry in unmodelled]
