"""How bright and of what colour things are; plausible numbers, not measured ones."""

from __future__ import annotations

import numpy as np

from twin.scene.terrain import ASPHALT, CONCRETE, GRASS, ROCK, SAND, SOIL, YARD

__all__ = ["COLOURS", "REFLECTANCE"]

ROOF_TILE, ROOF_METAL, ROOF_CONCRETE, WALL, LEAF, CAR, WIRE, STEEL, DECK, WATER, BIRD = range(7, 18)

_TABLE: dict[int, tuple[float, tuple[int, int, int], tuple[int, int, int]]] = {
    ASPHALT: (0.14, (88, 88, 92), (104, 104, 108)),
    YARD: (0.28, (150, 142, 122), (172, 164, 142)),
    GRASS: (0.42, (98, 132, 62), (124, 150, 78)),
    CONCRETE: (0.34, (176, 174, 166), (192, 190, 184)),
    SAND: (0.30, (150, 144, 116), (176, 168, 132)),
    ROCK: (0.30, (112, 102, 92), (136, 122, 108)),
    SOIL: (0.36, (108, 104, 66), (128, 118, 82)),
    ROOF_TILE: (0.30, (92, 72, 66), (168, 92, 66)),
    ROOF_METAL: (0.55, (66, 92, 120), (150, 160, 172)),
    ROOF_CONCRETE: (0.32, (158, 158, 156), (206, 202, 194)),
    WALL: (0.30, (196, 186, 168), (226, 222, 212)),
    LEAF: (0.45, (38, 84, 34), (104, 136, 52)),
    CAR: (0.40, (40, 46, 62), (232, 230, 226)),
    WIRE: (0.10, (70, 70, 74), (82, 82, 86)),
    STEEL: (0.25, (146, 150, 154), (160, 164, 168)),
    DECK: (0.22, (120, 120, 122), (140, 140, 142)),
    WATER: (0.05, (44, 84, 104), (56, 100, 118)),
    BIRD: (0.15, (60, 60, 60), (90, 90, 90)),
}
"""Material: reflectance at the laser's wavelength, darkest and lightest sRGB colour."""

REFLECTANCE = np.array([_TABLE[code][0] for code in sorted(_TABLE)])
"""Shape (n,), 0 to 1."""
COLOURS = np.array(
    [[_TABLE[code][1], np.subtract(_TABLE[code][2], _TABLE[code][1])] for code in sorted(_TABLE)], np.float64
)
"""Shape (n, 2, 3): darkest red, green, blue, 0 to 255, and what the lightest has more."""
