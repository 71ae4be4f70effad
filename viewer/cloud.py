"""Points to draw: how many, which, and in what colour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import shapely

from twin.points import PointClass
from viewer.palette import class_table, ramp, spread

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray
    from shapely import Polygon

    from twin.points import Points

__all__ = [
    "BUDGET_DESKTOP",
    "BUDGET_MOVING",
    "BUDGET_SOFTWARE",
    "PointColor",
    "color_modes",
    "deepest_lod",
    "drawn",
    "even_sample",
    "in_outlines",
    "point_colors",
]

PointColor = Literal["class", "elevation", "intensity", "rgb"]

BUDGET_DESKTOP = 2_000_000
"""Points in a desktop window: 1.3 s a frame even without a graphics card, nothing with one."""

BUDGET_SOFTWARE = 400_000
"""Points where a processor draws (picture, page): 0.3 s a frame on two cores at 1600 x 1000."""

BUDGET_MOVING = 100_000
"""Points while the camera moves."""

_MODELLED = {
    "terrain": (PointClass.GROUND, PointClass.SEABED),
    "buildings": (PointClass.BUILDING,),
    "flood": (PointClass.WATER, PointClass.WATER_SURFACE),
}
"""Classes that another layer shows better; drawn on top of it they would only flicker."""

_WALL_M = 1.0
"""Points this close outside an outline are its walls and eaves, metres."""

_NOISE = (PointClass.LOW_NOISE, PointClass.HIGH_NOISE)


def deepest_lod(counts: Mapping[int, int], budget: int) -> int:
    """Return the deepest level of detail whose points, with all coarser ones, fit the budget.

    The coarsest level is taken even where it alone does not fit.

    Examples
    --------
    >>> deepest_lod({0: 10, 1: 40, 2: 160}, budget=60)
    1
    """
    levels = sorted(counts)
    total, best = 0, levels[0] if levels else 0
    for level in levels:
        total += counts[level]
        if total <= budget:
            best = level
    return best


def even_sample(points: Points, budget: int) -> Points:
    """Return every k-th point so that no more than `budget` are left; the same ones every time."""
    step = -(-len(points) // max(budget, 1))
    return points if step <= 1 else points.take(slice(None, None, step))


def drawn(
    labels: NDArray[np.uint8], shown: Collection[str], modelled: NDArray[np.bool_] | None = None
) -> NDArray[np.bool_]:
    """Which points to draw beside the layers `shown`: not noise, and nothing that another layer models; shape (n,).

    `modelled` says which points lie in the outline of a modelled building. The points of all other buildings stay:
    a house without a model must not vanish from the picture.
    """
    hidden = [*_NOISE, *(code for layer, codes in _MODELLED.items() if layer in shown for code in codes)]
    keep: NDArray[np.bool_] = ~np.isin(labels, hidden)
    if modelled is not None:
        keep |= (labels == PointClass.BUILDING) & ~modelled
    return keep


def in_outlines(points: Points, outlines: Sequence[Polygon]) -> NDArray[np.bool_]:
    """Which building points lie in one of `outlines`, or within a wall's thickness of it; shape (n,)."""
    inside = np.zeros(len(points), bool)
    building = np.flatnonzero(points["label"] == PointClass.BUILDING)
    if len(outlines) and len(building):
        tree = shapely.STRtree(shapely.buffer(np.array(outlines), _WALL_M))
        places = shapely.points(points.x[building], points.y[building])
        inside[building[np.unique(tree.query(places, predicate="within")[0])]] = True
    return inside


def color_modes(points: Points) -> tuple[PointColor, ...]:
    """Colourings that this cloud has data for."""
    modes: list[PointColor] = ["class", "elevation"]
    if "intensity" in points.attributes:
        modes.append("intensity")
    if all(name in points.attributes for name in ("red", "green", "blue")):
        modes.append("rgb")
    return tuple(modes)


def point_colors(points: Points, color: PointColor) -> NDArray[np.uint8]:
    """Colour of each point, shape (n, 3); a colouring without data falls back to the class."""
    if color not in color_modes(points):
        color = "class"
    if color == "elevation":
        return ramp(points.z, spread(points.z, _ELEVATION))
    if color == "intensity":
        return ramp(points["intensity"], spread(points["intensity"], ("#1d2430", "#8b97a5", "#ffffff")))
    if color == "rgb":
        return _delivered_rgb(points)
    return _class_with_depth(points)


_ELEVATION = ("#2c5f8a", "#3f9c8f", "#a8c66c", "#f0d264", "#e08a4a", "#b8444a")


def _delivered_rgb(points: Points) -> NDArray[np.uint8]:
    channels = np.stack([points[name] for name in ("red", "green", "blue")], axis=-1)
    # LAS asks for 16 bits, but many files carry 8: the brightest value tells which.
    shift = 8 if channels.max(initial=0) > 255 else 0
    colors: NDArray[np.uint8] = (channels >> shift).astype(np.uint8)
    return colors


def _class_with_depth(points: Points) -> NDArray[np.uint8]:
    """Colour by class, with a little light and shade by height, so that crowns of trees show their form."""
    labels = points["label"]
    colors = class_table()[labels].astype(np.float32)
    light = np.ones(len(points), np.float32)
    for code in np.unique(labels).tolist():
        chosen = labels == code
        z = points.z[chosen]
        low, high = np.percentile(z, [5.0, 95.0])
        light[chosen] = 0.72 + 0.42 * np.clip((z - low) / max(high - low, 1.0), 0.0, 1.0)
    return np.asarray(np.clip(colors * light[:, None], 0, 255), dtype=np.uint8)
