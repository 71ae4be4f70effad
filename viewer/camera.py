"""Where to look from: a camera that holds the whole area, whatever its shape."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.content import SceneContent

__all__ = ["Camera", "Margins", "overview", "plan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """A perspective camera in the scene's coordinates (metres from its origin)."""

    position: tuple[float, float, float]
    focus: tuple[float, float, float]
    up: tuple[float, float, float] = (0.0, 0.0, 1.0)
    view_angle_deg: float = 30.0
    """Angle between the lower and the upper edge of the picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Margins:
    """Parts of the picture that the scene leaves free for text, as shares of its width and height."""

    left: float = 0.03
    right: float = 0.03
    top: float = 0.06
    bottom: float = 0.06


def overview(
    content: SceneContent, size: tuple[int, int], margins: Margins | None = None, elevation_deg: float = 38.0
) -> Camera:
    """Look obliquely at the whole area, from the south-south-west, or from the west-south-west if it is tall.

    The longer side then runs across the picture.
    """
    wide = content.bounds.width_m >= 0.8 * content.bounds.height_m
    azimuth = math.radians(202.0 if wide else 250.0)
    level = math.radians(elevation_deg)
    towards = -np.array([math.sin(azimuth) * math.cos(level), math.cos(azimuth) * math.cos(level), math.sin(level)])
    return _fitted(_corners(content), towards, np.array([0.0, 0.0, 1.0]), size, margins or Margins())


def plan(content: SceneContent, size: tuple[int, int], margins: Margins | None = None) -> Camera:
    """Look straight down, north up."""
    return _fitted(_corners(content), np.array([0.0, 0.0, -1.0]), np.array([0.0, 1.0, 0.0]), size, margins or Margins())


def _corners(content: SceneContent) -> NDArray[np.float64]:
    box, origin = content.bounds, content.origin
    return np.array(
        [
            (x - origin[0], y - origin[1], z - origin[2])
            for x in (box.xmin, box.xmax)
            for y in (box.ymin, box.ymax)
            for z in (content.zmin_m, content.zmax_m)
        ]
    )


def _fitted(
    corners: NDArray[np.float64],
    towards: NDArray[np.float64],
    up: NDArray[np.float64],
    size: tuple[int, int],
    margins: Margins,
) -> Camera:
    """Find the nearest camera along `towards` whose frame, less its margins, holds all corners.

    The frame's four sides are planes through the camera, so its place is the solution of one small linear problem per
    axis: the nearest point from which both opposite sides touch the box.
    """
    angle = 30.0
    right = np.cross(towards, up)
    right /= np.linalg.norm(right)
    above = np.cross(right, towards)
    tangent_y = math.tan(math.radians(angle / 2))
    tangent_x = tangent_y * size[0] / size[1]
    across, along = corners @ right, corners @ above
    depth = corners @ towards
    # Inner frame in units of the tangent: [-1 + 2 left, 1 - 2 right].
    spans = (
        (across, tangent_x * (2 * margins.left - 1), tangent_x * (1 - 2 * margins.right)),
        (along, tangent_y * (2 * margins.bottom - 1), tangent_y * (1 - 2 * margins.top)),
    )
    camera_depth = min(_farthest(u, depth, low, high) for u, low, high in spans)
    offsets = [_centred(u, depth - camera_depth, low, high) for u, low, high in spans]
    position = right * offsets[0] + above * offsets[1] + towards * camera_depth
    focus_depth = float(np.median(depth)) - camera_depth
    focus = position + towards * focus_depth
    return Camera(
        position=(float(position[0]), float(position[1]), float(position[2])),
        focus=(float(focus[0]), float(focus[1]), float(focus[2])),
        up=(float(up[0]), float(up[1]), float(up[2])),
        view_angle_deg=angle,
    )


def _farthest(u: NDArray[np.float64], depth: NDArray[np.float64], low: float, high: float) -> float:
    """Greatest camera depth c for which some offset o keeps low (d - c) <= u - o <= high (d - c) at every corner."""
    # o >= u - high (d - c) for all corners and o <= u - low (d - c) for all: so the largest of the first must not
    # exceed the smallest of the second, which is linear in c.
    return float((np.min(u - low * depth) - np.max(u - high * depth)) / (high - low))


def _centred(u: NDArray[np.float64], distance: NDArray[np.float64], low: float, high: float) -> float:
    return float((np.max(u - high * distance) + np.min(u - low * distance)) / 2)
