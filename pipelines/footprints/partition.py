"""One outline of a block to the outlines of its houses: they cover it without gap or overlap.

Lines of steps are laid into the outline as walls; what they enclose are faces; small faces, and faces that no party
wall parts, join a neighbour. Neighbours share their wall vertex by vertex.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from shapely import LineString, Polygon

from pipelines.footprints.evidence import stands_apart
from pipelines.footprints.outline import OUTLINE_GRID_M, mean_width_m
from pipelines.footprints.steps import END, LEVEL, PARTY, StepLine, settled, step_lines

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.footprints.params import FootprintParams

__all__ = ["houses_of"]

_SNAP_M = 0.4
"""Ends of walls this near to a corner go to the corner, metres: about the cell of the heights."""
_EXTEND_M = 2.0
"""Walls are drawn on by this much to meet the outline or another wall, metres; what meets nothing falls away."""
_SLIVER_M2 = 0.01
"""What lines that meet nearly, but not quite, leave between them, square metres."""
_NARROWEST_M = 1.5
"""Least mean width of a house, metres (twice the area over the perimeter): 3 m by 3 m."""


def houses_of(
    outline: Polygon, xyz: NDArray[np.float64], axes: NDArray[np.float64], params: FootprintParams
) -> list[Polygon]:
    """Part touching houses under different roofs.

    Parameters
    ----------
    outline
        Of the block, valid, on the 1 mm grid, metres from an origin near it.
    xyz
        Its building points, shape (n, 3), metres from the same origin; in any order.
    axes
        Directions to look for walls along and across, radians; see `regularise.directions`.
    params
        Steps and least areas; see there.

    Returns
    -------
    list of Polygon
        Counter-clockwise, on the 1 mm grid, west to east; the outline itself where nothing parts it. Together they
        cover it, and where two touch, both have the same vertices. Houses in a row under one continuous roof stay one:
        nothing in the points parts them.

    Notes
    -----
    About 1 ms for each 1 000 points and direction.
    """
    if outline.area < 2 * params.unit_area_m2 or len(xyz) < params.unit_area_m2:
        return [outline]
    cell_m = params.cell_m if len(xyz) >= 5.0 * outline.area else 2.0 * params.cell_m
    lines = [line for angle in axes.tolist() for line in step_lines(xyz, angle, cell_m, params)]
    lines.sort(key=lambda line: (-line.strength, *line.ends.ravel().tolist()))
    try:
        drawn = [(settled(line, xyz, cell_m), line) for line in _drawn(lines, outline)]
        laid = [
            (LineString(_extended(ends)), line)
            for ends, line in drawn
            if line.is_valley or stands_apart(ends, xyz, params)
        ]
        return _houses(outline, laid, params) if laid else [outline]
    except shapely.GEOSException:  # lines that all but coincide; the block is right, only not parted
        return [outline]


def _houses(outline: Polygon, walls: list[tuple[LineString, StepLine]], params: FootprintParams) -> list[Polygon]:
    """Lay walls into the outline and join what they part until houses are left."""
    faces = _faces(outline, [wall for wall, _ in walls])
    if len(faces) < 2:
        return [outline]
    houses = _shared_exactly(_joined(faces, walls, params))
    return houses if _is_partition(houses, outline, params) else [outline]


def _drawn(lines: list[StepLine], outline: Polygon) -> list[StepLine]:
    """Lines inside the outline, strongest first, without those that repeat a stronger one."""
    inside = outline.buffer(-_SNAP_M)
    taken: list[StepLine] = []
    covered = shapely.Polygon()
    for line in lines:
        wall = shapely.intersection(LineString(line.ends), inside)
        length = wall.length
        if length < 1.0 or wall.intersection(covered).length > 0.3 * length:
            continue
        taken.append(line)
        covered = covered.union(LineString(line.ends).buffer(1.0, cap_style="flat"))
    return taken


def _extended(ends: NDArray[np.float64]) -> NDArray[np.float64]:
    along = ends[1] - ends[0]
    along = along / np.hypot(*along) * _EXTEND_M
    return np.array([ends[0] - along, ends[1] + along])


def _faces(outline: Polygon, walls: list[LineString]) -> list[Polygon]:
    """Return what walls enclose within the outline, south-west to north-east."""
    # Walls run on beyond the outline: a line cut off at it may end a rounding error short of it, and enclose nothing.
    laid = [shapely.snap(wall, outline, _SNAP_M) for wall in walls]
    edges = shapely.node(shapely.union_all([outline.boundary, *laid]))
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(edges)))
    inside = [face for face in faces if outline.contains(face.representative_point())]
    return sorted(inside, key=lambda face: face.bounds)


def _joined(faces: list[Polygon], walls: list[tuple[Any, StepLine]], params: FootprintParams) -> list[Polygon]:
    """Join small faces, and faces that no wall between houses parts, until only houses are left."""
    least = {LEVEL: np.inf, END: params.annex_area_m2, PARTY: params.unit_area_m2}
    along = {kind: [wall.buffer(_SNAP_M / 2) for wall, line in walls if line.kind == kind] for kind in least}
    near = {kind: shapely.union_all(parts) for kind, parts in along.items()}
    groups: dict[int, Polygon] = dict(enumerate(faces))
    borders = _borders(groups, near)
    while len(groups) > 1:
        pair = _weakest(groups, borders, least)
        if pair is None:
            break
        a, b = pair
        groups[a] = shapely.union(groups[a], groups.pop(b))
        borders = _moved_borders(borders, a, b)
    return [part for group in groups.values() for part in shapely.get_parts(group) if isinstance(part, Polygon)]


def _borders(groups: dict[int, Polygon], near: dict[int, Any]) -> dict[tuple[int, int], NDArray[np.float64]]:
    """Length of the common border of each pair of groups that share one, by kind of wall, metres."""
    polygons = np.array(list(groups.values()), dtype=object)
    names = np.array(list(groups))
    i, j = shapely.STRtree(polygons).query(polygons, predicate="intersects")
    i, j = i[i < j], j[i < j]
    shared = np.array([_only_lines(shape) for shape in shapely.intersection(polygons[i], polygons[j])], dtype=object)
    lengths = [shapely.length(shapely.intersection(shared, near[kind])) for kind in sorted(near)]
    pairs = zip(names[i].tolist(), names[j].tolist(), np.column_stack(lengths), shapely.length(shared), strict=True)
    return {(a, b): length for a, b, length, whole in pairs if whole > OUTLINE_GRID_M}


def _only_lines(shape: Any) -> Any:
    """Return the lines of a common border, without the points where two groups only touch."""
    return shapely.MultiLineString([part for part in shapely.get_parts(shape) if part.geom_type == "LineString"])


def _moved_borders(
    borders: dict[tuple[int, int], NDArray[np.float64]], kept: int, gone: int
) -> dict[tuple[int, int], NDArray[np.float64]]:
    """Borders after one group has joined another."""
    moved: dict[tuple[int, int], NDArray[np.float64]] = {}
    for pair, length in borders.items():
        a, b = sorted(kept if name == gone else name for name in pair)
        if a != b:
            moved[a, b] = moved.get((a, b), 0.0) + length
    return moved


def _weakest(
    groups: dict[int, Polygon], borders: dict[tuple[int, int], NDArray[np.float64]], least: dict[int, float]
) -> tuple[int, int] | None:
    """Return the pair to be joined next: the smallest face that is no house of its own, with its closest neighbour."""
    best: tuple[float, float, tuple[int, int]] | None = None
    for pair, length in sorted(borders.items(), key=lambda entry: entry[0]):
        small, large = sorted((groups[pair[0]], groups[pair[1]]), key=lambda face: face.area)
        if small.area >= least[int(np.argmax(length))] and mean_width_m(small) >= _NARROWEST_M:
            continue
        rank = (small.area, -float(length.sum()) / max(large.length, 1.0), pair)
        if best is None or rank < best:
            best = rank
    return None if best is None else best[2]


def _shared_exactly(houses: list[Polygon]) -> list[Polygon]:
    """Round to the grid and give each house the vertices that its neighbours have on its walls."""
    rounded = [shapely.transform(house, lambda c: np.round(c, 3)) for house in houses]
    vertices = np.unique(np.concatenate([shapely.get_coordinates(house) for house in rounded]), axis=0)
    tree = shapely.STRtree(shapely.points(vertices))
    done = [
        Polygon(
            _with_vertices(house.exterior, vertices, tree),
            [_with_vertices(ring, vertices, tree) for ring in house.interiors if Polygon(ring).area > _SLIVER_M2],
        )
        for house in rounded
        if house.area > _SLIVER_M2
    ]
    return sorted((shapely.orient_polygons(house) for house in done), key=lambda house: house.bounds)


def _with_vertices(ring: Any, vertices: NDArray[np.float64], tree: shapely.STRtree) -> NDArray[np.float64]:
    out: list[NDArray[np.float64]] = []
    for a, b in pairwise(shapely.get_coordinates(ring)):
        if (a == b).all():
            continue
        out.append(a)
        near = tree.query(LineString([a, b]), predicate="dwithin", distance=2 * OUTLINE_GRID_M)
        along = (vertices[near] - a) @ (b - a) / ((b - a) @ (b - a))
        on = (along > 0) & (along < 1) & (vertices[near] != a).any(axis=1) & (vertices[near] != b).any(axis=1)
        out.extend(vertices[near][on][np.argsort(along[on])])
    out.append(out[0])
    return np.array(out)


def _is_partition(houses: list[Polygon], outline: Polygon, params: FootprintParams) -> bool:
    """Whether nothing went wrong on the way: valid, no short walls, no gaps or overlaps."""
    if any(not house.is_valid or house.is_empty for house in houses):
        return False
    for house in houses:
        for ring in shapely.get_rings(house):
            edges = np.diff(shapely.get_coordinates(ring), axis=0)
            if np.hypot(edges[:, 0], edges[:, 1]).min() < params.min_edge_m:
                return False
    total = sum(house.area for house in houses)
    return bool(shapely.coverage_is_valid(houses)) and abs(total - outline.area) <= 1e-3 * outline.area
