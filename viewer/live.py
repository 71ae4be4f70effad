"""Live things in the scene: where they stand, what they say, and whether it may be believed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from pyproj import CRS

from twin.crs import to_wgs84
from twin.errors import DatumError
from twin.freshness import FreshnessLimits, freshness
from twin.vertical import convert_height
from viewer.content import Gauge

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from twin.crs import HorizontalCrs
    from twin.observation import Observation
    from twin.raster import Raster
    from twin.vertical import VerticalDatum

__all__ = ["STATE_COLORS", "Place", "datum_text", "gauges", "reading_text", "time_text"]

STATE_COLORS = {"fresh": "#12805c", "stale": "#c97a00", "dead": "#7d838b"}
"""Green, amber, grey; each also differs in lightness and comes with its word."""

_DAY_S = 86_400.0

_DATUMS = {"TP": "T.P.", "AP": "A.P.", "YP": "Y.P."}

_QUANTITIES = {
    "stage": ("水位", "water level"),
    "gate_opening": ("ゲート開度", "gate opening"),
    "rainfall": ("雨量", "rainfall"),
    "tide": ("潮位", "tide"),
    "discharge": ("流量", "discharge"),
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Place:
    """What gauges are set into."""

    crs: HorizontalCrs
    vertical: VerticalDatum
    terrain: Raster | None
    """Ground heights; None if there is no terrain yet."""
    floor_m: float
    """Ground height to assume where the terrain has none."""


def gauges(
    observations: Sequence[Observation],
    place: Place,
    now: datetime,
    limits: Mapping[str, FreshnessLimits] | None = None,
) -> tuple[Gauge, ...]:
    """Place the newest observation of each thing and quantity, sorted by feed, thing and quantity.

    Parameters
    ----------
    observations
        Any number of each thing; only the newest measured counts.
    place
        CRS, datum and ground.
    now
        The moment to judge freshness at.
    limits
        Ages at which each feed's values stop being fresh; the defaults for a feed that is not named.
    """
    newest: dict[tuple[str, str, str], Observation] = {}
    for observation in observations:
        key = (observation.feed, observation.entity, observation.quantity)
        if key not in newest or observation.observed_at >= newest[key].observed_at:
            newest[key] = observation
    ages = limits or {}
    return tuple(_gauge(newest[key], place, now, ages.get(key[0], FreshnessLimits())) for key in sorted(newest))


def reading_text(gauge: Gauge, language: str) -> str:
    """Tell the value with its unit, and a water level above which zero; one without a known zero says so."""
    observation = gauge.observation
    name = _QUANTITIES.get(observation.quantity, (observation.quantity.replace("_", " "),) * 2)
    share = observation.unit == "1"
    value = f"{100 * observation.value:.0f} %" if share else f"{observation.value:.2f} {observation.unit}"
    text = f"{name[0] if language == 'ja' else name[1]} {value}"
    if observation.quantity != "stage":
        return text
    if observation.vertical is None:
        return text + ("（基準面不明）" if language == "ja" else " (datum unknown)")
    return f"{text} {datum_text(observation.vertical)}"


def time_text(gauge: Gauge, language: str) -> str:
    """Tell when it was measured, on the clock of its feed, and how old that is; the date only if it is another day."""
    at = gauge.observation.observed_at
    clock = at.strftime("%H:%M" if gauge.freshness.age_s < _DAY_S else "%Y-%m-%d %H:%M")
    offset = at.utcoffset()
    hours = 0.0 if offset is None else offset.total_seconds() / 3600
    zone = f"UTC{hours:+g}" if hours else "UTC"
    if language == "ja":
        return f"{clock} ({zone}) 観測 ・ {gauge.freshness.text_ja}"
    return f"measured {clock} ({zone}), {gauge.freshness.text_en}"


def datum_text(datum: VerticalDatum) -> str:
    """Return a datum as it is printed on gauges and maps.

    Examples
    --------
    >>> from twin.vertical import AP, VerticalDatum
    >>> datum_text(AP)
    'A.P.'
    >>> datum_text(VerticalDatum("EPSG:5709"))
    'NAP'
    """
    if datum.name.startswith("EPSG:"):
        return _registered_name(datum.name)
    return _DATUMS.get(datum.name, datum.name.removeprefix("local:"))


@lru_cache(maxsize=16)
def _registered_name(code: str) -> str:
    return str(CRS.from_user_input(code).name).removesuffix(" height")


def _gauge(observation: Observation, place: Place, now: datetime, limits: FreshnessLimits) -> Gauge:
    x, y = _position(observation, place.crs)
    ground = np.nan
    if place.terrain is not None and x is not None and y is not None:
        ground = float(place.terrain.sample(np.array([x]), np.array([y]))[0])
    return Gauge(
        observation=observation,
        freshness=freshness(observation, now, limits),
        x=x,
        y=y,
        ground_m=ground if np.isfinite(ground) else place.floor_m,
        level_m=_level(observation, place.vertical),
    )


def _position(observation: Observation, crs: HorizontalCrs) -> tuple[float | None, float | None]:
    if observation.longitude_deg is None or observation.latitude_deg is None:
        return None, None
    x, y = to_wgs84(crs.wkt).transform(observation.longitude_deg, observation.latitude_deg, direction="INVERSE")
    return (float(x), float(y)) if np.isfinite([x, y]).all() else (None, None)


def _level(observation: Observation, vertical: VerticalDatum) -> float | None:
    if observation.quantity != "stage" or observation.vertical is None or observation.unit != "m":
        return None
    try:
        return convert_height(observation.value, observation.vertical, vertical)
    except DatumError:
        return None
