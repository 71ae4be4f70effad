"""Is a solid a solid: our own check, in val3dity's terms and codes, before anybody else finds out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numba as nb
import numpy as np

from pipelines.validity.codes import CODES, column
from pipelines.validity.examine import examine
from pipelines.validity.params import DEFAULT
from pipelines.validity.predicates import LARGEST_SPAN
from pipelines.validity.shell import snap

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from pipelines.validity.params import Tolerances
    from twin.building import Solid

__all__ = [
    "STEPS_PER_M",
    "Fault",
    "check_solid",
    "check_steps",
    "codes_in",
    "find_faults",
    "flat",
    "limits_of",
    "steps_of",
    "volume_m3",
]

STEPS_PER_M = 10_000
"""Coordinates are compared in steps of 0.1 mm, the grid of all our models and of careful CityJSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong with a solid."""

    code: int
    """As val3dity numbers it, a key of `CODES`."""
    face: int
    """Index of the face where it was found; each face concerned has a fault of its own, the whole shell's is at 0."""

    def __str__(self) -> str:
        """Return the code, what it means, and where."""
        return f"{self.code} {CODES[self.code]} (face {self.face})"


def check_solid(solid: Solid, tolerances: Tolerances = DEFAULT) -> tuple[int, ...]:
    """Return the codes of all faults found, ascending; empty for a valid solid.

    Faces are judged first, then the shell, then the solid; what is broken at one level hides the levels above it,
    because a face that crosses itself bounds nothing. Within its level every fault is found.

    Parameters
    ----------
    solid
        Any polyhedron of one shell, of whatever level of detail; coordinates are rounded to 0.1 mm.
    tolerances
        What counts as flat and as one vertex.

    Notes
    -----
    About 0.3 ms of CPU for a house of 12 faces, 0.5 ms for 25; whether faces cut each other is decided exactly, and
    also for the other diagonals that a program may cut bent faces along.
    Vertices exactly one snapping distance apart are tried both ways, and faults of either are faults.

    References
    ----------
    .. [1] H. Ledoux, "val3dity: validation of 3D GIS primitives according to the international standards", Open
           Geospatial Data, Software and Standards 3:1, 2018, https://doi.org/10.1186/s40965-018-0043-x.
    """
    return tuple(sorted({fault.code for fault in find_faults(solid, tolerances)}))


def find_faults(solid: Solid, tolerances: Tolerances = DEFAULT) -> tuple[Fault, ...]:
    """Return every fault with the face where it is, by face and code; as `check_solid`, which tells the codes alone."""
    steps = steps_of(solid.vertices)
    if steps is None:
        return (Fault(code=901, face=0),)
    return check_steps(steps, *flat(solid), tolerances)


def check_steps(
    steps: NDArray[np.int64],
    corners: NDArray[np.int64],
    ring_start: NDArray[np.int64],
    face_start: NDArray[np.int64],
    tolerances: Tolerances = DEFAULT,
) -> tuple[Fault, ...]:
    """Return every fault of a shell given in whole steps.

    Parameters
    ----------
    steps
        Shape (n, 3): vertices in steps of 0.1 mm, less than 100 km apart in any axis.
    corners, ring_start, face_start
        Vertices of all rings, where each ring starts and where each face's rings start (both with the end appended);
        the outer ring of a face is its first.
    tolerances
        What counts as flat and as one vertex.
    """
    shell, limits = (corners, ring_start, face_start), limits_of(tolerances)
    found, _ = examine(steps, shell, limits, False)
    if _some_just_snap(steps, corners, limits):
        limits[1] -= _LESS
        apart, _ = examine(steps, shell, limits, False)
        found |= apart
    return faults_of(found)


_LESS = 1e-3
"""Steps: distances between vertices are square roots of whole numbers, none so close below a tolerance in use."""


def _some_just_snap(steps: NDArray[np.int64], corners: NDArray[np.int64], limits: NDArray[np.float64]) -> bool:
    """Whether vertices are one tolerance apart to the last bit: some programs make them one, others do not."""
    return bool((snap(steps, corners, limits[1]) != snap(steps, corners, limits[1] - _LESS)).any())


def limits_of(tolerances: Tolerances) -> NDArray[np.float64]:
    """Return planarity and snapping in steps, the angle in radians."""
    return np.array(
        [
            tolerances.planarity_m * STEPS_PER_M,
            round(tolerances.snap_m * STEPS_PER_M, 6),
            np.radians(tolerances.normals_deg),
        ]
    )


def faults_of(found: NDArray[np.bool_]) -> tuple[Fault, ...]:
    """Read a table of faults."""
    if not found.any():
        return ()
    return tuple(Fault(code=_CODE_OF[int(at)], face=int(face)) for face, at in np.argwhere(found))


def codes_in(found: NDArray[np.bool_]) -> tuple[int, ...]:
    """Read the codes alone."""
    return tuple(_CODE_OF[int(at)] for at in np.flatnonzero(found.any(axis=0)))


_CODE_OF = {column(code): code for code in CODES}


def steps_of(vertices: NDArray[np.float64]) -> NDArray[np.int64] | None:
    """Coordinates in whole steps from the lowest corner; None if one is no number or they are too far apart."""
    if len(vertices) == 0:
        return np.zeros((0, 3), np.int64)
    scaled = np.rint(np.asarray(vertices, np.float64) * STEPS_PER_M)
    scaled -= scaled.min(axis=0)
    if not (scaled < LARGEST_SPAN).all():
        return None
    return scaled.astype(np.int64)


def volume_m3(solid: Solid) -> float:
    """Volume by the divergence theorem, cubic metres; negative if the shell is inside out."""
    corners, ring_start, _ = flat(solid)
    return float(_volume(solid.vertices, corners, ring_start))


def flat(solid: Solid) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the corners of all rings, where each ring starts, and where each face's rings start."""
    rings = [ring for face in solid.faces for ring in face]
    corners = np.fromiter((corner for ring in rings for corner in ring), np.int64)
    ring_start = np.zeros(len(rings) + 1, np.int64)
    np.cumsum([len(ring) for ring in rings], out=ring_start[1:])
    face_start = np.zeros(len(solid.faces) + 1, np.int64)
    np.cumsum([len(face) for face in solid.faces], out=face_start[1:])
    return corners, ring_start, face_start


@nb.njit(cache=True)
def _volume(vertices: Any, corners: Any, ring_start: Any) -> float:
    """Signed volume; rings are fanned from their first vertex, holes run backwards and so subtract."""
    origin = vertices[corners[0]]
    total = 0.0
    for r in range(len(ring_start) - 1):
        a = vertices[corners[ring_start[r]]] - origin
        for k in range(ring_start[r] + 1, ring_start[r + 1] - 1):
            b, c = vertices[corners[k]] - origin, vertices[corners[k + 1]] - origin
            total += (a * np.cross(b, c)).sum()
    return total / 6.0
