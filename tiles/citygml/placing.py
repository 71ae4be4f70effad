"""From the store's metres to the coordinates of a delivery, as text: each corner is converted and written once.

A solid stays closed, and neighbours keep their common wall, because a coordinate's text depends on nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely
from shapely import Polygon

from tiles.citygml.frame import north_first
from twin import jgd2024
from twin.crs import parse_crs
from twin.errors import CrsError, DatumError
from twin.region_mesh import mesh_of
from twin.transforms import accurate_transformer
from twin.vertical import TP, VerticalDatum, convert_height

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pyproj import Transformer

    from twin.building import Building, Solid
    from twin.crs import HorizontalCrs

__all__ = ["Body", "Face", "Laid", "Placed", "Placing", "placing"]

_GEOGRAPHIC, _COMPOUND = 6668, 6697
_DEGREE_DIGITS, _METRE_DIGITS = 11, 4
"""Of degrees: 1e-11 is a micrometre, so that rounding to the model's grid of 0.1 mm gives the same metres back."""
_ONE_FILE = "all"


@dataclass(frozen=True, slots=True)
class Face:
    """One face, ready to be written."""

    kind: str
    """Such as ``RoofSurface``."""
    rings: tuple[str, ...]
    """Per ring its positions with the first repeated at the end, the outer one first."""


Body = tuple[Face, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Placed:
    """One building in the coordinates of the delivery."""

    mesh: str
    """Code of the third-level mesh whose file it belongs to."""
    outline: tuple[str, ...]
    """Rings of the outline at height 0, as PLATEAU has LoD0."""
    bodies: dict[str, Body]
    """By level of detail, as in the building."""
    lower: tuple[float, float, float]
    """Lower corner of all that is written, in the order of the axes."""
    upper: tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Laid:
    """Vertices of one object in the coordinates of the delivery."""

    corners: list[str]
    """Position of each vertex."""
    lower: tuple[float, float, float]
    """Lower corner, in the order of the axes."""
    upper: tuple[float, float, float]
    mesh: str
    """Code of the third-level mesh that holds most of its hull."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Placing:
    """How a store's coordinates become a delivery's."""

    code: int
    """EPSG code of the compound system that is written."""
    in_meshes: bool
    """Whether the files are those of regional meshes."""
    swapped: bool
    """Whether the northing or latitude comes first."""
    digits: int
    """Decimals of the first two coordinates."""
    transformer: Transformer | None
    """From the store's CRS, x before y; None if it is the one that is written."""
    shift_m: float
    """Metres to add to heights."""

    @property
    def srs_name(self) -> str:
        """URI of the system, as PLATEAU writes it."""
        return f"http://www.opengis.net/def/crs/EPSG/0/{self.code}"

    def place(self, building: Building) -> Placed:
        """Convert one building.

        Raises
        ------
        CrsError
            If it lies outside of Japan's meshes.
        """
        rings = [shapely.get_coordinates(ring)[:-1] for ring in shapely.get_rings(building.footprint)]
        solids = building.solids
        plan = np.concatenate([*rings, *(solid.vertices[:, :2] for solid in solids.values())])
        x, y = self._moved(plan)
        heights = np.concatenate([solid.vertices[:, 2] for solid in solids.values()]) + self.shift_m
        n_outline = len(plan) - len(heights)
        first, second = (y, x) if self.swapped else (x, y)
        digits = self.digits
        texts = [f"{a:.{digits}f} {b:.{digits}f}" for a, b in zip(first.tolist(), second.tolist(), strict=True)]
        lows = (float(first.min()), float(second.min()), float(min(0.0, heights.min())))
        highs = (float(first.max()), float(second.max()), float(max(0.0, heights.max())))
        outline, at = [], 0
        for ring in rings:
            outline.append(_closed([f"{text} 0" for text in texts[at : at + len(ring)]]))
            at += len(ring)
        corners = [f"{text} {z:.4f}" for text, z in zip(texts[n_outline:], heights.tolist(), strict=True)]
        bodies, at = {}, 0
        for level in solids:
            bodies[level] = _body(solids[level], corners[at : at + len(solids[level].vertices)])
            at += len(solids[level].vertices)
        mesh = self._mesh(rings, x, y, building.id) if self.in_meshes else _ONE_FILE
        return Placed(mesh=mesh, outline=tuple(outline), bodies=bodies, lower=lows, upper=highs)

    def lay(self, vertices: NDArray[np.float64]) -> Laid:
        """Convert the vertices of anything else, shape (n, 3) in the store's metres."""
        x, y = self._moved(vertices[:, :2])
        heights = vertices[:, 2] + self.shift_m
        first, second = (y, x) if self.swapped else (x, y)
        digits = self.digits
        columns = zip(first.tolist(), second.tolist(), heights.tolist(), strict=True)
        return Laid(
            corners=[f"{a:.{digits}f} {b:.{digits}f} {z:.4f}" for a, b, z in columns],
            lower=(float(first.min()), float(second.min()), float(heights.min())),
            upper=(float(first.max()), float(second.max()), float(heights.max())),
            mesh=self._mesh_of_hull(x, y) if self.in_meshes else _ONE_FILE,
        )

    def _mesh_of_hull(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> str:
        hull = shapely.MultiPoint(np.column_stack([x, y])).convex_hull.buffer(1e-9)
        try:
            return mesh_of(hull).code
        except ValueError as error:
            raise CrsError(f"an object at {hull.centroid.wkt}: {error}") from None

    def _moved(self, plan: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        if self.transformer is None:
            return plan[:, 0], plan[:, 1]
        x, y = self.transformer.transform(plan[:, 0], plan[:, 1])
        return np.asarray(x), np.asarray(y)

    def _mesh(self, rings: list[NDArray[np.float64]], x: NDArray[np.float64], y: NDArray[np.float64], name: str) -> str:
        ends = np.cumsum([len(ring) for ring in rings])
        degrees = np.column_stack([x, y])
        parts = [degrees[end - len(ring) : end] for ring, end in zip(rings, ends.tolist(), strict=True)]
        try:
            return mesh_of(Polygon(parts[0], parts[1:])).code
        except ValueError as error:
            raise CrsError(
                f"building {name}: {error}; for a place elsewhere name the system to write, such as"
                " --set citygml.crs=EPSG:7415"
            ) from None


def placing(
    crs: HorizontalCrs,
    vertical: VerticalDatum,
    box: tuple[float, float, float, float],
    wanted: str = "",
) -> Placing:
    """Tell how a store's coordinates become a delivery's.

    Parameters
    ----------
    crs, vertical
        Of the store.
    box
        Around its buildings: xmin, ymin, xmax, ymax.
    wanted
        Compound system to write, such as ``EPSG:7415``; Japan's in degrees with T.P. if empty.

    Raises
    ------
    CrsError
        If PROJ knows no accurate way, or the system wanted has no heights or no code.
    DatumError
        If the store's heights cannot be brought to the datum; the message says what can be done.
    """
    code, target, datum = _target(vertical, wanted)
    try:
        shift = float(convert_height(0.0, vertical, datum))
    except DatumError as error:
        raise DatumError(
            f"CityGML is written with heights above {datum} (EPSG:{code}), the store's are above {vertical}: {error};"
            " or name another system to write, such as --set citygml.crs=EPSG:7415"
        ) from None
    same = target.wkt == crs.wkt
    return Placing(
        code=code,
        in_meshes=not wanted,
        swapped=north_first(target),
        digits=_DEGREE_DIGITS if target.is_geographic else _METRE_DIGITS,
        transformer=None if same else accurate_transformer(crs, target, box),
        shift_m=shift,
    )


def _target(vertical: VerticalDatum, wanted: str) -> tuple[int, HorizontalCrs, VerticalDatum]:
    if not wanted:
        newer = jgd2024.compound_code(_GEOGRAPHIC) if vertical.epoch == "JGD2024" else None
        datum = VerticalDatum(TP.name, vertical.epoch if newer else "")
        return newer or _COMPOUND, parse_crs(f"EPSG:{_GEOGRAPHIC}"), datum
    target = parse_crs(wanted)
    authority, _, number = wanted.partition(":")
    if target.vertical is None or authority.upper() != "EPSG" or not number.isdecimal():
        raise CrsError(f"citygml.crs={wanted!r}: write the code of one system with heights, such as EPSG:7415")
    return int(number), target, target.vertical


def _body(solid: Solid, corners: list[str]) -> Body:
    return tuple(
        Face(kind, tuple(_closed([corners[i] for i in ring]) for ring in face))
        for kind, face in zip(solid.semantics, solid.faces, strict=True)
    )


def _closed(points: list[str]) -> str:
    return " ".join([*points, points[0]])
