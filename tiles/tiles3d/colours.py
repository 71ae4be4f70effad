"""Colours of points and of building faces, as glTF wants them: linear light, one byte a channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from twin.points import PointClass

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CLASS_COLOURS", "SURFACE_COLOURS", "class_colours", "linear_bytes", "survey_colours"]

_OTHER = (170, 110, 190)

CLASS_COLOURS: dict[int, tuple[int, int, int]] = {
    PointClass.NEVER_CLASSIFIED: (150, 150, 150),
    PointClass.UNCLASSIFIED: (180, 180, 180),
    PointClass.GROUND: (176, 137, 92),
    PointClass.LOW_VEGETATION: (166, 206, 120),
    PointClass.MEDIUM_VEGETATION: (104, 172, 76),
    PointClass.HIGH_VEGETATION: (44, 128, 56),
    PointClass.BUILDING: (222, 92, 68),
    PointClass.LOW_NOISE: (255, 0, 200),
    PointClass.WATER: (66, 133, 214),
    PointClass.WIRE: (240, 200, 40),
    PointClass.TOWER: (200, 160, 40),
    PointClass.BRIDGE: (130, 130, 160),
    PointClass.HIGH_NOISE: (255, 0, 200),
    PointClass.SEABED: (126, 106, 148),
    PointClass.WATER_SURFACE: (110, 190, 235),
    PointClass.SUBMERGED_OBJECT: (90, 70, 110),
    PointClass.WATER_COLUMN: (60, 110, 160),
}
"""Screen colours (sRGB) by ASPRS class, for clouds without colours of their own; other codes are violet."""

SURFACE_COLOURS = (
    (120, 116, 110),
    (214, 207, 194),
    (186, 96, 74),
    (79, 147, 184),
    (104, 146, 84),
    (190, 186, 164),
)
"""Screen colours (sRGB) of ground, wall, roof and water surfaces, of plants and of terrain."""


def _linear_table() -> NDArray[np.uint8]:
    """Return the linear byte for each of 65 536 screen values (IEC 61966-2-1)."""
    screen = np.arange(65536) / 65535.0
    linear = np.where(screen <= 0.04045, screen / 12.92, ((screen + 0.055) / 1.055) ** 2.4)
    return np.rint(linear * 255.0).astype(np.uint8)


_LINEAR = _linear_table()


def linear_bytes(screen: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Turn 16-bit screen colours into linear bytes; shape kept."""
    return _LINEAR[screen]


def survey_colours(
    red: NDArray[np.uint16], green: NDArray[np.uint16], blue: NDArray[np.uint16], *, is_8_bit: bool
) -> NDArray[np.uint8]:
    """Return linear colours of shape (n, 3) from a survey's; `is_8_bit` if it left the upper byte empty."""
    screen = np.stack([red, green, blue], axis=1).astype(np.uint16)
    return linear_bytes(screen * np.uint16(257) if is_8_bit else screen)


def class_colours(classes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return linear colours of shape (n, 3) for ASPRS classes of shape (n,)."""
    table = np.array([CLASS_COLOURS.get(code, _OTHER) for code in range(256)], dtype=np.uint16)
    return linear_bytes(table * np.uint16(257))[classes]


def surface_colours(surfaces: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return linear colours of shape (n, 3) for surfaces by their place in `SURFACE_COLOURS`."""
    table = np.array(SURFACE_COLOURS, dtype=np.uint16)
    return linear_bytes(table * np.uint16(257))[surfaces]
