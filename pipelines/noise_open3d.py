"""Isolated points by Open3D: neighbours counted in a sphere around each point, not in voxels.

A sphere knows no directions, and its count does not jump where a voxel ends; it costs a tree and a search a point. Like
the voxels it reaches a fixed distance, so labels do not depend on how an area is cut into tiles.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np

from twin.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["lonely_points"]


def lonely_points(xyz: Sequence[NDArray[np.float64]], radius_m: float, most: int) -> NDArray[np.bool_]:
    """Say which points have at most `most` points around them, themselves included.

    Parameters
    ----------
    xyz
        x, y and z in metres, each of shape (n,).
    radius_m
        Radius of the sphere, metres.
    most
        Points up to which a point is lonely.

    Returns
    -------
    ndarray
        Shape (n,).

    Raises
    ------
    ConfigError
        If Open3D is not installed, or cannot be loaded on this machine.

    Notes
    -----
    About 0.6 M points a second and core (10 points a square metre); voxels do 10 M.
    """
    core = _library().core
    if len(xyz[0]) <= most:
        return np.ones(len(xyz[0]), bool)
    points = core.Tensor(np.column_stack(xyz))
    search = core.nns.NearestNeighborSearch(points)
    search.knn_index()
    # At most so many within the radius is the same as the next one being outside it, and is found much sooner.
    _, squared = search.knn_search(points, most + 1)
    beyond: NDArray[np.bool_] = squared.numpy()[:, most] > radius_m**2
    return beyond


def _library() -> Any:
    try:
        return importlib.import_module("open3d")
    except (ImportError, OSError) as error:
        raise ConfigError(
            "noise.backend=open3d needs the package open3d-cpu (pip install open3d-cpu), and that libGL, libEGL, libX11"
            f" and libusb on the machine (apt install libgl1 libegl1 libx11-6 libusb-1.0-0): {error}"
        ) from None
