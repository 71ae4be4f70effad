"""Outlines that somebody delivers: cleaned one by one, told apart, and handed to the tiles that own them."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from pipelines.footprints.outline import Outline, Unmodelled, repair
from twin.bounds import Bounds
from twin.errors import FootprintError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pipelines.footprints.params import FootprintParams
    from tiles.vectors import Shape
    from twin.tiling import TileGrid, TileId

__all__ = ["GIVEN_REACH_M", "Given", "assign", "clean", "from_json", "to_json"]

GIVEN_REACH_M = 256.0
"""How far an outline may reach from the middle of its box, metres: a hall half a kilometre long."""

_SAME_SHARE = 0.95
"""Two outlines are the same building if they share this much of the larger one (intersection over union); one is nested
in another if it shares this much of itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What became of a delivery of outlines."""

    outlines: tuple[Outline, ...]
    """Usable ones, sorted by id."""
    refused: tuple[Unmodelled, ...]
    """The others, each with its reason, sorted by id."""


def clean(shapes: Iterable[Shape], params: FootprintParams) -> Given:
    """Repair each outline, number the parts of those in several, and drop repeated and nested ones.

    One unusable outline fails alone. The first of two outlines of the same building in order of id stays; of an outline
    inside another the outer one, whose model covers both. Neighbours that overlap a little both stay.

    Parameters
    ----------
    shapes
        Rows of the file, in metres of the store's CRS.
    params
        Thresholds of the repair.
    """
    outlines: list[Outline] = []
    refused: list[Unmodelled] = []
    parts: list[tuple[str, Any, Mapping[str, Any]]] = []
    for row, shape in enumerate(shapes, start=1):
        try:
            polygons = repair(shape.geometry, params)
            for polygon in polygons:
                _check_size(polygon)
        except FootprintError as error:
            refused.append(Unmodelled(id=shape.id or f"row {row}", reason=shape.fault or str(error)))
            continue
        parts.extend((shape.id or _place(polygon), polygon, shape.attributes) for polygon in polygons)
    parts.sort(key=lambda part: (part[0], part[1].bounds, -part[1].area))
    seen: Counter[str] = Counter()
    total = Counter(name for name, _, _ in parts)
    for name, polygon, attributes in parts:
        seen[name] += 1
        own = name if seen[name] == 1 else f"{name}/{seen[name]}"
        facts = {"outline": "given"} | ({"part_of": name} if total[name] > 1 else {})
        outlines.append(Outline(id=own, polygon=polygon, attributes={**attributes, **facts}))
    kept, repeated = _without_doubles(outlines)
    return Given(
        outlines=tuple(sorted(kept, key=lambda outline: outline.id)),
        refused=tuple(sorted([*refused, *repeated], key=lambda entry: (entry.id, entry.reason))),
    )


def assign(
    outlines: Sequence[Outline], grid: TileGrid, tiles: Iterable[TileId]
) -> tuple[dict[TileId, list[Outline]], list[Unmodelled]]:
    """Give each outline to one tile.

    The tile that holds the middle of the outline's box owns it; where no points are there, the first tile in order
    of address that the box touches; where there is none, the outline lies outside the survey.
    """
    addresses = sorted(tiles)
    levels = sorted({tile.z for tile in addresses})
    known = set(addresses)
    owned: dict[TileId, list[Outline]] = {}
    outside: list[Unmodelled] = []
    for outline in outlines:
        xmin, ymin, xmax, ymax = outline.polygon.bounds
        owner = _tile_over((xmin + xmax) / 2, (ymin + ymax) / 2, grid, known, levels)
        if owner is None:
            columns = [_tile_over(x, y, grid, known, levels) for x, y in _samples(outline.polygon.bounds, grid, levels)]
            owner = min((tile for tile in columns if tile is not None), default=None)
        if owner is None:
            outside.append(Unmodelled(id=outline.id, reason="the outline lies outside the survey"))
        else:
            owned.setdefault(owner, []).append(outline)
    return owned, outside


def to_json(outlines: Sequence[Outline]) -> str:
    """One outline a line: id, well-known binary in hexadecimal, attributes."""
    return "".join(
        json.dumps([o.id, shapely.to_wkb(o.polygon, hex=True), dict(o.attributes)], ensure_ascii=False) + "\n"
        for o in outlines
    )


def from_json(text: str) -> list[Outline]:
    """Read what `to_json` wrote."""
    rows = [json.loads(line) for line in text.splitlines()]
    return [Outline(id=name, polygon=shapely.from_wkb(wkb), attributes=facts) for name, wkb, facts in rows]


def _check_size(polygon: shapely.Polygon) -> None:
    xmin, ymin, xmax, ymax = polygon.bounds
    reach = max(xmax - xmin, ymax - ymin) / 2
    if reach > GIVEN_REACH_M:
        raise FootprintError(f"the outline is {2 * reach:.0f} m long, more than {2 * GIVEN_REACH_M:g} m")


def _place(polygon: shapely.Polygon) -> str:
    """Name from the place, for outlines without an id: middle of the box in millimetres."""
    xmin, ymin, xmax, ymax = polygon.bounds
    return f"f_{round((xmin + xmax) * 500)}_{round((ymin + ymax) * 500)}"


def _without_doubles(outlines: list[Outline]) -> tuple[list[Outline], list[Unmodelled]]:
    polygons = np.array([outline.polygon for outline in outlines], dtype=object)
    if not len(polygons):
        return [], []
    first, second = shapely.STRtree(polygons).query(polygons, predicate="intersects")
    area, box = shapely.area(polygons), shapely.bounds(polygons)
    wide = np.minimum(box[first, 2:], box[second, 2:]) - np.maximum(box[first, :2], box[second, :2])
    # Most neighbours only touch: their boxes share less than either covers.
    pairs = (first < second) & (wide.prod(axis=1) >= _SAME_SHARE * np.minimum(area[first], area[second]))
    first, second = first[pairs], second[pairs]
    shared = shapely.area(shapely.intersection(polygons[first], polygons[second]))
    same = shared >= _SAME_SHARE * (area[first] + area[second] - shared)
    covered: dict[int, tuple[int, str]] = {}
    for a, b in sorted(zip(first[same].tolist(), second[same].tolist(), strict=True)):
        if a not in covered:
            covered.setdefault(b, (a, "repeats that of {}"))
    nested = ~same & (shared >= _SAME_SHARE * np.minimum(area[first], area[second]))
    inside = zip(first[nested].tolist(), second[nested].tolist(), strict=True)
    for outer, inner in sorted((a, b) if area[a] > area[b] else (b, a) for a, b in inside):
        if outer not in covered:
            covered.setdefault(inner, (outer, "lies inside that of {}, whose model covers it"))
    kept = [outline for i, outline in enumerate(outlines) if i not in covered]
    left_out = [
        Unmodelled(id=outlines[b].id, reason=f"the outline {how.format(outlines[a].id)}")
        for b, (a, how) in covered.items()
    ]
    return kept, left_out


def _tile_over(x: float, y: float, grid: TileGrid, known: set[TileId], levels: list[int]) -> TileId | None:
    return next((tile for z in levels if (tile := grid.tile_at(x, y, z)) in known), None)


def _samples(box: tuple[float, float, float, float], grid: TileGrid, levels: list[int]) -> list[tuple[float, float]]:
    """Return the centre of every smallest tile that a box touches."""
    finest = levels[-1] if levels else 0
    bounds = Bounds(xmin=box[0], ymin=box[1], xmax=box[2], ymax=box[3])
    return [grid.bounds(tile).center for tile in grid.tiles_over(bounds, finest)]
