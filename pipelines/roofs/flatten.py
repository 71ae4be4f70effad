"""LoD1.3: the parts of a roof as level blocks, neighbours within a storey made one."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

import numpy as np

from pipelines.roofs.arrangement import faces_at
from pipelines.roofs.shape import ShapeParams

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from pipelines.roofs.arrangement import Arrangement

__all__ = ["flatten"]

_PERCENT = {"median": 50.0, "p70": 70.0}


def flatten(
    arrangement: Arrangement,
    face_plane: ArrayLike,
    coefficients: ArrayLike,
    xyz: NDArray[np.float64],
    params: ShapeParams | None = None,
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Replace the planes of a roof by level ones.

    Faces of one plane that hang together are a block. The two neighbours that differ least become one, as long as they
    differ by less than `block_step_m`; the height of what they become is measured again on the points of both.

    Parameters
    ----------
    arrangement
        Partition of the outline.
    face_plane
        Shape (faces,): plane of each face.
    coefficients
        Shape (m, 3): z = a x + b y + c in local metres; for blocks without a point.
    xyz
        Points of the roof (none of the walls), shape (n, 3), local metres.
    params
        `block_step_m` and `block_height`.

    Returns
    -------
    tuple
        Block of each face, shape (faces,), and the blocks as planes (blocks, 3) with a = b = 0: input of `extrude`.

    Notes
    -----
    O(n) for the points and O(e log e) for the edges. Blocks are numbered by their first faces, and heights depend on
    the set of points alone, so the result does not depend on any order.
    """
    params = params or ShapeParams()
    planes = np.asarray(coefficients, dtype=np.float64).reshape(-1, 3)
    block = _connected(arrangement, np.asarray(face_plane, dtype=np.int64))
    percent = _PERCENT[params.block_height]
    at = faces_at(arrangement, xyz)
    order = np.lexsort((xyz[:, 2], at))
    start = np.searchsorted(at[order], np.arange(arrangement.n_faces + 1))
    points: dict[int, NDArray[np.float64]] = {}
    area: dict[int, float] = {}
    level: dict[int, float] = {}
    inside = arrangement.inside_m
    for root in np.unique(block).tolist():
        faces = np.flatnonzero(block == root)
        points[root] = np.concatenate([xyz[order[start[f] : start[f + 1]], 2] for f in faces])
        area[root] = float(arrangement.area_m2[faces].sum())
        a, b, c = planes[np.asarray(face_plane)[root]]
        middle = np.average(inside[faces], axis=0, weights=arrangement.area_m2[faces])
        level[root] = _height(points[root], percent, a * middle[0] + b * middle[1] + c)
    _merge(arrangement, block, (points, area, level), params.block_step_m, percent)
    _, labels = np.unique(block, return_inverse=True)
    roots = np.unique(block)
    level_planes = np.zeros((len(roots), 3))
    level_planes[:, 2] = [level[root] for root in roots.tolist()]
    return labels.astype(np.int32), level_planes


def _height(z: NDArray[np.float64], percent: float, otherwise: float) -> float:
    return float(np.percentile(z, percent)) if len(z) else float(otherwise)


def _connected(arrangement: Arrangement, label: NDArray[np.int64]) -> NDArray[np.int64]:
    """First face of the part of one plane that each face belongs to."""
    root = np.arange(arrangement.n_faces)
    inner = arrangement.edge_faces[(arrangement.edge_faces >= 0).all(axis=1)]
    pairs = inner[label[inner[:, 0]] == label[inner[:, 1]]]
    while len(pairs):
        low = np.minimum(root[pairs[:, 0]], root[pairs[:, 1]])
        before = root.copy()
        np.minimum.at(root, pairs[:, 0], low)
        np.minimum.at(root, pairs[:, 1], low)
        if (root == before).all():
            break
    return root


def _merge(
    arrangement: Arrangement,
    block: NDArray[np.int64],
    facts: tuple[dict[int, NDArray[np.float64]], dict[int, float], dict[int, float]],
    step_m: float,
    percent: float,
) -> None:
    """Merge neighbours, those that differ least first, in place; a block keeps the number of its first face."""
    points, area, level = facts
    near: dict[int, set[int]] = {root: set() for root in level}
    for p, q in block[arrangement.edge_faces[(arrangement.edge_faces >= 0).all(axis=1)]].tolist():
        if p != q:
            near[p].add(q)
            near[q].add(p)
    heap = [(abs(level[p] - level[q]), p, q) for p in near for q in near[p] if p < q]
    heapq.heapify(heap)
    while heap:
        apart, p, q = heapq.heappop(heap)
        if apart >= step_m:
            break
        if p not in level or q not in level or abs(level[p] - level[q]) != apart:
            continue  # one of them has changed since
        mean = (level[p] * area[p] + level[q] * area[q]) / (area[p] + area[q])
        points[p] = np.concatenate([points[p], points.pop(q)])
        area[p] += area.pop(q)
        level[p] = _height(points[p], percent, mean)
        del level[q]
        block[block == q] = p
        for other in near.pop(q):
            near[other].discard(q)
            if other != p:
                near[other].add(p)
                near[p].add(other)
        for other in near[p]:
            heapq.heappush(heap, (abs(level[p] - level[other]), min(p, other), max(p, other)))
