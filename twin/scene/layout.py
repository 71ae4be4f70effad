"""Where the large things of a scene lie, in its local frame (u east, v north, metres from the south-west corner)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from twin.scene.chance import stream

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from twin.scene.params import SceneParams

__all__ = ["BAY", "CLIFF", "HIGHRISE", "HILLS", "ISLAND", "Layout", "layout_of", "origin_of"]

BAY, HILLS, ISLAND, HIGHRISE, CLIFF = 0, 1, 2, 3, 4

_ORIGINS = {
    "bay": (-8_000.0, -36_000.0), "hills": (-40_000.0, -35_000.0), "island": (-40_000.0, -140_000.0),
    "highrise": (-12_500.0, -34_500.0), "cliff": (-46_000.0, -142_000.0),
}  # fmt: skip
"""South-west corners in EPSG:6677 as (easting, northing): Tokyo's port, its western hills, the sea off Izu, its western
centre, an island's coast."""
_PLAIN_SEEDS = 100
"""Seeds below this keep the bay's layout as the demonstration tells of it; from here on its large things move too."""

Phases = tuple[float, float, float, float, float, float, float, float]


class Layout(NamedTuple):
    """Numbers that fix the terrain; a named tuple of floats, so that compiled code takes it as it is.

    Lengths in metres, heights in metres above T.P. Fields that a kind has no use for are zero.
    """

    kind: int
    edge: float
    water: float
    """Level of sea, canal or pond while the survey flew."""
    phases: tuple[float, float, float, float, float, float, float, float]
    """Seeded phases of the rolling terms, radians."""
    lobes: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    """Island: cosine and sine of the phases of the coast's two-fold and five-fold lobes."""
    crest: float = 0.0
    """Bay: crest of canal and sea dikes."""
    coast_v: float = 0.0
    """Bay: seaward edge of the sea dike's crest."""
    canal_u: float = 0.0
    """Bay: centre line of the canal where the bridge crosses it."""
    canal_half: float = 0.0
    """Bay: half width of the canal's bed."""
    canal_end_v: float = 0.0
    """Bay: the canal's head."""
    bridge_v: float = 0.0
    """Bay: centre line of the bridge and of the main street."""
    deck: float = 0.0
    """Bay: height of the bridge deck at its ends."""
    hill_u: float = 0.0
    """Bay: hills rise west of this."""
    hill_v: float = 0.0
    """Bay: hills rise north of this."""
    relief: float = 0.0
    """Height of the hills, or of the volcano's cone."""
    wavelength: float = 0.0
    """Longest wave of the rolling terrain."""
    centre_u: float = 0.0
    """Islet, terraced quarter, or volcano: centre."""
    centre_v: float = 0.0
    radius: float = 0.0
    """The same thing's radius."""
    top: float = 0.0
    """Height of the cliff's edge (islet, volcano) or of the terraced quarter's centre."""
    street_u: float = 0.0
    """First street's centre line, measured from the canal (bay) or the edge's middle (island)."""
    street_v: float = 0.0
    """Centre line of a street that runs along u."""
    turbid: float = 0.0
    """Bay: share of the light over water that suspended matter sends back."""
    channel: float = 0.0
    """Bay: depth of a dredged channel; 0 for none."""
    seagrass: float = 0.0
    """Bay: share of the light that a meadow keeps from its bed."""
    works: NDArray[np.float64] = np.empty((0, 13))
    """Earthworks; see `twin.scene.earthworks`."""
    works_start: NDArray[np.int64] = np.zeros(1, np.int64)
    """First entry of each cell in `works_member`."""
    works_member: NDArray[np.int32] = np.empty(0, np.int32)


def origin_of(params: SceneParams) -> tuple[float, float]:
    """South-west corner of the scene: (x, y) = (easting, northing) in EPSG:6677."""
    return _ORIGINS[params.kind]


def layout_of(params: SceneParams) -> Layout:
    """Return the layout of a scene; the same for all sizes but for its scale."""
    phases = tuple(float(value) for value in stream(params.seed, 1).uniform(0.0, 2.0 * math.pi, 8))
    makers = {"bay": _bay, "hills": _hills, "island": _island, "highrise": _highrise, "cliff": _cliff}
    lay = makers[params.kind](params.edge_m, phases, params.seed)  # type: ignore[arg-type]
    return lay._replace(
        turbid=0.35 * ("turbid" in params.features),
        channel=10.5 * ("channel" in params.features),
        seagrass=0.6 * ("seagrass" in params.features),
    )


def _bay(edge: float, phases: Phases, seed: int) -> Layout:
    move = np.zeros(8) if seed < _PLAIN_SEEDS else stream(seed, 20).uniform(-1.0, 1.0, 8)
    canal_half = _clip((0.022 + 0.005 * move[0]) * edge, 4.0, 14.0)
    bridge_v = (0.47 + 0.02 * move[1]) * edge
    return Layout(
        kind=BAY,
        edge=edge,
        water=0.10,
        phases=phases,
        crest=2.60,
        coast_v=(0.25 + 0.03 * move[2]) * edge,
        canal_u=(0.56 + 0.06 * move[3]) * edge,
        canal_half=canal_half,
        canal_end_v=(0.72 + 0.02 * move[1]) * edge,
        bridge_v=bridge_v,
        deck=3.60,
        hill_u=(0.13 + 0.02 * move[4]) * edge,
        hill_v=(0.68 + 0.03 * move[5]) * edge,
        relief=_clip(0.07 * edge, 10.0, 80.0),
        wavelength=_clip(0.6 * edge, 90.0, 500.0),
        centre_u=(0.22 + 0.05 * move[6]) * edge,
        centre_v=0.11 * edge,
        radius=_clip((0.06 + 0.01 * move[7]) * edge, 9.0, 150.0),
        top=_clip(0.03 * edge + 4.0, 8.0, 30.0),
        street_u=canal_half + 20.6,
        street_v=bridge_v,
    )


def _hills(edge: float, phases: Phases, seed: int) -> Layout:
    move = stream(seed, 20).uniform(-1.0, 1.0, 2)
    return Layout(
        kind=HILLS,
        edge=edge,
        water=0.0,
        phases=phases,
        relief=_clip(0.16 * edge, 22.0, 120.0),
        wavelength=_clip(0.9 * edge, 150.0, 700.0),
        centre_u=(0.50 + 0.08 * float(move[0])) * edge,
        centre_v=(0.50 + 0.08 * float(move[1])) * edge,
        radius=_clip(0.28 * edge, 45.0, 300.0),
    )


def _island(edge: float, phases: Phases, seed: int) -> Layout:
    move = [0.0] * 4 if seed < _PLAIN_SEEDS else [float(value) for value in stream(seed, 20).uniform(-1.0, 1.0, 4)]
    return Layout(
        kind=ISLAND,
        edge=edge,
        water=0.10,
        phases=phases,
        lobes=(math.cos(phases[0]), math.sin(phases[0]), math.cos(phases[1]), math.sin(phases[1])),
        relief=_clip(0.16 * edge, 22.0, 320.0),
        centre_u=(0.5 + 0.02 * move[0]) * edge,
        centre_v=(0.54 + 0.02 * move[1]) * edge,
        radius=(0.37 + 0.02 * move[2]) * edge,
        top=_clip(0.04 * edge, 8.0, 35.0),
        street_u=0.0,
        street_v=(0.27 + 0.03 * move[3]) * edge,
    )


def _highrise(edge: float, phases: Phases, seed: int) -> Layout:
    """Gently sloping ground, here and there with a scarp between an upper and a lower town; no water."""
    level, scarp = stream(seed, 20).uniform(0.0, 1.0, 2)
    return Layout(
        kind=HIGHRISE,
        edge=edge,
        water=-12.0,
        phases=phases,
        relief=9.0 * float(scarp) if scarp > 0.5 else 0.0,
        centre_u=0.5 * edge,
        centre_v=0.5 * edge,
        top=3.0 + 20.0 * float(level),
    )


def _cliff(edge: float, phases: Phases, seed: int) -> Layout:
    gorge, spur, height, shore = (float(value) for value in stream(seed, 20).uniform(-1.0, 1.0, 4))
    return Layout(
        kind=CLIFF,
        edge=edge,
        water=0.10,
        phases=phases,
        coast_v=(0.25 + 0.03 * shore) * edge,
        canal_u=(0.5 + 0.3 * gorge) * edge,
        hill_u=(0.5 + 0.3 * gorge + math.copysign(0.32, -gorge) + 0.05 * spur) * edge,
        hill_v=0.68 * edge,
        relief=14.0,
        top=38.0 + 12.0 * height,
        street_v=0.56 * edge,
    )


def _clip(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)
