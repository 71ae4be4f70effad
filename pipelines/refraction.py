"""Refraction: where a return under water really came from, if its coordinates were computed as if all were air.

A pulse that enters water bends towards the vertical and travels slower. Coordinates computed without that lie too deep
and too far from the nadir: at 20 degrees and 5 m of depth by 1.6 m and 1.1 m. Direction goes by the phase index
(Snell's law), travel time by the group index. The water is taken for one plane at a known level: waves tilt it by some
degrees, which moves single points by some centimetres a metre of depth and averages out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["WaterIndex", "unrefracted", "water_index"]

_GREEN_NM = 532.0
"""Wavelength of green lasers, nanometres."""
_COEFFICIENTS = {
    "sea": (-1.50156e-6, 1.07085e-7, -4.27594e-5, -1.60476e-4, 1.39807),
    "fresh": (-1.97812e-6, 1.03223e-7, -8.58125e-6, -1.54834e-4, 1.38919),
}
"""Parrish (2020), fitted to Mobley's tables with an RMSE of 2e-4: ``a T^2 + b l^2 + c T + d l + e``."""
_AIR = 1.00028
"""Index of air at 15 degrees Celsius; group and phase differ by less than 1e-5."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaterIndex:
    """Refractive indices of water against air for a green laser."""

    phase: float
    """Bends the ray."""
    group: float
    """Slows the pulse; larger than the phase index because water is dispersive."""


def water_index(water: Literal["sea", "fresh"], temperature_c: float = 15.0) -> WaterIndex:
    """Return the indices of sea water of 35 per mille, or of fresh water, from 0 to 30 degrees Celsius.

    References
    ----------
    Parrish 2020, Index of refraction of seawater and freshwater as a function of wavelength and temperature (Oregon
    State University). Schwarz, Pfeifer, Pfennigbauer, Mandlburger 2020, Depth measurement bias in pulsed airborne laser
    hydrography induced by chromatic dispersion, IEEE GRSL: the group index is the one for travel times.

    Examples
    --------
    >>> index = water_index("sea", 20.0)
    >>> round(index.phase, 3), round(index.group, 3)
    (1.341, 1.366)
    """
    a, b, c, d, e = _COEFFICIENTS[water]
    phase = a * temperature_c**2 + b * _GREEN_NM**2 + c * temperature_c + d * _GREEN_NM + e
    group = phase - _GREEN_NM * (2.0 * b * _GREEN_NM + d)
    return WaterIndex(phase=phase / _AIR, group=group / _AIR)


def unrefracted(
    xyz: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
    towards: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
    level_m: NDArray[np.float64] | float,
    index: WaterIndex,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return true coordinates of returns below a water surface; returns above it keep theirs.

    Parameters
    ----------
    xyz
        Coordinates computed as if all were air, metres, shapes (n,), heights of one datum.
    towards
        Unit vector from each point towards the sensor, shapes (n,).
    level_m
        Height of the water surface above each point, same datum.
    index
        Of the water against air.

    Returns
    -------
    x, y, z of shapes (n,).
    """
    x, y, z = xyz
    east, north, up = towards
    slant = np.maximum(level_m - z, 0.0) / up
    travelled = slant / index.group
    bent_up = np.sqrt(1.0 - (1.0 - up**2) / index.phase**2)
    aside = slant - travelled / index.phase
    return x + east * aside, y + north * aside, z + slant * up - travelled * bent_up
