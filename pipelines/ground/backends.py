"""Ground found by others: the same `Ground`, from labels of the pip package CSF or of PDAL.

What `pipelines.ground.find_ground` promises does not hold for them. A cloth is dropped over all points at once, and
PDAL's SMRF fills holes and sizes its grid by all of them too: what is ground here depends on the window that is looked
at, so tiles of another size, or the other side of a tile's edge, may be labelled otherwise. They do not depend on the
order of points, which are sorted first, nor on the number of workers. They are for comparing, and for those who know
them; `tests/unit/test_ground_backends.py` holds all that are installed to the same scenes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from pipelines.ground.cells import cell_numbers, lowest, sample
from pipelines.ground.filling import fill_holes
from pipelines.ground.morphology import open_heights
from pipelines.ground.smrf import Ground
from twin.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pipelines.ground.smrf import SmrfParams
    from twin.raster import Frame

__all__ = ["GroundBackend", "checked_options", "find_ground_by"]


class GroundBackend(Protocol):
    """A way to tell ground points that somebody else wrote."""

    def __call__(self, xyz: NDArray[np.float64], params: SmrfParams) -> NDArray[np.bool_]:
        """Say which points are ground.

        Parameters
        ----------
        xyz
            Points of a window, shape (n, 3), metres, n > 0, sorted by x, then y, then z.
        params
            Those of our own filter, as far as the backend has the same; ``params.backend_options`` for the rest.

        Returns
        -------
        ndarray
            Shape (n,).

        Raises
        ------
        ConfigError
            If the package is not installed, or has no such option.
        """
        ...


def find_ground_by(
    x: NDArray[np.float64], y: NDArray[np.float64], z: NDArray[np.float64], frame: Frame, params: SmrfParams
) -> Ground:
    """Label ground points by the backend that `params` name; parameters and result as `pipelines.ground.find_ground`.

    The surface is the lowest ground of each cell with its holes filled as ours are; where no ground is in reach, the
    widest opening of all points stands in. What lies below the surface by more than the tolerance is in a pit.
    """
    cells = cell_numbers(frame, x, y)
    is_ground = _labels(x, y, z, params) & (cells >= 0)
    low = lowest(cells, z, frame.shape)
    surface = fill_holes(lowest(cells[is_ground], z[is_ground], frame.shape), params.fill_levels)
    if np.isnan(surface).any():
        surface = np.where(np.isnan(surface), open_heights(low, params.radii_cells[-1]), surface)
    height = np.asarray(z - sample(surface, frame, x, y), np.float32)
    usual = np.float32(params.tolerance_sparse_m)
    with np.errstate(invalid="ignore"):
        in_pit = ~is_ground & (height < -usual) & (cells >= 0)
    low.ravel()[np.unique(cells[in_pit])] = np.nan
    return Ground(
        is_ground=is_ground,
        in_pit=in_pit,
        height_m=height,
        # Whatever the backend takes for ground is within its tolerance.
        tolerance_m=np.where(is_ground, np.fmax(np.abs(height), usual), usual).astype(np.float32),
        low=low,
        surface=surface,
    )


def checked_options(options: Mapping[str, Any], defaults: Mapping[str, Any], backend: str) -> dict[str, Any]:
    """Return a backend's options with those that the user gave.

    Raises
    ------
    ConfigError
        If it has no such option.
    """
    unknown = sorted(set(options) - set(defaults))
    if unknown:
        raise ConfigError(
            f"ground.backend_options: {backend} has no option {unknown[0]!r}; there are: {', '.join(sorted(defaults))}"
        )
    return {**defaults, **options}


def _labels(
    x: NDArray[np.float64], y: NDArray[np.float64], z: NDArray[np.float64], params: SmrfParams
) -> NDArray[np.bool_]:
    """Return what the backend takes for ground, in the order of the points; it sees them sorted."""
    is_ground = np.zeros(x.size, bool)
    if x.size:
        order = np.lexsort((z, y, x))
        is_ground[order] = _backend(params.backend)(np.column_stack([x, y, z])[order], params)
    return is_ground


def _backend(name: str) -> GroundBackend:
    if name == "csf":
        from pipelines.ground.backends_csf import by_cloth

        return by_cloth
    from pipelines.ground.backends_pdal import by_pdal

    return by_pdal
