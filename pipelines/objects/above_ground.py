"""The points that stand on the ground, and the shape around each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipelines.objects.voxels import build_voxels, voxel_shapes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from twin.points import Points

__all__ = ["AboveGround", "PointShape", "above_ground", "shapes_of"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AboveGround:
    """Points that are neither ground nor noise."""

    x: NDArray[np.float64]
    """Eastings, metres, shape (n,)."""
    y: NDArray[np.float64]
    """Northings, metres, shape (n,)."""
    z: NDArray[np.float64]
    """Heights above the datum, metres, shape (n,)."""
    height_m: NDArray[np.float32]
    """Heights above ground, metres, shape (n,)."""
    is_last: NDArray[np.bool_]
    """Whether it is its pulse's last return; true where returns were not numbered."""
    is_single: NDArray[np.bool_]
    """Whether it is its pulse's only return; true where returns were not numbered."""
    is_numbered: NDArray[np.bool_]
    """Whether the pulse's returns were numbered; some sensors and many old files give none, all zero."""

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self.x)

    def take(self, index: NDArray[np.intp]) -> AboveGround:
        """Return the points at `index`."""
        return AboveGround(
            x=self.x[index],
            y=self.y[index],
            z=self.z[index],
            height_m=self.height_m[index],
            is_last=self.is_last[index],
            is_single=self.is_single[index],
            is_numbered=self.is_numbered[index],
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PointShape:
    """Shape around each point at one scale; see `pipelines.objects.voxels.Shape`."""

    n_points: NDArray[np.int32]
    thickness_m: NDArray[np.float32]
    width_m: NDArray[np.float32]
    steepness: NDArray[np.float32]

    def take(self, index: NDArray[np.intp]) -> PointShape:
        """Return the shapes at `index`."""
        return PointShape(
            n_points=self.n_points[index],
            thickness_m=self.thickness_m[index],
            width_m=self.width_m[index],
            steepness=self.steepness[index],
        )


def above_ground(points: Points) -> AboveGround:
    """Return points that have ``height_m``; returns are taken in order where it is known, 0 of 0 counts as single."""
    unknown = np.zeros(len(points), np.uint8)
    number = points.attributes.get("return_number", unknown)
    of = points.attributes.get("number_of_returns", unknown)
    return AboveGround(
        x=points.x,
        y=points.y,
        z=points.z,
        height_m=points["height_m"],
        is_last=number >= of,
        is_single=of <= 1,
        is_numbered=of > 0,
    )


def shapes_of(points: AboveGround, voxel_m: float, asked: NDArray[np.bool_] | None = None) -> PointShape:
    """Return the shape around each point, from 3 x 3 x 3 voxels of `voxel_m`; reach ``2 * voxel_m``.

    Points that are not `asked` for may have none: no neighbour, NaN for the rest. It saves their time.
    """
    voxels = build_voxels(points.x, points.y, points.z, voxel_m)
    wanted = None
    if asked is not None:
        wanted = np.zeros(len(voxels.layer), np.bool_)
        wanted[voxels.of_point[asked]] = True
    shape = voxel_shapes(voxels, wanted)
    return PointShape(
        n_points=shape.n_points[voxels.of_point],
        thickness_m=shape.thickness_m[voxels.of_point],
        width_m=shape.width_m[voxels.of_point],
        steepness=shape.steepness[voxels.of_point],
    )
