"""A building and its points drawn from above and aside, as an SVG: a person sees whether the roof is right."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup, escape

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from twin.building import Building, Solid

__all__ = ["draw_building"]

_WIDTH, _HEIGHT, _MARGIN = 300.0, 230.0, 10.0
_AZIMUTH, _ELEVATION = math.radians(-28.0), math.radians(38.0)
"""The eye stands south-south-west and well above: a roof shows two of its sides, walls do not hide it."""
_SUN = np.array([-0.45, -0.35, 0.82])
_ROOF, _WALL = np.array([206.0, 96.0, 68.0]), np.array([222.0, 216.0, 203.0])
_MOST_POINTS = 700
_DARKEST = 0.45


def draw_building(building: Building, xyz: NDArray[np.float64]) -> Markup:
    """Draw the best solid of a building with points of the survey on it.

    Faces that look away are left out, the others are painted from far to near; in a deep courtyard a wall can cover
    what lies before it.

    Parameters
    ----------
    building
        In metres.
    xyz
        Its points, shape (n, 3), in the same system; more than 700 are thinned evenly.
    """
    solid = building.solid
    paper = _Paper(np.concatenate([solid.vertices, xyz]) if len(xyz) else solid.vertices)
    parts = [
        f'<svg class="house" viewBox="0 0 {_WIDTH:.0f} {_HEIGHT:.0f}" role="img" aria-label="{escape(building.id)}">',
        *_faces(solid, paper),
        _dots(paper.place(xyz[:: max(1, math.ceil(len(xyz) / _MOST_POINTS))])),
        "</svg>",
    ]
    return Markup("".join(parts))


class _Paper:
    """Where places come to lie on the sheet: parallel projection, so that lengths can be compared."""

    def __init__(self, xyz: NDArray[np.float64]) -> None:
        self._origin = xyz.mean(axis=0)
        flat = self._turned(xyz)
        low, high = flat.min(axis=0), flat.max(axis=0)
        self._middle = (low + high) / 2
        span = np.maximum(high - low, 1e-6)
        self._scale = float(min((_WIDTH - 2 * _MARGIN) / span[0], (_HEIGHT - 2 * _MARGIN) / span[1]))

    def _turned(self, xyz: NDArray[np.float64]) -> NDArray[np.float64]:
        x, y, z = (xyz - self._origin).T
        right = x * math.cos(_AZIMUTH) + y * math.sin(_AZIMUTH)
        away = -x * math.sin(_AZIMUTH) + y * math.cos(_AZIMUTH)
        return np.column_stack([right, -(away * math.sin(_ELEVATION) + z * math.cos(_ELEVATION))])

    def place(self, xyz: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return places on the sheet, shape (n, 2)."""
        centre = np.array([_WIDTH / 2, _HEIGHT / 2])
        placed: NDArray[np.float64] = (self._turned(xyz) - self._middle) * self._scale + centre
        return placed


_TO_EYE = np.array(
    [
        math.sin(_AZIMUTH) * math.cos(_ELEVATION),
        -math.cos(_AZIMUTH) * math.cos(_ELEVATION),
        math.sin(_ELEVATION),
    ]
)


def _faces(solid: Solid, paper: _Paper) -> list[str]:
    """Paths of the faces that look at the eye, far ones first."""
    drawn: list[tuple[float, int, str]] = []
    for i, (face, kind) in enumerate(zip(solid.faces, solid.semantics, strict=True)):
        outer = solid.vertices[list(face[0])]
        normal = _normal(outer)
        if normal @ _TO_EYE <= 1e-9:
            continue
        light = max(_DARKEST, float(normal @ _SUN))
        tone = np.clip((_WALL if kind == "WallSurface" else _ROOF) * (0.35 + 0.65 * light), 0, 255).astype(int)
        path = "".join(_path(paper.place(solid.vertices[list(ring)])) for ring in face)
        fill = f"rgb({tone[0]},{tone[1]},{tone[2]})"
        drawn.append((float(outer.mean(axis=0) @ _TO_EYE), i, f'<path d="{path}" fill="{fill}"/>'))
    paths = [path for *_, path in sorted(drawn)]
    return ['<g stroke="#3b342b" stroke-width=".7" stroke-linejoin="round" fill-rule="evenodd">', *paths, "</g>"]


def _normal(ring: NDArray[np.float64]) -> NDArray[np.float64]:
    local = ring - ring[0]
    normal = np.cross(local, np.roll(local, -1, axis=0)).sum(axis=0)
    length = float(np.linalg.norm(normal))
    unit: NDArray[np.float64] = normal / length if length else normal
    return unit


def _path(places: NDArray[np.float64]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places.tolist()) + "Z"


def _dots(places: NDArray[np.float64]) -> str:
    """All points as one path of round dots: a tenth of the size of circles."""
    dots = "".join(f"M{x:.1f} {y:.1f}h0" for x, y in places.tolist())
    return (
        f'<path d="{dots}" fill="none" stroke="#0a4f80" stroke-opacity=".55" stroke-width="2" stroke-linecap="round"/>'
    )
