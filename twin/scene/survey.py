"""The flight: strips, scan lines, and how many pulses give the points that were asked for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twin.scene.chance import key_of, stream
from twin.scene.pulses import fire
from twin.scene.rays import Site
from twin.scene.scan import Scan, empty_returns
from twin.scene.terrain import grid_of

if TYPE_CHECKING:
    from twin.scene.layout import Layout
    from twin.scene.objects import Objects
    from twin.scene.params import SceneParams

__all__ = ["Strip", "plan_survey"]

_START_S = 446_339_618.0
"""Adjusted standard GPS time of 2025-11-05 01:00:00 UTC (GPS seconds minus 1e9, 18 leap seconds)."""
_SPEED_M_S = 55.0
"""Ground speed of a survey aircraft."""
_TURN_S = 90.0
"""Time from the end of a strip to the start of the next."""
_SIDELAP = 1.3
"""Swath over the strips' spacing: 30 per cent of overlap on the highest ground, 10 on the highest roof, more below."""
_WIDEST_M = 300.0
"""Largest spacing of strips."""
_PILOT_PULSES = 60_000
"""Pulses fired to learn how many returns a pulse brings: a ratio good to about half a per cent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """One flight line and its share of the truth."""

    number: int
    """Counted from 1: `point_source_id`."""
    scan: Scan
    lines: int
    """Scan lines of the strip."""
    lines_per_piece: int

    @property
    def offset_m(self) -> tuple[float, float, float]:
        """Constant error of the strip along x, y, z in metres: measured minus true."""
        return self.scan.offset_u, self.scan.offset_v, self.scan.offset_z

    @property
    def n_pieces(self) -> int:
        """Pieces that the strip is generated in."""
        return -(-self.lines // self.lines_per_piece)


def plan_survey(params: SceneParams, lay: Layout, objects: Objects) -> tuple[Strip, ...]:
    """Lay the strips and choose the pulse spacing; fires a thin pilot survey to learn the returns per pulse."""
    thin = _strips(params, lay, objects, _PILOT_PULSES)
    fired = sum(strip.lines * strip.scan.pulses for strip in thin)
    returned = sum(_count(lay, objects, strip) for strip in thin)
    return _strips(params, lay, objects, params.n_points * fired / max(1, returned))


def _count(lay: Layout, objects: Objects, strip: Strip) -> int:
    return int(fire(Site(lay, objects), strip.scan, 0, strip.lines, empty_returns(strip.lines * strip.scan.pulses)))


def _strips(params: SceneParams, lay: Layout, objects: Objects, n_pulses: float) -> tuple[Strip, ...]:
    n_strips = max(4, math.ceil(lay.edge / _WIDEST_M))
    spacing = lay.edge / n_strips
    half_angle = math.radians(params.max_scan_angle_deg)
    high = float(grid_of(lay, 400).max()) + 2.0
    above = 0.5 * _SIDELAP * spacing / math.tan(half_angle)
    altitude = max(high + above, objects.top + 0.55 / _SIDELAP * 2.0 * above)
    swath = 2.0 * (altitude - lay.water) * math.tan(half_angle)
    look = math.radians(params.look_angle_deg)
    margin = (altitude + 30.0) * math.tan(look) / math.cos(half_angle) + 1.0
    track = lay.edge + 2.0 * margin
    pitch = math.sqrt(n_strips * swath * track / n_pulses)
    pulses = max(8, round(swath / pitch))
    lines = max(2, round(n_pulses / (n_strips * pulses)))
    duration = track / _SPEED_M_S
    out = []
    for k in range(n_strips):
        southward = k % 2 == 1
        sigma = params.strip_offset_m
        offset = stream(params.seed, 4, k).normal(0.0, 1.0, 3) * (sigma, sigma, sigma * 2.0 / 3.0)
        scan = Scan(
            key=key_of(params.seed, 6, k),
            track_u=(k + 0.5) * spacing,
            first_v=lay.edge + margin if southward else -margin,
            step_v=track / lines * (-1.0 if southward else 1.0),
            altitude=altitude,
            pulses=pulses,
            half_angle=half_angle,
            look=-look if southward else look,
            start_s=_START_S + k * math.ceil(duration + _TURN_S),
            pulse_s=duration / (lines * pulses),
            offset_u=float(offset[0]),
            offset_v=float(offset[1]),
            offset_z=float(offset[2]),
            range_noise=params.range_noise_m,
            position_noise=params.position_noise_m,
            low_noise=params.low_noise_share,
            high_noise=params.high_noise_share,
            surface=0.0 if "no-surface" in params.features and k < 2 else 1.0,
            sonar="multibeam" in params.features,
            ghosts=params.ghosts,
            high_ground=high,
        )
        out.append(
            Strip(number=k + 1, scan=scan, lines=lines, lines_per_piece=max(1, params.pulses_per_piece // pulses))
        )
    return tuple(out)
