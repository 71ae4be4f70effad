"""The self-check of solids: one fault of each kind by its code, exact signs, triangles that others agree with.

`VERDICTS` holds what val3dity 2.6.0 says at its default tolerances about every solid built here. To ask it again, name
its program in `TWIN_VAL3DITY` (the fixture `val3dity` tells where it is from).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
import trimesh
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.optimize import linprog

from pipelines.model import prism
from pipelines.validity import CODES, STRICT, Tolerances, check_shells, check_solid, find_faults
from pipelines.validity.check import flat, limits_of, steps_of
from pipelines.validity.examine import examine
from pipelines.validity.order import order_of
from pipelines.validity.predicates import LARGEST_SPAN, above, triangles_meet
from pipelines.validity.triangulate import triangulate
from twin.building import Solid

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

Rings = tuple[tuple[int, ...], ...]
Shape = tuple["NDArray[np.float64]", list[Rings]]

SQUARE = [(0, 0), (20, 0), (20, 20), (0, 20)]
HOLE = [(5, 5), (5, 10), (10, 10), (10, 5)]


def box(size: float = 10.0, at: tuple[float, float, float] = (0, 0, 0)) -> Shape:
    corners = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 0, 1), (1, 0, 1), (1, 1, 1), (0, 1, 1)]
    rings = [(0, 3, 2, 1), (4, 5, 6, 7), (0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7)]
    return np.array(corners, float) * size + np.array(at), [(ring,) for ring in rings]


def gable(ridge_m: float = 8.0) -> Shape:
    low = [(0, 0, 0), (8, 0, 0), (8, 12, 0), (0, 12, 0), (0, 0, 5), (8, 0, 5), (8, 12, 5), (0, 12, 5)]
    vertices = np.array([*low, (4, 0, ridge_m), (4, 12, ridge_m)], float)
    walls = [(0, 1, 5, 8, 4), (1, 2, 6, 5), (2, 3, 7, 9, 6), (3, 0, 4, 7)]
    return vertices, [((0, 3, 2, 1),), *((wall,) for wall in walls), ((4, 8, 9, 7),), ((5, 6, 9, 8),)]


def raised(outer: list[tuple[float, float]], *holes: list[tuple[float, float]]) -> Shape:
    """Pull any rings up by 5 m, valid or not."""
    flat_rings = [outer, *holes]
    xy = np.array([corner for ring in flat_rings for corner in ring], float)
    n, start = len(xy), 0
    floor, roof, walls = [], [], []
    for ring in flat_rings:
        own = list(range(start, start + len(ring)))
        floor.append(tuple(own[::-1]))
        roof.append(tuple(i + n for i in own))
        walls += [((a, b, b + n, a + n),) for a, b in zip(own, [*own[1:], own[0]], strict=True)]
        start += len(ring)
    heights = np.repeat([0.0, 5.0], n)
    return np.column_stack([np.tile(xy, (2, 1)), heights]), [tuple(floor), tuple(roof), *walls]


def tooth(depth_m: float) -> Shape:
    """A block 5 m high with a pit in its roof."""
    pit = np.array([(8, 8), (8, 12), (12, 12), (12, 8)], float)
    block, _ = raised([(0, 0), (20, 0), (20, 20), (0, 20)])
    pits = [np.column_stack([pit, np.full(4, z)]) for z in (5.0, 5.0 - depth_m)]
    sides = [((i, (i + 1) % 4, (i + 1) % 4 + 4, i + 4),) for i in range(4)]
    inside = [((8 + (i + 1) % 4, 8 + i, 12 + i, 12 + (i + 1) % 4),) for i in range(4)]
    top = ((4, 5, 6, 7), (8, 9, 10, 11))
    return np.vstack([block, *pits]), [((3, 2, 1, 0),), top, *sides, *inside, ((15, 14, 13, 12),)]


def joined(*parts: Shape) -> Shape:
    vertices, faces, n = [], [], 0
    for part, rings in parts:
        vertices.append(part)
        faces += [tuple(tuple(i + n for i in ring) for ring in face) for face in rings]
        n += len(part)
    return np.concatenate(vertices), faces


def turned(shape: Shape) -> Shape:
    return shape[0], [tuple(ring[::-1] for ring in face) for face in shape[1]]


def with_face(shape: Shape, at: int, *rings: tuple[int, ...]) -> Shape:
    return shape[0], [*shape[1][:at], rings, *shape[1][at + 1 :]]


def moved(shape: Shape, vertex: int, by: tuple[float, float, float]) -> Shape:
    vertices = shape[0].copy()
    vertices[vertex] += by
    return vertices, shape[1]


def more(shape: Shape, *vertices: tuple[float, float, float]) -> Shape:
    return np.vstack([shape[0], np.array(vertices, float)]), shape[1]


def folded(by_m: float) -> Shape:
    """A block whose roof has a strip 2 cm wide that rises by some millimetres."""
    shape = raised([(0, 0), (10, 0), (10, 0.02), (10, 5), (0, 5), (0, 0.02)])
    return moved(moved(shape, 8, (0, 0, by_m)), 11, (0, 0, by_m))


def solid_of(shape: Shape) -> Solid:
    vertices, faces = shape
    return Solid(vertices=np.asarray(vertices, float), faces=tuple(faces), semantics=("WallSurface",) * len(faces))


BOX = box()
HOLED = raised(SQUARE, HOLE)
PITS = ([(8, 8), (8, 12), (12, 12), (12, 8)], [(5, 5), (5, 15), (15, 15), (15, 5)])
EIGHT = np.array([(0, 0, 5), (10, 0, 5), (10, 10, 5), (0, 10, 5), (5, 5, 8), (5, 5, 2)], float)
OCTAHEDRON = [(1, 0, 4), (2, 1, 4), (3, 2, 4), (0, 3, 4), (0, 1, 5), (1, 2, 5), (2, 3, 5), (3, 0, 5)]
CUTTING = (EIGHT, [(ring,) for ring in OCTAHEDRON])

# What is built, our codes, and val3dity's where they are others.
SHAPES: dict[str, tuple[list[Shape], tuple[int, ...]]] = {
    "box": ([BOX], ()),
    "gable": ([gable()], ()),
    "courtyard": ([HOLED], ()),
    "pit": ([tooth(2.0)], ()),
    "chimney": ([tooth(-3.0)], ()),
    "vertex there twice": ([with_face(more(BOX, (0, 0, 0)), 0, (8, 3, 2, 1))], ()),
    "bent by 2.5 mm": ([moved(BOX, 6, (0, 0, 0.01))], ()),
    "folded by 4 mm": ([folded(0.004)], ()),
    "ring of two": ([with_face(BOX, 0, (0, 3))], (101,)),
    "vertex twice in a row": ([with_face(BOX, 0, (0, 3, 2, 1, 1))], (102,)),
    "vertices half a millimetre apart": ([with_face(more(BOX, (0, 0.0005, 0)), 0, (0, 8, 3, 2, 1))], (102,)),
    "bow tie": ([with_face(BOX, 0, (0, 2, 3, 1))], (104,)),
    "spike": ([with_face(more(BOX, (15, 0, 0)), 0, (0, 3, 2, 1, 8))], (104,)),
    "hole through the rim": ([raised(SQUARE, [(15, 5), (15, 10), (25, 10), (25, 5)])], (201,)),
    "hole along the rim": ([raised(SQUARE, [(15, 5), (15, 10), (20, 10), (20, 5)])], (201,)),
    "holes across": ([raised(SQUARE, HOLE, [(8, 8), (8, 12), (12, 12), (12, 8)])], (201,)),
    "hole twice": ([raised(SQUARE, HOLE, HOLE)], (202,)),
    "bent by 5 cm": ([moved(BOX, 6, (0, 0, 0.2))], (203,)),
    "bent by 2 cm": ([moved(BOX, 6, (0, 0, 0.08))], (203,)),
    "folded by 12 mm": ([folded(0.012)], (204,)),
    "hole from side to side": ([raised(SQUARE, [(0, 10), (10, 15), (20, 10), (10, 5)])], (205,)),
    "hole outside": ([raised(SQUARE, [(25, 5), (25, 10), (30, 10), (30, 5)])], (206,)),
    "hole in a hole": ([raised(SQUARE, *PITS)], (207,)),
    "hole the same way round": ([with_face(HOLED, 0, (3, 2, 1, 0), (4, 5, 6, 7))], (208,)),
    "three faces": ([(BOX[0], BOX[1][:3])], (301,)),
    "face missing": ([(BOX[0], BOX[1][:-1])], (302,)),
    "hole touches an edge": ([raised(SQUARE, [(0, 10), (5, 15), (10, 10), (5, 5)])], (302,)),
    "face twice": ([(BOX[0], [*BOX[1], BOX[1][-1]])], (303,)),
    "boxes share an edge": ([joined(BOX, box(at=(10, 10, 0)))], (303,)),
    "boxes share a face": ([joined(BOX, box(at=(10, 0, 0)))], (303,)),
    "boxes share a vertex": ([joined(BOX, box(at=(10, 10, 10)))], (303, 305)),
    "boxes apart": ([joined(BOX, box(at=(20, 10, 10)))], (305,)),
    "box in a box": ([joined(BOX, box(3, (2, 2, 2)))], (305,)),
    "loose face": (
        [with_face(more((BOX[0], [*BOX[1], ()]), (50, 0, 0), (60, 0, 0), (50, 9, 0)), 6, (8, 9, 10))],
        (302, 305),
    ),
    "pit through the floor": ([tooth(8.0)], (306,)),
    "pit on the floor": ([tooth(5.0)], (306,)),
    "ridge below the floor": ([gable(-3.0)], (104,)),
    "face turned over": ([with_face(BOX, 3, (5, 6, 2, 1))], (307,)),
    "first face turned over": ([with_face(BOX, 0, (1, 2, 3, 0))], (307,)),
    "inside out": ([turned(BOX)], (405,)),
    "cavity": ([BOX, turned(box(3, (2, 2, 2)))], ()),
    "cavities": ([BOX, turned(box(3, (1, 1, 1))), turned(box(3, (5, 5, 5)))], ()),
    "cavity through the wall": ([BOX, turned(box(5, (8, 2, 2)))], (401,)),
    "cavity against the wall": ([BOX, turned(box(3, (7, 2, 2)))], (401,)),
    "cavities across": ([BOX, turned(box(3, (2, 2, 2))), turned(box(3, (4, 4, 4)))], (401,)),
    "cavity in a cavity": ([BOX, turned(box(6, (2, 2, 2))), turned(box(2, (3, 3, 3)))], (401,)),
    "cavities touch": ([BOX, turned(box(3, (1, 1, 1))), turned(box(3, (4, 4, 4)))], (401,)),
    "cavity cuts in two": ([BOX, CUTTING], (401,)),
    "cavity twice": ([BOX, turned(box(3, (2, 2, 2))), turned(box(3, (2, 2, 2)))], (402,)),
    "cavity outside": ([BOX, turned(box(3, (20, 2, 2)))], (403,)),
    "cavity looks out": ([BOX, box(3, (2, 2, 2))], (405,)),
}

VERDICTS: dict[str, tuple[int, ...]] = {name: ours for name, (_, ours) in SHAPES.items()} | {
    "hole twice": (201,),  # GEOS finds the crossing first
    "boxes share a vertex": (303,),
    "loose face": (305,),
    "first face turned over": (303, 307),  # its neighbours disagree with it, in the order in which they come
    "cavities touch": (),  # in one point: allowed, refused by us
    "cavity cuts in two": (404,),
    "cavity twice": (401,),
}


@pytest.mark.parametrize("name", SHAPES)
def test_every_fault_has_its_code(name: str) -> None:
    shells, expected = SHAPES[name]
    assert check_shells([solid_of(shape) for shape in shells]) == expected
    if len(shells) == 1:
        assert check_solid(solid_of(shells[0])) == expected


def test_we_let_nothing_pass_that_val3dity_refuses() -> None:
    passed_by_us = {name for name, (_, ours) in SHAPES.items() if not ours}
    refused = {name for name, theirs in VERDICTS.items() if theirs}
    assert not passed_by_us & refused
    assert {code for theirs in VERDICTS.values() for code in theirs} >= set(CODES) - {202, 300, 402, 901}


def test_val3dity_still_says_what_is_written_here(val3dity: Callable[..., dict[str, tuple[int, ...]]]) -> None:
    assert val3dity({name: shells for name, (shells, _) in SHAPES.items()}) == VERDICTS


def test_strict_finds_what_default_forgives() -> None:
    assert check_solid(solid_of(moved(BOX, 6, (0, 0, 0.01))), STRICT) == (203,)
    apart = solid_of(with_face(more(BOX, (0, 0.0005, 0)), 0, (0, 8, 3, 2, 1)))
    assert check_solid(apart, STRICT) == (302,)


def test_one_snapping_distance_apart_is_a_fault_either_way() -> None:
    crack = solid_of(with_face(more(BOX, (0, -0.001, 0)), 0, (8, 3, 2, 1)))
    collapse = solid_of(with_face(more(BOX, (0, 0.001, 0)), 0, (0, 8, 3, 2, 1)))
    assert check_solid(crack) == (302,)  # as two vertices: a crack
    assert check_solid(collapse) == (102, 302)  # as one: no edge; as two: a crack
    assert check_solid(crack, Tolerances(snap_m=0.0011)) == ()


@pytest.mark.parametrize("corner", range(4))
def test_faces_meet_whichever_way_a_bent_square_is_cut(corner: int) -> None:
    """One diagonal of the floor leaves half a millimetre below the pit, the other none: programs cut differently."""
    bent = moved(tooth(5.0), corner, (0, 0, -0.0007))
    assert check_solid(solid_of(bent)) == (306,)


def test_a_fault_names_its_face() -> None:
    (fault,) = find_faults(solid_of(with_face(BOX, 4, (2, 3, 6, 7))))
    assert (fault.code, fault.face) == (104, 4)
    assert str(fault) == "104 a ring crosses or touches itself (face 4)"


def test_what_is_no_number_or_as_large_as_a_country_is_no_solid() -> None:
    for bad in (np.nan, np.inf, 1e7):
        assert check_solid(solid_of(moved(BOX, 6, (0, 0, bad)))) == (901,)
    assert check_solid(Solid(vertices=np.zeros((0, 3)), faces=(), semantics=())) == (301,)


@st.composite
def outlines(draw: st.DrawFn, touching: bool) -> shapely.Polygon:
    """Star-shaped rings anywhere in a country, some with a courtyard, some (if asked) with one that touches the rim."""
    n = draw(st.integers(3, 16))
    radii = np.array(draw(st.lists(st.floats(4, 20), min_size=n, max_size=n)))
    angles = np.arange(n) * 2 * np.pi / n + draw(st.floats(0, 7))
    ring = np.column_stack([radii * np.cos(angles), radii * np.sin(angles)])
    holes = {0: [], 1: [ring * 0.4], 2: [np.vstack([ring[:1], ring[[1, -1]] * 0.3])]}[
        draw(st.integers(0, 1 + touching))
    ]
    at = np.array([draw(st.floats(0, 9e5)), draw(st.floats(0, 9e5))])
    return shapely.orient_polygons(shapely.Polygon(np.round(ring + at, 4), [np.round(h + at, 4) for h in holes]))


@given(outline=outlines(touching=False), height=st.floats(0.5, 200))
def test_triangles_close_the_shell_and_hold_the_prisms_volume(outline: shapely.Polygon, height: float) -> None:
    solid = prism(outline, 0.0, height)
    steps = steps_of(solid.vertices)
    assert steps is not None
    found, triangles = examine(steps, flat(solid), limits_of(STRICT), False)
    assert not found.any()
    mesh = trimesh.Trimesh(vertices=steps, faces=triangles, process=False)
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    assert mesh.volume == pytest.approx(outline.area * 1e8 * round(height * 1e4), rel=1e-6)


@given(outline=outlines(touching=True))
def test_triangles_are_those_of_the_constrained_delaunay_triangulation(outline: shapely.Polygon) -> None:
    origin = np.array(outline.exterior.coords[0])
    rings = [np.round((np.array(r.coords)[:-1] - origin) * 1e4) for r in (outline.exterior, *outline.interiors)]
    uv = np.concatenate(rings)
    steps = shapely.Polygon(rings[0], rings[1:])
    if not steps.is_valid:
        return
    triangles = uv[triangulate(uv, np.cumsum([0, *map(len, rings)]))]
    theirs = shapely.constrained_delaunay_triangles(steps)
    expected = {frozenset(map(tuple, np.array(part.exterior.coords)[:-1].tolist())) for part in theirs.geoms}
    assert {frozenset(map(tuple, corners.tolist())) for corners in triangles} == expected


@given(
    name=st.sampled_from(["box", "gable", "pit", "face twice", "boxes share an edge", "bow tie", "pit on the floor"]),
    seed=st.integers(0, 2**32 - 1),
)
def test_codes_depend_neither_on_the_order_of_faces_nor_on_where_rings_start(name: str, seed: int) -> None:
    (vertices, faces), expected = SHAPES[name][0][0], SHAPES[name][1]
    rng = np.random.default_rng(seed)
    names = rng.permutation(len(vertices))
    own = np.empty_like(vertices)
    own[names] = vertices
    shuffled = []
    for at in rng.permutation(len(faces)):
        starts = [int(rng.integers(len(ring))) for ring in faces[at]]
        rings = [ring[k:] + ring[:k] for ring, k in zip(faces[at], starts, strict=True)]
        shuffled.append(tuple(tuple(int(names[i]) for i in ring) for ring in rings))
    assert check_solid(solid_of((own, shuffled))) == expected


STEP = st.integers(0, LARGEST_SPAN - 1)


@given(st.lists(st.tuples(STEP, STEP, STEP), min_size=4, max_size=4))
@example([(0, 0, 0), (LARGEST_SPAN - 1, 0, 1), (0, LARGEST_SPAN - 1, 1), (LARGEST_SPAN - 1, LARGEST_SPAN - 1, 2)])
@example([(0, 0, 0), (LARGEST_SPAN - 1, 0, 1), (0, LARGEST_SPAN - 1, 1), (LARGEST_SPAN - 1, LARGEST_SPAN - 1, 3)])
@example([(LARGEST_SPAN - 1, 0, 0), (0, LARGEST_SPAN - 1, 0), (0, 0, LARGEST_SPAN - 1), (0, 0, 0)])
def test_the_side_of_a_plane_is_exact_over_a_hundred_kilometres(points: list[tuple[int, int, int]]) -> None:
    a, b, c, d = points
    (bx, by, bz), (cx, cy, cz), (dx, dy, dz) = ([q[k] - a[k] for k in range(3)] for q in (b, c, d))
    volume = dx * (by * cz - bz * cy) + dy * (bz * cx - bx * cz) + dz * (bx * cy - by * cx)
    assert above(np.array(points, np.int64), 0, 1, 2, 3) == (volume > 0) - (volume < 0)


def test_triangles_meet_where_a_linear_program_finds_a_common_point() -> None:
    rng = np.random.default_rng(11)
    one, two = np.array([0, 1, 2]), np.array([3, 4, 5])
    n_meet = 0
    for _ in range(300):
        points = rng.integers(0, 5, (6, 3))
        if min(np.linalg.matrix_rank(points[t][1:] - points[t][0]) for t in (one, two)) < 2:
            continue
        weights = np.zeros((5, 6))
        weights[0, :3] = weights[1, 3:] = 1
        weights[2:, :3], weights[2:, 3:] = points[:3].T, -points[3:].T
        expected = linprog(np.zeros(6), A_eq=weights, b_eq=[1, 1, 0, 0, 0]).status == 0
        n_meet += expected
        assert triangles_meet(points, one, two) == expected
    assert 50 < n_meet < 250


@given(st.lists(st.integers(-5, 5), max_size=40))
def test_the_sort_is_stable(keys: list[int]) -> None:
    expected = sorted(range(len(keys)), key=keys.__getitem__)
    assert order_of(np.array(keys, np.int64)).tolist() == expected
