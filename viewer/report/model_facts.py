"""How good the city model is, read from a store: levels reached, validity, distances to the points, and the worst."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tiles.buildings import building_table, iter_buildings
from twin.bounds import Bounds
from twin.points import PointClass, Points

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import geopandas
    from numpy.typing import NDArray

    from tiles.manifest import RunRow
    from tiles.store import Store
    from twin.building import Building

__all__ = ["ModelQuality", "WorstBuilding", "gather_quality", "quality_of"]

_MOST_WORST = 20
_AROUND_M = 1.0
"""Points this far outside an outline are shown too, metres: what the model misses there should be seen."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WorstBuilding:
    """A building that fits its points badly."""

    building: Building
    xyz: NDArray[np.float64]
    """Building points in and around it, shape (n, 3)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ModelQuality:
    """Figures over n buildings; a figure that a model does not state is NaN."""

    modes: Mapping[str, int]
    """Buildings by how they were made, such as ``lod2.2``."""
    reasons: tuple[tuple[str, int], ...]
    """Why buildings have a lower level than was asked for, the most frequent first."""
    codes: Mapping[str, int]
    """Buildings by validity code; the empty code is valid."""
    distance_m: NDArray[np.float64]
    """Root mean square distance of a building's points to its model, shape (n,), metres."""
    empty_share: NDArray[np.float64]
    """Share of its outline without points, shape (n,)."""
    alignment: Mapping[str, Any] | None = None
    """Offset between given outlines and points, as the run recorded it."""
    worst: tuple[WorstBuilding, ...] = ()
    """The worst fit first."""


def gather_quality(store: Store) -> ModelQuality | None:
    """Return the quality of a store's newest model; None where there is none, or no building in it."""
    row = store.manifest.latest_run("model")
    table = None if row is None else building_table(store, row.run)
    if row is None or table is None or not len(table):
        return None
    return quality_of(table, row.figures.get("alignment"), _worst(store, row, table))


def quality_of(
    table: geopandas.GeoDataFrame, alignment: Mapping[str, Any] | None = None, worst: Iterable[WorstBuilding] = ()
) -> ModelQuality:
    """Return the figures of a table of buildings (`tiles.buildings.table_of`)."""
    reasons = Counter(reason for reason in _texts(table, "recon_reason") if reason)
    return ModelQuality(
        modes=dict(sorted(Counter(_texts(table, "recon_mode")).items(), reverse=True)),
        reasons=tuple(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
        codes=dict(
            sorted(Counter(code for codes in _texts(table, "valid_codes") for code in codes.split() or [""]).items())
        ),
        distance_m=_numbers(table, "rmse_all_m"),
        empty_share=_numbers(table, "share_without_data"),
        alignment=alignment,
        worst=tuple(worst),
    )


def _texts(table: geopandas.GeoDataFrame, name: str) -> list[str]:
    if name not in table:
        return [""] * len(table)
    return [value if isinstance(value, str) else "" for value in table[name]]


def _numbers(table: geopandas.GeoDataFrame, name: str) -> NDArray[np.float64]:
    return np.asarray(table[name], dtype=np.float64) if name in table else np.full(len(table), np.nan)


def _worst(store: Store, row: RunRow, table: geopandas.GeoDataFrame) -> list[WorstBuilding]:
    """Return the buildings that lie farthest from their points, with these."""
    distance = _numbers(table, "rmse_all_m")
    order = [i for i in np.lexsort((table["id"], -distance)) if np.isfinite(distance[i])][:_MOST_WORST]
    labels = store.manifest.latest_run("classify")
    found = []
    for i in order:
        place, name = _around(table.geometry.iloc[i].bounds), table["id"].iloc[i]
        building = next((b for b in iter_buildings(store, row.run, place) if b.id == name), None)
        if building is not None:
            found.append(WorstBuilding(building=building, xyz=_points(store, labels.run if labels else None, place)))
    return found


def _around(box: tuple[float, float, float, float]) -> Bounds:
    xmin, ymin, xmax, ymax = box
    return Bounds(xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax).buffered(_AROUND_M)


def _points(store: Store, labels_run: str | None, window: Bounds) -> NDArray[np.float64]:
    """Return the building points in a window, shape (n, 3)."""
    done = {} if labels_run is None else store.manifest.artefacts(labels_run)
    parts = [np.empty((0, 3))]
    for row in store.manifest.tiles_near(window):
        points: Points = store.read_tile(row.tile, ("classification",))
        given = points["classification"]
        label = store.read_labels(labels_run, row.tile)[0] if labels_run and str(row.tile) in done else given
        chosen = points.take(window.contains(points.x, points.y) & (label == PointClass.BUILDING))
        parts.append(np.column_stack([chosen.x, chosen.y, chosen.z]))
    return np.concatenate(parts)
