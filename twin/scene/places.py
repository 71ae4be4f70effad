"""Places in a scene that have a name: gauges, gates, and the spots that tests ask about."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twin.scene.layout import BAY, CLIFF, HIGHRISE, HILLS, Layout
from twin.scene.terrain import BLOCK_U, grid_of
from twin.scene.works import canal_centre, canal_inner
from twin.vertical import AP, VerticalDatum

__all__ = ["Gate", "Gauge", "gates_of", "gauges_of", "places_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """A water gauge; it reads stage above the zero of its own datum."""

    id: str
    name: str
    name_ja: str
    water: str
    """``canal`` or ``sea``."""
    x: float
    y: float
    vertical: VerticalDatum


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A flood gate across the canal."""

    id: str
    name: str
    name_ja: str
    x: float
    y: float
    span_m: float
    """Clear width."""
    sill_m: float
    """Top of the sill above T.P."""
    closed_top_m: float
    """Top of the leaf when closed, above T.P."""


def gauges_of(lay: Layout, origin: tuple[float, float]) -> tuple[Gauge, ...]:
    """Return the gauges of a scene; only the bay has any."""
    if lay.kind != BAY:
        return ()
    v = lay.bridge_v + 8.0
    return (
        Gauge(
            id="gauge-canal", name="Canal gauge", name_ja="運河水位計", water="canal",
            x=origin[0] + canal_centre(lay, v), y=origin[1] + v, vertical=AP,
        ),
        Gauge(
            id="gauge-sea", name="Harbour tide gauge", name_ja="港口潮位計", water="sea",
            x=origin[0] + 0.75 * lay.edge, y=origin[1] + lay.coast_v - 14.0, vertical=AP,
        ),
    )  # fmt: skip


def gates_of(lay: Layout, origin: tuple[float, float]) -> tuple[Gate, ...]:
    """Return the gates of a scene; only the bay has one, at the canal's mouth."""
    if lay.kind != BAY:
        return ()
    v = lay.coast_v + 2.5
    return (
        Gate(
            id="gate-canal", name="Canal gate", name_ja="運河水門", x=origin[0] + canal_centre(lay, v),
            y=origin[1] + v, span_m=2.0 * canal_inner(lay), sill_m=-2.6, closed_top_m=3.4,
        ),
    )  # fmt: skip


def places_of(lay: Layout, origin: tuple[float, float]) -> dict[str, tuple[float, float]]:
    """Return named places as (x, y)."""
    if lay.kind == BAY:
        inner = canal_inner(lay)
        south = 0.5 * (lay.coast_v + lay.bridge_v)
        local = {
            "open_water": (0.5 * lay.edge, 0.03 * lay.edge),
            "canal": (canal_centre(lay, lay.bridge_v + 8.0), lay.bridge_v + 8.0),
            "bridge": (lay.canal_u, lay.bridge_v),
            "canal_dike": (canal_centre(lay, south) + inner + 2.2, south),
            "sea_dike": (
                0.8 * lay.edge,
                lay.coast_v + 2.0 + 2.0 * float(np.sin(0.8 * lay.edge / 41.0 + lay.phases[0])),
            ),
            "low_street": (lay.canal_u + lay.street_u, lay.bridge_v + 14.0),
            "low_street_west": (lay.canal_u - lay.street_u, lay.bridge_v + 14.0),
            "islet": (lay.centre_u, lay.centre_v),
            "hill": (0.5 * lay.edge, 0.97 * lay.edge),
        }
    elif lay.kind == HILLS:
        n = 200
        j, i = np.unravel_index(int(np.argmin(grid_of(lay, n))), (n, n))
        local = {
            "open_water": ((i + 0.5) * lay.edge / n, (j + 0.5) * lay.edge / n),
            "quarter": (lay.centre_u, lay.centre_v),
        }
    elif lay.kind == HIGHRISE:
        local = {"centre": (lay.centre_u, lay.centre_v)}
    elif lay.kind == CLIFF:
        local = {
            "open_water": (0.03 * lay.edge, 0.03 * lay.edge),
            "gorge": (lay.canal_u, lay.street_v),
            "spur": (lay.hill_u, lay.street_v),
        }
    else:
        local = {
            "open_water": (0.03 * lay.edge, 0.03 * lay.edge),
            "crater": (lay.centre_u, lay.centre_v),
            "town": (lay.centre_u + 0.5 * BLOCK_U, lay.street_v),
        }
    return {name: (origin[0] + float(u), origin[1] + float(v)) for name, (u, v) in local.items()}
