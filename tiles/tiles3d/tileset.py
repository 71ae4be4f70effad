"""``tileset.json``: tiles with their own upright frames and boxes that hold what is in them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from twin import __version__

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tiles.tiles3d.placement import Frame

__all__ = ["Box", "Tile", "always_seen_error", "json_text", "relative", "tileset_document"]

Json = dict[str, Any]

_MIN_HALF_M = 0.01
"""Half-axes are at least this, metres: a flat box has no volume, and readers differ about what that means."""

_ALWAYS_SEEN = 100.0
"""The root's error in diagonals of its box. With a small one a reader draws nothing as soon as the data is far away."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Box:
    """A box along the axes of some frame."""

    low: NDArray[np.float64]
    """Shape (3,), metres."""
    high: NDArray[np.float64]
    """Shape (3,), metres."""

    @staticmethod
    def around(points: NDArray[np.float64]) -> Box:
        """Return the smallest box around points of shape (n, 3), n at least 1."""
        return Box(low=points.min(axis=0), high=points.max(axis=0))

    def union(self, other: Box) -> Box:
        """Return the smallest box around both."""
        return Box(low=np.minimum(self.low, other.low), high=np.maximum(self.high, other.high))

    def corners(self) -> NDArray[np.float64]:
        """Return the eight corners, shape (8, 3)."""
        pick = (np.arange(8)[:, None] >> np.arange(3)) & 1
        return np.where(pick == 1, self.high, self.low)

    def seen_from(self, frame: Frame, own: Frame) -> Box:
        """Return the smallest box in `frame` around this one, which stands in `own`."""
        step = relative(frame, own)
        return Box.around(self.corners() @ step[:3, :3].T + step[:3, 3])

    @property
    def diagonal_m(self) -> float:
        """Length from corner to corner."""
        return float(np.linalg.norm(self.high - self.low))

    def volume(self, axes: Frame | None = None) -> list[float]:
        """Return centre and half-axes as 3D Tiles wants them, in the box's own frame or placed by `axes`."""
        placed = np.identity(4) if axes is None else axes
        half = np.maximum((self.high - self.low) / 2, _MIN_HALF_M)
        center = placed[:3, :3] @ ((self.low + self.high) / 2) + placed[:3, 3]
        half_axes = placed[:3, :3] * half
        return [*center.tolist(), *half_axes.T.ravel().tolist()]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tile:
    """One tile of a tree that is refined by adding."""

    frame: Frame
    """Upright frame of its content."""
    geometric_error_m: float
    """What a viewer misses, in metres, as long as it has not loaded the children; 0 without children."""
    content: str | None = None
    """Address of the content, relative to the tileset's file."""
    content_box: Box | None = None
    """Around the content, in `frame`."""
    children: tuple[Tile, ...] = ()
    """Finer tiles."""

    def box(self) -> Box:
        """Return the box around this tile's content and all its children's, in `frame`."""
        boxes = [child.box().seen_from(self.frame, child.frame) for child in self.children]
        if self.content_box is not None:
            boxes.append(self.content_box)
        whole = boxes[0]
        for box in boxes[1:]:
            whole = whole.union(box)
        return whole

    def to_json(self, parent: Frame | None = None) -> Json:
        """Return the tile as it stands in a tileset whose enclosing frame is `parent` (the Earth's if None)."""
        placed = self.frame if parent is None else relative(parent, self.frame)
        tile: Json = {
            "boundingVolume": {"box": self.box().volume()},
            "geometricError": self.geometric_error_m,
            "refine": "ADD",
        }
        if not np.array_equal(placed, np.identity(4)):
            tile["transform"] = placed.T.ravel().tolist()
        if self.content is not None:
            tile["content"] = {"uri": self.content}
        if self.children:
            tile["children"] = [child.to_json(self.frame) for child in self.children]
        return tile


def relative(parent: Frame, child: Frame) -> Frame:
    """Return the rigid step from the frame `child` into the frame `parent`; exactly the identity where both are one."""
    step: Frame = np.identity(4)
    if np.array_equal(parent, child):
        return step
    turn = parent[:3, :3].T
    step[:3, :3] = turn @ child[:3, :3]
    step[:3, 3] = turn @ (child[:3, 3] - parent[:3, 3])
    return step


def tileset_document(root: Tile, extras: Json, *, parent: Frame | None = None) -> Json:
    """Return a whole ``tileset.json``.

    Parameters
    ----------
    root
        The top tile.
    extras
        What a reader must know (datum, counts), for ``asset.extras``.
    parent
        Frame in which another tileset places this one; the Earth's if None.
    """
    return {
        "asset": {"version": "1.1", "extras": {"generator": f"city-twin {__version__}", **extras}},
        "geometricError": always_seen_error(root.box()),
        "root": root.to_json(parent),
    }


def always_seen_error(box: Box) -> float:
    """Return a geometric error, metres, at which the root is drawn from as far as anybody looks."""
    return _ALWAYS_SEEN * max(box.diagonal_m, 1.0)


def json_text(document: Json) -> str:
    """Return a JSON document as compact text."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)
