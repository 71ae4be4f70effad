"""The ground that a flood runs over: where water is, where nothing is known, where a gate stands.

Laser light gives few returns from water, so water shows as a hole in the terrain as often as it shows as a class. What
counts as what is decided here, on the safe side, and counted:

* outside the survey nothing is known: no water goes around a dike's end there;
* the water mask, and every hole in the survey that touches it (or touches a seed), is water, except holes at the
  survey's edge;
* a gap without a single return that someone put a seed point into is water too, whatever the terrain filled it with: an
  infrared laser sees little of a canal;
* every other hole is unknown. Unknown cells stop water and are reported, never shown as dry.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from rasterio.features import rasterize
from rasterio.transform import Affine
from scipy import ndimage

from pipelines.flood.connectivity import WALL, to_millimetres
from twin.errors import StageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from twin.raster import Frame

__all__ = ["BurnedBarrier", "FloodGround", "SeedChoice", "Survey", "prepare_ground"]

WaterChoice = Literal["none", "all", "edge", "largest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedChoice:
    """Which water floods: the sea or the river, not the pond in the park."""

    water: WaterChoice = "edge"
    """Bodies of the water mask that are seeds: those that reach the survey's edge, the largest, all, or none."""
    points: tuple[tuple[float, float], ...] = ()
    """Places (x, y) in the store's CRS; each takes its cell and the whole body of water, or gap, that it lies in."""
    min_area_m2: float = 50.0
    """Smallest body that `water` takes, square metres (ours: smaller patches are puddles, or labels gone wrong)."""
    areas: tuple[BaseGeometry, ...] = ()
    """Polygons in the store's CRS; every cell whose centre lies inside is water and a seed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BurnedBarrier:
    """A gate or wall, in the datum of the terrain."""

    name: str
    geometry: BaseGeometry
    """Line or polygon in the store's CRS."""
    height_m: float
    """Crest of a closed barrier, sill of an open one."""
    is_open: bool
    """Closed raises the ground to the crest; open lowers it to the sill."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FloodGround:
    """Arrays of one shape (rows, columns), row 0 in the north."""

    ground_mm: NDArray[np.int32]
    """Ground height, millimetres in the terrain's datum; `WALL` where unknown, and in water without a measured bed."""
    seeds: NDArray[np.bool_]
    """Cells where the flood begins."""
    water: NDArray[np.bool_]
    """Cells that are water before the flood, seeds included."""
    unknown: NDArray[np.bool_]
    """Cells of the survey without ground that are not water."""
    outside: NDArray[np.bool_]
    """Cells outside the survey that no seed area covers."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Survey:
    """What the survey says of an area; arrays of one shape (rows, columns), row 0 in the north."""

    dtm_m: NDArray[np.floating[Any]]
    """Bare earth, metres in one datum, NaN where there is none. Under buildings it is the filled ground."""
    water: NDArray[np.bool_]
    """Water mask; all False where water was not classified."""
    inside: NDArray[np.bool_]
    """Cells inside the survey."""
    gaps: NDArray[np.bool_] | None = None
    """Cells of wide gaps without any return; none if None."""
    frame: Frame


def prepare_ground(survey: Survey, choice: SeedChoice, barriers: Sequence[BurnedBarrier] = ()) -> FloodGround:
    """Decide what each cell is, burn the barriers, and find the seeds.

    Parameters
    ----------
    survey
        Terrain and water.
    choice
        Which water floods.
    barriers
        Gates and walls, applied before bodies of water are told apart, so a closed gate parts a canal from the sea.

    Raises
    ------
    StageError
        If a seed point or a barrier lies outside, or nothing is left to start from.
    """
    ground, walled = _burn(to_millimetres(survey.dtm_m), survey.frame, barriers)
    declared = _covered(choice.areas, survey.frame) & ~walled
    points = _cells(choice.points, survey.frame)
    outside = ~survey.inside & ~declared & ~walled
    ground[outside] = WALL
    if survey.gaps is not None:
        named = _bodies_with(points, survey.gaps & ~walled & ~outside)
        ground[named] = WALL  # what the terrain filled them with is no bed
        declared |= named
    water = (survey.water & ~walled & ~outside) | declared
    hole = (ground == WALL) & ~water & ~outside
    water = _with_holes(water | (points & hole), hole, _rim_of(outside))
    min_cells = choice.min_area_m2 / survey.frame.resolution_m**2
    seeds = _chosen(water, declared | (points & ~walled), (choice.water, min_cells), _rim_of(outside))
    if not seeds.any():
        raise StageError("no seed: the terrain has no such water; name seed points or areas on the sea or the river")
    return FloodGround(
        ground_mm=_level_ponds(ground, water & ~seeds),
        seeds=seeds,
        water=water,
        unknown=(ground == WALL) & ~water & ~outside,
        outside=outside,
    )


def _burn(
    ground: NDArray[np.int32], frame: Frame, barriers: Sequence[BurnedBarrier]
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Ground with barriers, and which cells closed barriers cover; a line covers every cell that it touches.

    A barrier that covers no cell would be a gate that somebody believes closed and the flood never meets.
    """
    walled = np.zeros(ground.shape, dtype=np.bool_)
    for barrier in barriers:
        cells = _covered((barrier.geometry,), frame, all_touched=True)
        if not cells.any():
            raise StageError(f"barrier {barrier.name} lies outside the terrain {frame.bounds}; is it in its CRS?")
        height = np.int32(round(barrier.height_m * 1000))
        if barrier.is_open:
            ground = np.where(cells, np.minimum(ground, height), ground)  # the sill is known, whatever the survey saw
        else:
            raised = np.where(ground == WALL, height, np.maximum(ground, height))
            ground = np.where(cells, raised, ground)
            walled |= cells
    return ground, walled


def _covered(geometries: Sequence[BaseGeometry], frame: Frame, *, all_touched: bool = False) -> NDArray[np.bool_]:
    geometries = [geometry for geometry in geometries if not geometry.is_empty]
    if not geometries:
        return np.zeros(frame.shape, dtype=np.bool_)
    cells = rasterize(
        geometries,
        out_shape=frame.shape,
        transform=Affine(*frame.geotransform),
        all_touched=all_touched,
        default_value=1,
        dtype="uint8",
    )
    return np.asarray(cells, dtype=np.bool_)


def _cells(points: Sequence[tuple[float, float]], frame: Frame) -> NDArray[np.bool_]:
    out = np.zeros(frame.shape, dtype=np.bool_)
    if points:
        xy = np.asarray(points, dtype=np.float64)
        row, column, inside = frame.cells_of(xy[:, 0], xy[:, 1])
        if not inside.all():
            raise StageError(f"seed point {points[int(np.argmin(inside))]} lies outside the terrain {frame.bounds}")
        out[row, column] = True
    return out


def _rim_of(outside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Cells beside the outside, or at the edge of the raster."""
    rim = ndimage.binary_dilation(outside)
    rim[[0, -1], :] = True
    rim[:, [0, -1]] = True
    out: NDArray[np.bool_] = rim
    return out


def _bodies_with(named: NDArray[np.bool_], mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the connected parts of a mask that hold a named cell."""
    bodies, n_bodies = ndimage.label(mask)
    takes = np.zeros(n_bodies + 1, dtype=np.bool_)
    takes[np.unique(bodies[named])] = True
    takes[0] = False
    chosen: NDArray[np.bool_] = takes[bodies]
    return chosen


def _with_holes(water: NDArray[np.bool_], hole: NDArray[np.bool_], rim: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Water and the holes that touch it, except those at the survey's edge."""
    bodies, n_bodies = ndimage.label(hole)
    joins = np.zeros(n_bodies + 1, dtype=np.bool_)
    joins[np.unique(bodies[ndimage.binary_dilation(water)])] = True
    joins[np.unique(bodies[rim])] = False
    joins[0] = False
    joined: NDArray[np.bool_] = water | joins[bodies]
    return joined


def _chosen(
    water: NDArray[np.bool_], named: NDArray[np.bool_], wanted: tuple[WaterChoice, float], rim: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Bodies of water that are seeds: those with a named cell, and the wanted ones that are large enough."""
    bodies, n_bodies = ndimage.label(water)
    choice, min_cells = wanted
    n_cells = np.bincount(bodies.ravel(), minlength=n_bodies + 1)
    n_cells[0] = 0
    takes = np.zeros(n_bodies + 1, dtype=np.bool_)
    if choice == "all":
        takes[:] = True
    elif choice == "edge":
        takes[np.unique(bodies[rim])] = True
    elif choice == "largest":
        takes[int(np.argmax(n_cells))] = True
    takes &= n_cells >= min_cells
    takes[np.unique(bodies[named])] = True
    takes[0] = False
    chosen: NDArray[np.bool_] = takes[bodies] | named
    return chosen


def _level_ponds(ground: NDArray[np.int32], ponds: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Give water that is no seed and has no measured height the level of its lowest bank, so that floods cross it."""
    bodies, n_bodies = ndimage.label(ponds & (ground == WALL))
    if n_bodies == 0:
        return ground
    lowest = np.full(n_bodies + 1, WALL, dtype=np.int32)
    for axis, shift in ((0, 1), (0, -1), (1, 1), (1, -1)):
        np.minimum.at(lowest, *_pairs(bodies, ground, axis, shift))
    lowest[0] = WALL
    return np.where(bodies > 0, lowest[bodies], ground)


def _pairs(
    bodies: NDArray[np.int32], ground: NDArray[np.int32], axis: int, shift: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Body of each hole cell and the ground of its neighbour on one side."""
    here, there = [slice(None)] * 2, [slice(None)] * 2
    here[axis], there[axis] = (slice(1, None), slice(None, -1)) if shift > 0 else (slice(None, -1), slice(1, None))
    body, bank = bodies[tuple(here)], ground[tuple(there)]
    meets = (body > 0) & (bank != WALL)
    return body[meets], bank[meets]
