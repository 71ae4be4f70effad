"""Buildings as unions of upright prisms with planar roofs: every height is a plane equation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import shapely
from shapely import Polygon
from shapely.geometry.polygon import orient

if TYPE_CHECKING:
    from numpy.random import Generator

__all__ = [
    "KINDS",
    "BuildingKind",
    "BuildingSpec",
    "Prism",
    "RoofPlane",
    "SceneBuilding",
    "as_truth",
    "design",
    "prisms",
]

BuildingKind = Literal[
    "flat",
    "gabled",
    "hipped",
    "shed",
    "l_shaped",
    "stepped",
    "penthouse",
    "courtyard",
    "row",
    "highrise",
    "tower",
    "hall",
]
KINDS: tuple[BuildingKind, ...] = (
    "gabled", "flat", "hipped", "highrise", "l_shaped", "stepped", "penthouse", "row", "shed", "courtyard",
)  # fmt: skip
"""Kinds of the bay, in the order in which a scene places its first ones; a downtown has ``tower`` and ``hall`` too."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RoofPlane:
    """One face of a roof: ``z = a * x + b * y + c`` over its outline, in the scene's CRS and datum."""

    polygon: Polygon
    a: float
    b: float
    c: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SceneBuilding:
    """The truth of one building. Coordinates in EPSG:6677 (x east, y north), heights in metres above T.P."""

    id: str
    kind: BuildingKind
    footprint: Polygon
    """Outline at the walls (roofs do not overhang), counter-clockwise, holes clockwise; vertices on a 1 mm grid."""
    roof_planes: tuple[RoofPlane, ...]
    """Faces that cover the footprint without overlap, as seen from above."""
    ground_m: float
    """Lowest ground along the outline."""
    eaves_m: float
    """Lowest point of the roof."""
    ridge_m: float
    """Highest point of the roof."""


class Prism(NamedTuple):
    """An oriented rectangle with up to four roof planes, of which the lowest holds, and a bottom.

    Local axes: p along the direction `angle`, q to its left; plane: ``z = sp * p + sq * q + top``.
    """

    u: float
    v: float
    angle: float
    half_p: float
    half_q: float
    bottom: float
    planes: tuple[tuple[float, float, float], ...]


class BuildingSpec(NamedTuple):
    """What a building is made from; small, so that a city of them fits in memory."""

    kind: BuildingKind
    u: float
    v: float
    angle: float
    half_p: float
    half_q: float
    eaves: float
    """Height of the (lowest) eaves above T.P."""
    rise: float
    """Slope of a pitched roof; for stepped and towering kinds the height of what stands on top, metres."""
    share: float
    """Kind's own proportion, 0 to 1: width of a wing, of a step, of a penthouse."""


def design(
    kind: BuildingKind, place: tuple[float, float, float], room: tuple[float, float], rng: Generator
) -> BuildingSpec:
    """Draw the measures of a building of a kind.

    Parameters
    ----------
    kind
        Of `KINDS`; a ``row`` gives one unit of the row.
    place
        Centre u, v and the ground there, metres.
    room
        Free length along p and q, metres.
    """
    u, v, ground = place
    angle = float(rng.uniform(-0.09, 0.09))
    shrink_p, shrink_q = rng.uniform(0.78, 0.97, 2)
    half_p, half_q = 0.5 * room[0] * float(shrink_p), 0.5 * room[1] * float(shrink_q)
    storeys = float(rng.integers(2, 4))
    rise, share = float(rng.uniform(0.42, 0.68)), float(rng.uniform(0.36, 0.5))
    if kind in ("gabled", "hipped", "shed", "l_shaped", "row") and half_q > 5.5:
        half_q = float(rng.uniform(4.2, 5.5))
    if kind == "hipped":
        half_q = min(half_q, 0.8 * half_p)
    elif kind == "shed":
        rise *= 0.5
    elif kind in ("flat", "penthouse", "stepped", "courtyard"):
        storeys = float(rng.integers(3, 7))
        rise = 3.2 * float(rng.integers(1, 3)) if kind == "stepped" else 2.8
    elif kind == "highrise":
        storeys, rise = float(rng.integers(14, 30)), 4.0
    elif kind == "l_shaped":
        half_q = 0.5 * room[1] * float(shrink_q)
    return BuildingSpec(kind, u, v, angle, half_p, half_q, ground + 3.1 * storeys + 0.4, rise, share)


def prisms(spec: BuildingSpec, ground: float) -> list[Prism]:
    """Return the prisms whose union is the building, standing well below `ground`."""
    bottom = ground - 8.0
    maker = {
        "flat": _flat, "gabled": _gabled, "row": _gabled, "hipped": _hipped, "shed": _shed, "l_shaped": _l_shaped,
        "stepped": _stepped, "penthouse": _penthouse, "highrise": _highrise, "courtyard": _courtyard,
        "tower": _tower, "hall": _gabled,
    }[spec.kind]  # fmt: skip
    return [
        Prism(
            spec.u + p * math.cos(spec.angle) - q * math.sin(spec.angle),
            spec.v + p * math.sin(spec.angle) + q * math.cos(spec.angle),
            spec.angle + turn,
            half_p,
            half_q,
            bottom,
            planes,
        )
        for p, q, turn, half_p, half_q, planes in maker(spec)
    ]


_Part = tuple[float, float, float, float, float, tuple[tuple[float, float, float], ...]]
"""Centre p and q in the building's frame, turn, half lengths, planes."""


def _level(height: float) -> tuple[tuple[float, float, float], ...]:
    return ((0.0, 0.0, height),)


def _ridge(eaves: float, slope: float, half_q: float) -> tuple[tuple[float, float, float], ...]:
    top = eaves + slope * half_q
    return (0.0, -slope, top), (0.0, slope, top)


def _flat(spec: BuildingSpec) -> list[_Part]:
    return [(0.0, 0.0, 0.0, spec.half_p, spec.half_q, _level(spec.eaves))]


def _gabled(spec: BuildingSpec) -> list[_Part]:
    return [(0.0, 0.0, 0.0, spec.half_p, spec.half_q, _ridge(spec.eaves, spec.rise, spec.half_q))]


def _hipped(spec: BuildingSpec) -> list[_Part]:
    end = spec.eaves + spec.rise * spec.half_p
    hips = ((-spec.rise, 0.0, end), (spec.rise, 0.0, end))
    return [(0.0, 0.0, 0.0, spec.half_p, spec.half_q, _ridge(spec.eaves, spec.rise, spec.half_q) + hips)]


def _shed(spec: BuildingSpec) -> list[_Part]:
    plane = (0.0, spec.rise, spec.eaves + spec.rise * spec.half_q)
    return [(0.0, 0.0, 0.0, spec.half_p, spec.half_q, (plane,))]


def _l_shaped(spec: BuildingSpec) -> list[_Part]:
    wing = spec.share * spec.half_q
    planes = _ridge(spec.eaves, spec.rise, wing)
    leg = 0.5 * (2.0 * spec.half_q - wing)
    return [
        (0.0, wing - spec.half_q, 0.0, spec.half_p, wing, planes),
        (wing - spec.half_p, spec.half_q - leg, 0.5 * math.pi, leg, wing, planes),
    ]


def _stepped(spec: BuildingSpec) -> list[_Part]:
    width = 2.0 * spec.half_p
    low, high = spec.share * width, 0.5 * spec.share * width
    return [
        (0.0, 0.0, 0.0, spec.half_p, spec.half_q, _level(spec.eaves)),
        (0.5 * low, 0.0, 0.0, spec.half_p - 0.5 * low, spec.half_q, _level(spec.eaves + spec.rise)),
        (spec.half_p - 0.5 * high, 0.0, 0.0, 0.5 * high, spec.half_q, _level(spec.eaves + 2.0 * spec.rise)),
    ]


def _penthouse(spec: BuildingSpec) -> list[_Part]:
    half = 0.45 * spec.share
    box = (-0.4 * spec.half_p, 0.3 * spec.half_q, 0.0, half * spec.half_p, half * spec.half_q)
    return [*_flat(spec), (*box, _level(spec.eaves + spec.rise))]


def _highrise(spec: BuildingSpec) -> list[_Part]:
    podium = 0.18 * spec.eaves
    tower = (0.1 * spec.half_p, 0.0, 0.0, 0.72 * spec.half_p, 0.8 * spec.half_q)
    plant = (0.1 * spec.half_p, 0.0, 0.0, 0.35 * spec.half_p, 0.4 * spec.half_q)
    return [
        (0.0, 0.0, 0.0, spec.half_p, spec.half_q, _level(podium + 4.0)),
        (*tower, _level(spec.eaves)),
        (*plant, _level(spec.eaves + spec.rise)),
    ]


def _tower(spec: BuildingSpec) -> list[_Part]:
    """Put a tower of `share` of the podium's lengths, `rise` above the podium's roof, and a plant room on top."""
    half_p, half_q = spec.share * spec.half_p, spec.share * spec.half_q
    aside = 0.3 * (spec.half_p - half_p)
    return [
        *_flat(spec),
        (aside, 0.0, 0.0, half_p, half_q, _level(spec.eaves + spec.rise)),
        (aside, 0.0, 0.0, 0.45 * half_p, 0.5 * half_q, _level(spec.eaves + spec.rise + 5.0)),
    ]


def _courtyard(spec: BuildingSpec) -> list[_Part]:
    deep = 0.28 * min(spec.half_p, spec.half_q) * (1.0 + spec.share)
    planes = _level(spec.eaves)
    return [
        (0.0, deep - spec.half_q, 0.0, spec.half_p, deep, planes),
        (0.0, spec.half_q - deep, 0.0, spec.half_p, deep, planes),
        (deep - spec.half_p, 0.0, 0.0, deep, spec.half_q, planes),
        (spec.half_p - deep, 0.0, 0.0, deep, spec.half_q, planes),
    ]


def _outline(prism: Prism) -> Polygon:
    c, s = math.cos(prism.angle), math.sin(prism.angle)
    corners = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
    return Polygon(
        [
            (
                prism.u + i * prism.half_p * c - j * prism.half_q * s,
                prism.v + i * prism.half_p * s + j * prism.half_q * c,
            )
            for i, j in corners
        ]
    )


def _planes_in_uv(prism: Prism) -> list[tuple[float, float, float]]:
    c, s = math.cos(prism.angle), math.sin(prism.angle)
    out = []
    for sp, sq, top in prism.planes:
        a, b = sp * c - sq * s, sp * s + sq * c
        out.append((a, b, top - a * prism.u - b * prism.v))
    return out


def _where_below(region: Polygon, plane: tuple[float, float, float], other: tuple[float, float, float]) -> Polygon:
    """Return the part of a region where `plane` lies below `other`, by one cut along their common line."""
    a, b, c = (plane[i] - other[i] for i in range(3))
    norm = math.hypot(a, b)
    if norm < 1e-9:
        return region if c <= 1e-9 else Polygon()
    far = 1.0e4
    n_u, n_v = a / norm, b / norm
    mid = region.envelope.centroid
    gap = (a * mid.x + b * mid.y + c) / norm
    foot_u, foot_v = mid.x - gap * n_u, mid.y - gap * n_v
    half = Polygon(
        [
            (foot_u - n_v * far, foot_v + n_u * far),
            (foot_u + n_v * far, foot_v - n_u * far),
            (foot_u + n_v * far - n_u * far, foot_v - n_u * far - n_v * far),
            (foot_u - n_v * far - n_u * far, foot_v + n_u * far - n_v * far),
        ]
    )
    return region.intersection(half)


def _faces(parts: list[Prism]) -> list[tuple[Polygon, tuple[float, float, float]]]:
    """Faces of each part by itself, in (u, v)."""
    faces = []
    for part in parts:
        planes = _planes_in_uv(part)
        for k, plane in enumerate(planes):
            region = _outline(part)
            for m, other in enumerate(planes):
                if m != k and not region.is_empty:
                    region = _where_below(region, plane, other)
            if region.area > 1e-6:
                faces.append((region, plane))
    return faces


def _visible(
    faces: list[tuple[Polygon, tuple[float, float, float]]],
) -> list[tuple[Polygon, tuple[float, float, float]]]:
    """Cut away what lies under a higher face; of two equal heights the earlier face stays."""
    out: list[tuple[Polygon, tuple[float, float, float]]] = []
    for k, (region, plane) in enumerate(faces):
        for m, (cover, higher) in enumerate(faces):
            if m == k or region.is_empty or not region.intersects(cover):
                continue
            shared = region.intersection(cover)
            if shared.area < 1e-6:
                continue
            same = max(abs(plane[i] - higher[i]) for i in range(2)) < 1e-9 and abs(plane[2] - higher[2]) < 1e-6
            hidden = (shared if m < k else Polygon()) if same else _where_below(shared, plane, higher)
            if hidden.area > 1e-6:
                region = region.difference(hidden)
        # Faces that meet in a point only come apart on the grid.
        pieces = _polygons(shapely.set_precision(region, 1e-4))
        out.extend((piece, plane) for piece in pieces if piece.area > 1e-3)
    return out


def _polygons(shape: shapely.Geometry) -> list[Polygon]:
    return [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon"]


def as_truth(
    name: str, spec: BuildingSpec, parts: list[Prism], ground_m: float, origin: tuple[float, float]
) -> SceneBuilding:
    """Work out the outline and the visible roof faces of a building, in the scene's CRS.

    Parameters
    ----------
    ground_m
        Lowest ground along the outline, metres above T.P.
    origin
        x, y of the scene's corner.
    """
    x0, y0 = origin
    faces = _visible(_faces(parts))
    footprint = shapely.set_precision(shapely.union_all([_outline(part) for part in parts]), 1e-3)
    footprint = shapely.transform(
        max(_polygons(footprint), key=lambda piece: piece.area), lambda uv: np.add(uv, (x0, y0))
    )
    heights = np.concatenate(
        [shapely.get_coordinates(piece) @ np.array(plane[:2]) + plane[2] for piece, plane in faces]
    )
    return SceneBuilding(
        id=name,
        kind=spec.kind,
        footprint=orient(shapely.set_precision(footprint, 1e-3)),
        roof_planes=tuple(
            RoofPlane(
                polygon=shapely.transform(piece, lambda uv: np.add(uv, (x0, y0))), a=a, b=b, c=c - a * x0 - b * y0
            )
            for piece, (a, b, c) in faces
        ),
        ground_m=ground_m,
        eaves_m=float(heights.min()),
        ridge_m=float(heights.max()),
    )
