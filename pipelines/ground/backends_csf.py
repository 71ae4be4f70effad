"""Ground by a cloth dropped on the scene turned over: the authors' own code, pip package cloth-simulation-filter.

It is known to lose steep slopes and to keep low objects, and takes about ten times as long as our filter
(`tests/benchmarks/test_ground_backends_speed.py` measures both).

References
----------
Zhang, Qi, Wan et al. 2016, An easy-to-use airborne LiDAR data filtering method based on cloth simulation, Remote
Sensing 8(6).
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.ground.backends import checked_options
from twin.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from pipelines.ground.smrf import SmrfParams

__all__ = ["by_cloth"]

_DEFAULTS = {"rigidness": 2, "time_step": 0.65, "iterations": 500, "smooth": True}
"""Rigidness 1 for steep slopes, 2 for relief, 3 for flat towns; the rest as Zhang et al. 2016 give it."""
_ALONE = threading.Lock()
"""The library writes to the process's own output, which is turned away while it runs: one at a time."""


def by_cloth(xyz: NDArray[np.float64], params: SmrfParams) -> NDArray[np.bool_]:
    """Say which points lie on the cloth; see `pipelines.ground.backends.GroundBackend`.

    The cloth's cell is ``params.cell_m``, and a point may be ``params.tolerance_sparse_m`` away from it.

    Notes
    -----
    About 0.6 M points a second and core on a town, less where the cloth settles slowly. Coordinates are moved to the
    corner of the window, since the library keeps 32 bits.
    """
    options = checked_options(params.backend_options, _DEFAULTS, "csf")
    cloth = _library().CSF()
    cloth.params.bSloopSmooth = bool(options["smooth"])
    cloth.params.cloth_resolution = params.cell_m
    cloth.params.rigidness = int(options["rigidness"])
    cloth.params.time_step = float(options["time_step"])
    cloth.params.class_threshold = params.tolerance_sparse_m
    cloth.params.interations = int(options["iterations"])
    with _ALONE, _silenced():
        cloth.setPointCloud(np.ascontiguousarray(xyz - np.floor(xyz.min(axis=0))))
        ground, others = _library().VecInt(), _library().VecInt()
        cloth.do_filtering(ground, others, False)
    is_ground = np.zeros(len(xyz), bool)
    is_ground[np.array(ground, dtype=np.int64)] = True
    return is_ground


def _library() -> Any:
    try:
        return importlib.import_module("CSF")
    except ImportError as error:
        raise ConfigError(
            f"ground.backend=csf needs a package (pip install cloth-simulation-filter): {error}"
        ) from None


@contextlib.contextmanager
def _silenced() -> Iterator[None]:
    """Turn away what compiled code writes to standard output, on which a command's result is printed."""
    sys.stdout.flush()
    try:
        kept = os.dup(1)
    except OSError:  # there is no standard output to keep clean
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)
