"""Outlines of water that somebody delivers: cleaned, cut along the block grid, handed to the tiles that own them."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import shapely

from pipelines.cityobjects.water import bank_rules
from pipelines.footprints.given import assign, clean, from_json, to_json
from tiles.atomic import tree_checksum, write_text
from tiles.cityobjects import objects_folder
from tiles.vectors import read_shapes
from twin.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from shapely.geometry.base import BaseGeometry

    from pipelines.cityobjects.params import ObjectParams
    from pipelines.footprints import Outline
    from tiles.storage import Place
    from tiles.store import Store
    from tiles.vectors import Shape
    from twin.tiling import TileId

__all__ = ["GivenWater", "given_files", "given_water", "lay_water", "read_water", "refused_water"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenWater:
    """A delivery of outlines, named by its content."""

    path: Path
    digest: str
    """Of the file's bytes: the same outlines from another folder are the same run."""
    crs: str | None = None
    """CRS of the file where it does not say, or says it wrongly."""


def given_water(path: Path, crs: str | None = None) -> GivenWater:
    """Name a file of outlines by its content.

    Raises
    ------
    FormatError
        If there is no such file.
    """
    if not path.is_file():
        raise FormatError(f"{path}: no such file of water outlines")
    return GivenWater(path=path, digest=tree_checksum(path), crs=crs)


def lay_water(store: Store, run: str, given: GivenWater, tiles: Sequence[TileId], params: ObjectParams) -> None:
    """Write the outlines that each tile owns into a run's folder, and the list of those that cannot be used."""
    shapes = read_shapes(given.path, store.crs, crs=given.crs)
    pieces = [piece for shape in shapes for piece in _blocks(shape, params.water_block_m)]
    cleaned = clean(pieces, replace(bank_rules(params, 0.5), min_area_m2=1.0))
    # The prefix keeps them apart from buildings, which may be numbered alike.
    outlines = [replace(outline, id=f"water_{outline.id}") for outline in cleaned.outlines]
    owned, outside = assign(outlines, store.grid, tiles)
    for tile in tiles:
        write_text(_path(store, run, str(tile)), to_json(owned.get(tile, [])), scratch=store.scratch)
    # Pieces beyond the survey are no fault: rivers go on.
    entries = [{"id": entry.id, "reason": entry.reason} for entry in cleaned.refused]
    known = {outline.id for outline in outlines} - {entry.id for entry in outside}
    if not known:
        entries.append({"id": given.path.name, "reason": "no outline of water lies inside the survey"})
    write_text(_path(store, run, "refused"), json.dumps(entries, ensure_ascii=False), scratch=store.scratch)


def read_water(store: Store, run: str, tile: TileId) -> list[Outline]:
    """Read the outlines that a tile owns."""
    return from_json(_path(store, run, str(tile)).read_text(encoding="utf-8"))


def refused_water(store: Store, run: str) -> list[dict[str, str]]:
    """Read ``{"id", "reason"}`` of outlines that could not be used."""
    entries: list[dict[str, str]] = json.loads(_path(store, run, "refused").read_text(encoding="utf-8"))
    return entries


def given_files(store: Store, run: str) -> dict[str, str]:
    """Return the checksum of the folder of given outlines by its path relative to the store."""
    return {f"objects/{run}/given": tree_checksum(objects_folder(store, run) / "given")}


def _path(store: Store, run: str, name: str) -> Place:
    return objects_folder(store, run) / "given" / f"{name}.jsonl"


def _blocks(shape: Shape, edge_m: float) -> Iterator[Shape]:
    """Cut what is longer than a block along the block grid; anything unusable passes, to be refused with its reason."""
    geometry = shape.geometry
    if geometry is None or geometry.is_empty or not np.isfinite(shapely.get_coordinates(geometry)).all():
        yield shape
        return
    if _extent(geometry) <= edge_m:
        yield shape
        return
    for part in shapely.get_parts(shapely.make_valid(geometry)):
        xmin, ymin, xmax, ymax = part.bounds
        if _extent(part) <= edge_m or not part.geom_type.endswith("Polygon"):
            yield replace(shape, geometry=part)
            continue
        for column in range(math.floor(xmin / edge_m), math.ceil(xmax / edge_m)):
            for row in range(math.floor(ymin / edge_m), math.ceil(ymax / edge_m)):
                x, y = column * edge_m, row * edge_m
                piece = shapely.intersection(part, shapely.box(x, y, x + edge_m, y + edge_m))
                if piece.area > 0:
                    yield replace(shape, geometry=piece)


def _extent(geometry: BaseGeometry) -> float:
    xmin, ymin, xmax, ymax = geometry.bounds
    return float(max(xmax - xmin, ymax - ymin))
