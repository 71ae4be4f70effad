"""A street of small houses with known volumes: a gable, a court, a step, a pyramid with a flat top."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from twin.building import Building, Solid
from twin.crs import parse_crs
from twin.vertical import TP

Rings = tuple[tuple[int, ...], ...]


def building(name: str, vertices: list[tuple[float, float, float]], faces: dict[Rings, str], volume: float) -> Building:
    places = np.round(np.array(vertices, dtype=float), 4)
    floor = next(face for face, kind in faces.items() if kind == "GroundSurface")
    outline = [places[list(ring), :2] for ring in floor]
    solid = Solid(vertices=places, faces=tuple(faces), semantics=tuple(faces.values()))
    return Building(
        id=name,
        footprint=shapely.orient_polygons(shapely.Polygon(outline[0], outline[1:])),
        ground_m=float(places[:, 2].min()),
        roof_m=float(places[:, 2].max()),
        measured_height_m=float(np.ptp(places[:, 2])),
        n_points=200,
        rmse_m=0.04,
        solids={"2.2": solid},
        attributes={"volume_m3": volume, "用途": "住宅", "missing": None},
    )


def walls(n: int, first: int = 0) -> dict[Rings, str]:
    """Quadrangles between a lower ring of n corners and the ring above it."""
    pairs = [(first + i, first + (i + 1) % n) for i in range(n)]
    return {((a, b, b + n, a + n),): "WallSurface" for a, b in pairs}


def gable(name: str, x: float, y: float) -> Building:
    plan = [(0, 0), (10, 0), (10, 8), (0, 8)]
    turn = np.array([[0.8, 0.6], [-0.6, 0.8]])
    flat = np.array([*plan, (0, 4), (10, 4)], dtype=float) @ turn + [x, y]
    heights = [2.0] * 4 + [7.0] * 4 + [10.0] * 2
    vertices = [(*flat[i], z) for i, z in zip([0, 1, 2, 3, 0, 1, 2, 3, 4, 5], heights, strict=True)]
    faces: dict[Rings, str] = {
        ((3, 2, 1, 0),): "GroundSurface",
        ((0, 1, 5, 4),): "WallSurface",
        ((1, 2, 6, 9, 5),): "WallSurface",
        ((2, 3, 7, 6),): "WallSurface",
        ((3, 0, 4, 8, 7),): "WallSurface",
        ((4, 5, 9, 8),): "RoofSurface",
        ((6, 7, 8, 9),): "RoofSurface",
    }
    return building(name, vertices, faces, 10 * 8 * 5 + 10 * 8 * 3 / 2)


def court(name: str, x: float, y: float) -> Building:
    rings = [[(0, 0), (20, 0), (20, 15), (0, 15)], [(5, 5), (5, 10), (12, 10), (12, 5)]]
    vertices = [(x + px, y + py, z) for ring in rings for z in (1.5, 13.25) for px, py in ring]
    faces: dict[Rings, str] = {
        ((3, 2, 1, 0), (11, 10, 9, 8)): "GroundSurface",
        ((4, 5, 6, 7), (12, 13, 14, 15)): "RoofSurface",
        **walls(4),
        **walls(4, 8),
    }
    return building(name, vertices, faces, (300 - 35) * 11.75)


def step(name: str, x: float, y: float) -> Building:
    """Two blocks of 5 and 9 m: corners of the lower one lie on straight edges of the higher one's walls."""
    plan = [(0, 0), (4, 0), (8, 0), (8, 6), (4, 6), (0, 6)]
    vertices = [(x + px, y + py, 0.0) for px, py in plan]
    vertices += [(x + px, y + py, 5.0) for px, py in ((0, 0), (4, 0), (4, 6), (0, 6))]
    vertices += [(x + px, y + py, 9.0) for px, py in ((4, 0), (8, 0), (8, 6), (4, 6))]
    faces: dict[Rings, str] = {
        ((5, 4, 3, 2, 1, 0),): "GroundSurface",
        ((0, 1, 7, 6),): "WallSurface",
        ((1, 2, 11, 10, 7),): "WallSurface",
        ((2, 3, 12, 11),): "WallSurface",
        ((3, 4, 8, 13, 12),): "WallSurface",
        ((4, 5, 9, 8),): "WallSurface",
        ((5, 0, 6, 9),): "WallSurface",
        ((7, 10, 13, 8),): "WallSurface",
        ((6, 7, 8, 9),): "RoofSurface",
        ((10, 11, 12, 13),): "RoofSurface",
    }
    return building(name, vertices, faces, 4 * 6 * 5 + 4 * 6 * 9)


def stump(name: str, x: float, y: float) -> Building:
    """A truncated pyramid on a block: four slopes and a deck."""
    square = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
    rings = [(6.0, 3.0), (6.0, 8.0), (2.0, 12.0)]
    vertices = [(x + 6 + half * px, y + 6 + half * py, z) for half, z in rings for px, py in square]
    faces: dict[Rings, str] = {((3, 2, 1, 0),): "GroundSurface", **walls(4), ((8, 9, 10, 11),): "RoofSurface"}
    faces |= dict.fromkeys(walls(4, 4), "RoofSurface")
    return building(name, vertices, faces, 144 * 5 + 4 / 3 * (144 + 16 + 48))


@pytest.fixture(scope="session")
def street() -> list[Building]:
    """Eight houses of zone IX."""
    made = [gable, court, step, stump] * 2
    return [make(f"家 {i}", -12060.0 + 30 * i, -35500.5 + 3 * i) for i, make in enumerate(made)]


@pytest.fixture(scope="session")
def where() -> dict[str, object]:
    """What the coordinates of the street are in."""
    return {"crs": parse_crs("EPSG:6677"), "vertical": TP}
