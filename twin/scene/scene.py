"""A whole synthetic scene: its ground, its things, its survey, its truth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from twin.bounds import Bounds
from twin.points import Points
from twin.scene.buildings import SceneBuilding, as_truth, prisms
from twin.scene.compose import compose
from twin.scene.layout import Layout, origin_of
from twin.scene.objects import clear_of_solids
from twin.scene.places import Gate, Gauge, gates_of, gauges_of, places_of
from twin.scene.pulses import fire
from twin.scene.rays import Site
from twin.scene.scan import empty_returns
from twin.scene.survey import Strip, plan_survey
from twin.scene.terrain import edges_of, ground_of, water_of
from twin.vertical import TP, VerticalDatum

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from twin.scene.objects import Objects
    from twin.scene.params import SceneParams
    from twin.scene.town import Town


__all__ = ["Piece", "Scene"]


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Piece:
    """Address of a part of the survey that is generated at once."""

    strip: int
    """Number of the strip, from 1."""
    block: int
    """Along the track, from 0, in the order of flight."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """A synthetic city with known truth. Coordinates in EPSG:6677 as x = easting, y = northing; heights in T.P.

    Memory is linear in the area (objects: about 0.5 kB for each 100 square metres), not in the number of points; points
    come in pieces.
    """

    params: SceneParams
    origin: tuple[float, float]
    """South-west corner (x, y)."""
    layout: Layout
    town: Town
    objects: Objects
    strips: tuple[Strip, ...]

    crs = "EPSG:6677"
    vertical: VerticalDatum = TP

    @staticmethod
    def build(params: SceneParams) -> Scene:
        """Place everything and plan the survey; seconds for a square kilometre, the same for equal parameters."""
        lay, town, objects = compose(params)
        strips = plan_survey(params, lay, objects)
        return Scene(params=params, origin=origin_of(params), layout=lay, town=town, objects=objects, strips=strips)

    @property
    def bounds(self) -> Bounds:
        """The square that holds every point."""
        x, y = self.origin
        return Bounds(xmin=x, ymin=y, xmax=x + self.layout.edge, ymax=y + self.layout.edge)

    @property
    def water_level_m(self) -> float:
        """Level of sea and canal, or of the pond in the hills, while the survey flew; metres above T.P."""
        return self.layout.water

    @property
    def gauges(self) -> tuple[Gauge, ...]:
        """Water gauges, with the datum of each one's zero."""
        return gauges_of(self.layout, self.origin)

    @property
    def gates(self) -> tuple[Gate, ...]:
        """Gates that can part the water."""
        return gates_of(self.layout, self.origin)

    @property
    def places(self) -> dict[str, tuple[float, float]]:
        """Named places (x, y) that tests and demonstrations ask about, such as ``low_street``."""
        return places_of(self.layout, self.origin)

    @property
    def sea_seed(self) -> tuple[float, float]:
        """A place (x, y) in open water: the sea, or the pond in the hills."""
        return self.places["open_water"]

    def ground(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Height of the bare ground in metres above T.P., seabed under water; shape as `x`. Exact, no noise."""
        flat = ground_of(self.layout, np.ravel(x) - self.origin[0], np.ravel(y) - self.origin[1])
        return flat.reshape(np.shape(x))

    dtm = ground

    def near_edge(self, x: NDArray[np.float64], y: NDArray[np.float64], reach_m: float = 1.0) -> NDArray[np.bool_]:
        """Whether the ground within `reach_m` of a place is steeper than 60 degrees: cliffs, walls; shape as `x`.

        A raster of the ground errs there by its cell times the slope, so such places are judged apart.
        """
        u, v = np.ravel(x) - self.origin[0], np.ravel(y) - self.origin[1]
        return edges_of(self.layout, u, v, reach_m).reshape(np.shape(x))

    def covered(self, x: NDArray[np.float64], y: NDArray[np.float64], margin_m: float = 0.0) -> NDArray[np.bool_]:
        """Whether a solid stands or spans over a place, or within `margin_m` (at most 8) of it; shape as `x`.

        Buildings, decks, vehicles: the ground below is not seen from the air.
        """
        u, v = np.ravel(x) - self.origin[0], np.ravel(y) - self.origin[1]
        inside = (u >= 0.0) & (v >= 0.0) & (u < self.layout.edge) & (v < self.layout.edge)
        out = np.zeros(u.size, np.bool_)
        out[inside] = ~clear_of_solids(self.objects, u[inside], v[inside], margin_m)
        return out.reshape(np.shape(x))

    def is_water(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether open water stands at a place at `water_level_m`; shape as `x`."""
        return water_of(self.layout, np.ravel(x) - self.origin[0], np.ravel(y) - self.origin[1]).reshape(np.shape(x))

    def buildings(self) -> Iterator[SceneBuilding]:
        """Yield every building's truth; about 2 ms each."""
        for number in range(1, len(self.town.buildings) + 1):
            yield self.building(number)

    def building(self, number: int) -> SceneBuilding:
        """Truth of one building, counted from 1 as in ``extra/building``."""
        spec, ground = self.town.buildings[number - 1]
        parts = prisms(spec, ground)
        c, s = math.cos(spec.angle), math.sin(spec.angle)
        edge = np.linspace(-1.0, 1.0, 9)
        p = np.concatenate([edge, edge, np.full(9, -1.0), np.full(9, 1.0)]) * spec.half_p
        q = np.concatenate([np.full(9, -1.0), np.full(9, 1.0), edge, edge]) * spec.half_q
        lowest = float(ground_of(self.layout, spec.u + p * c - q * s, spec.v + p * s + q * c).min())
        return as_truth(f"B{number:05d}", spec, parts, lowest, self.origin)

    def pieces(self) -> list[Piece]:
        """Addresses of all parts of the survey, strip by strip in the order of flight."""
        return [Piece(strip=strip.number, block=k) for strip in self.strips for k in range(strip.n_pieces)]

    def points(self, piece: Piece) -> Points:
        """Generate one part of the survey.

        Coordinates are on the millimetre grid of the files. ``extra/building`` is the number of the building hit, 0
        elsewhere. Pieces may be generated in any order, and again.
        """
        strip = self.strips[piece.strip - 1]
        first = piece.block * strip.lines_per_piece
        last = min(strip.lines, first + strip.lines_per_piece)
        room = empty_returns((last - first) * strip.scan.pulses)
        n = fire(Site(self.layout, self.objects), strip.scan, first, last, room)
        x0, y0 = self.origin
        truth = room.point_class[:n].copy()
        told = truth if self.params.delivered == "truth" else np.zeros(n, np.uint8)
        attributes: dict[str, NDArray[Any]] = {
            "intensity": room.intensity[:n].copy(),
            "gps_time": room.gps_time[:n].copy(),
            "return_number": room.return_number[:n].copy(),
            "number_of_returns": room.number_of_returns[:n].copy(),
            "classification": told,
            "flags": room.flags[:n].copy(),
            "scan_angle": room.scan_angle[:n].copy(),
            "point_source_id": np.full(n, piece.strip, np.uint16),
            "user_data": np.zeros(n, np.uint8),
            "red": room.colour[:n, 0].copy(),
            "green": room.colour[:n, 1].copy(),
            "blue": room.colour[:n, 2].copy(),
            "extra/building": room.building[:n].copy(),
        }
        if self.params.delivered != "truth":
            attributes["extra/truth_class"] = truth
        return Points(
            x=x0 + room.u[:n],
            y=y0 + room.v[:n],
            z=room.z[:n].copy(),
            attributes=attributes,
        )

    def all_points(self) -> Points:
        """Generate the whole survey at once; for small scenes."""
        return Points.concatenate([self.points(piece) for piece in self.pieces()])
