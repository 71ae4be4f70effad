"""What goes into the ray kernel and what comes out of it, as named tuples that compiled code takes as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MAX_RETURNS", "Returns", "Scan", "empty_returns"]

MAX_RETURNS = 6
"""Returns that the receiver tells apart; LAS 1.4 has room for 15."""


class Scan(NamedTuple):
    """How a strip is flown and sensed. Lengths in metres, local frame, heights above T.P.; angles in radians."""

    key: np.uint64
    """Random key of the strip."""
    track_u: float
    """Where the strip is flown, along v."""
    first_v: float
    """Place of the first scan line on the track."""
    step_v: float
    """From line to line, negative when flying south."""
    altitude: float
    """Height of the sensor."""
    pulses: int
    """Pulses of a line."""
    half_angle: float
    """Half the field of view."""
    look: float
    """Tilt of the scan plane towards the north; negative towards the south."""
    start_s: float
    """GPS time of the first pulse."""
    pulse_s: float
    """Time between pulses, seconds."""
    offset_u: float
    """The strip's constant error."""
    offset_v: float
    offset_z: float
    range_noise: float
    """Standard deviation along the ray."""
    position_noise: float
    """Standard deviation along u and along v, per pulse."""
    low_noise: float
    """Share of pulses."""
    high_noise: float
    """Share of pulses."""
    surface: float
    """Share of the surface's returns that the receiver keeps: 1, or 0 for a strip without a surface."""
    sonar: bool
    """Whether this is a sonar below the surface: nothing comes back but the bed and what lies on it."""
    ghosts: float
    """Share of 12 m cells in which some of this strip's light comes back late, from below the ground."""
    high_ground: float
    """A height that no ground exceeds."""


class Returns(NamedTuple):
    """Columns that the kernel fills, in the order of GPS time; shape (n,) but for the colour."""

    u: NDArray[np.float64]
    v: NDArray[np.float64]
    z: NDArray[np.float64]
    gps_time: NDArray[np.float64]
    intensity: NDArray[np.uint16]
    return_number: NDArray[np.uint8]
    number_of_returns: NDArray[np.uint8]
    point_class: NDArray[np.uint8]
    flags: NDArray[np.uint8]
    scan_angle: NDArray[np.int16]
    colour: NDArray[np.uint16]
    """Shape (n, 3)."""
    building: NDArray[np.int32]
    """Building that was hit, counted from 1; 0 elsewhere."""


def empty_returns(n_pulses: int) -> Returns:
    """Return room for all that `n_pulses` may send back; memory that is never touched costs nothing."""
    n = n_pulses * MAX_RETURNS
    return Returns(
        u=np.empty(n),
        v=np.empty(n),
        z=np.empty(n),
        gps_time=np.empty(n),
        intensity=np.empty(n, np.uint16),
        return_number=np.empty(n, np.uint8),
        number_of_returns=np.empty(n, np.uint8),
        point_class=np.empty(n, np.uint8),
        flags=np.empty(n, np.uint8),
        scan_angle=np.empty(n, np.int16),
        colour=np.empty((n, 3), np.uint16),
        building=np.empty(n, np.int32),
    )
