"""The ground of the cliff scene before anything was built: sea, talus, faces with ledges, plateau, gorge and hillside.

A function of its own because its faces are steeper than rays; see `twin.scene.terrain` for the other landscapes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from twin.scene.compiled import compiled

if TYPE_CHECKING:
    from twin.scene.layout import Layout

__all__ = ["FACE_RISE", "cliff_ground", "gorge_distance", "shore_distance"]

FACE_RISE = 4.0
"""Rise of a cliff's face per metre: 76 degrees."""
_GORGE_RISE = 2.2
"""Rise of the gorge's flanks per metre: 66 degrees."""
_TALUS = 0.55
"""Rise of the talus at the foot: 29 degrees."""


@compiled
def shore_distance(lay: Layout, u: float, v: float) -> float:
    """Distance inland from the foot of the cliff, about; negative at sea."""
    big = 0.045 * lay.edge * math.sin(2.0 * math.pi * u / (0.62 * lay.edge) + lay.phases[0])
    small = 5.0 * math.sin(u / 17.0 + lay.phases[1]) + 1.6 * math.sin(u / 5.3 + lay.phases[2])
    return 0.8 * (v - lay.coast_v - big - small)


@compiled
def gorge_distance(lay: Layout, u: float, v: float) -> float:
    """Distance from the stream in the gorge."""
    return abs(u - lay.canal_u - 9.0 * math.sin(v / 33.0 + lay.phases[3]))


@compiled
def _plateau(lay: Layout, u: float, v: float) -> float:
    rolling = 1.3 * math.sin(u / 29.0 + lay.phases[4]) * math.sin(v / 37.0 + lay.phases[5])
    along = lay.top * (1.0 + 0.22 * math.sin(2.0 * math.pi * u / (0.9 * lay.edge) + lay.phases[6]))
    back = max(0.0, v - lay.hill_v)
    # A hillside of 17 to 20 degrees behind the plateau, for the terraces; and a spur that the road is cut through.
    hill = 0.35 * back * back / (back + 20.0)
    spur = lay.relief * math.exp(-(((u - lay.hill_u) / 22.0) ** 2)) * math.exp(-(((v - lay.street_v) / 45.0) ** 2))
    return along + rolling + hill + spur + 0.03 * max(0.0, v - lay.coast_v)


@compiled
def cliff_ground(lay: Layout, u: float, v: float) -> float:
    """Height of the natural ground, metres above T.P."""
    away = shore_distance(lay, u, v)
    bed = -2.0 - 7.0 * (1.0 - math.exp(min(0.0, away + 6.0) / 50.0)) + 0.2 * math.sin(u / 6.0) * math.sin(v / 7.0)
    foot = 2.0 + 0.8 * math.sin(u / 13.0 + lay.phases[7])
    shore = bed if away < -12.0 else max(bed, foot + _TALUS * away)
    plateau = _plateau(lay, u, v)
    floor = 3.0 + 0.10 * max(0.0, away) + _GORGE_RISE * max(0.0, gorge_distance(lay, u, v) - 3.0)
    plateau = min(plateau, floor)
    # The face: one rise, a ledge whose width comes and goes, and another rise.
    ledge = foot + 0.45 * (lay.top - foot)
    width = 6.0 * max(0.0, math.sin(u / 23.0 + lay.phases[2]))
    start = away - 5.0
    face = foot + _TALUS * 5.0 + FACE_RISE * start
    if face > ledge:
        beyond = start - (ledge - foot - _TALUS * 5.0) / FACE_RISE
        face = ledge + 0.15 * min(beyond, width) + FACE_RISE * max(0.0, beyond - width)
    return min(plateau, max(shore, face)) if away < 5.0 else min(plateau, face)
