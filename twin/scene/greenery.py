"""Trees and shrubs: a jittered lattice, thinned by what covers the ground."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from twin.scene.chance import key_of, mix, uniform
from twin.scene.compiled import cached, compiled
from twin.scene.layout import BAY, CLIFF, HILLS, Layout
from twin.scene.objects import Objects, clear_of_solids
from twin.scene.terrain import CONCRETE, GRASS, ROCK, SOIL, YARD, cover_at, ground_at

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from twin.scene.town import Lot

__all__ = ["plant"]

_PITCH, _DENSE_PITCH = 4.5, 3.0
"""Lattice of possible trees, metres: the crowns of a closed wood touch; those of a plantation lap over each other."""


def plant(lay: Layout, seed: int, standing: Objects, parks: list[Lot], corridor_v: float) -> NDArray[np.float64]:
    """Return the crowns of a scene, shape (n, 7) as `Objects.crowns`, clear of walls and of the power line."""
    grounds = np.array([[lot.u, lot.v, 0.5 * lot.along_u, 0.5 * lot.along_v] for lot in parks]).reshape(-1, 4)
    crowns = _grow(lay, key_of(seed, 5), grounds)
    near_line = np.abs(crowns[:, 1] - corridor_v) < 6.0
    clear = clear_of_solids(standing, crowns[:, 0], crowns[:, 1], 1.6)
    return crowns[clear & ~near_line]


@compiled
def _chance(lay: Layout, cover: int, park: bool) -> float:
    if park:
        return 0.6
    if cover == SOIL:
        return 1.0 if lay.kind == HILLS else 0.6
    if cover == GRASS:
        return 0.18 if lay.kind in (BAY, CLIFF) else 0.5
    if cover == YARD:
        return 0.10
    return 0.04 if cover == ROCK or (cover == CONCRETE and lay.kind == HILLS) else 0.0


@cached
def _grow(lay: Layout, key: np.uint64, parks: NDArray[np.float64]) -> NDArray[np.float64]:
    pitch = _DENSE_PITCH if lay.kind == HILLS else _PITCH
    side = int(lay.edge / pitch)
    out = np.empty((side * side, 7))
    n = 0
    for j in range(side):
        for i in range(side):
            tree = mix(key, j * side + i)
            u = (i + uniform(tree, 0)) * pitch
            v = (j + uniform(tree, 1)) * pitch
            ground = ground_at(lay, u, v)
            cover = cover_at(lay, u, v, ground)
            park = False
            for k in range(parks.shape[0]):
                park = park or (abs(u - parks[k, 0]) < parks[k, 2] and abs(v - parks[k, 1]) < parks[k, 3])
            if uniform(tree, 2) >= _chance(lay, cover, park):
                continue
            wood = cover == SOIL or (cover == GRASS and lay.kind != BAY)
            size = uniform(tree, 3)
            if uniform(tree, 4) < (0.12 if lay.kind == HILLS else 0.25):
                height, radius, base = 0.5 + 1.4 * size, 0.6 + 0.6 * size, 0.0
            elif wood and lay.kind == HILLS:
                # A plantation of cedar: few per cent of the light reach the ground.
                height, radius, base = 12.0 + 9.0 * size, 3.2 + 1.2 * size, 0.30
            elif wood:
                height, radius, base = 7.0 + 10.0 * size, 1.9 + 1.6 * size, 0.28
            else:
                height, radius, base = 4.0 + 5.0 * size, 1.4 + 1.5 * size, 0.28
            low = ground + base * height
            out[n, 0], out[n, 1], out[n, 2] = u, v, 0.5 * (low + ground + height)
            out[n, 3], out[n, 4] = radius, 0.5 * (ground + height - low)
            out[n, 5] = (
                (0.30 + 0.35 * uniform(tree, 5)) * (1.0 if height > 3.0 else 3.0) * (2.2 if lay.kind == HILLS else 1.0)
            )
            out[n, 6] = uniform(tree, 6)
            n += 1
    return out[:n].copy()
