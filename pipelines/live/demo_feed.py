"""A recording of the synthetic bay's gauges and gate during a storm surge, made by code.

It has what real feeds have: coordinates in the wrong order, a gauge that nobody knows the zero of, one that fell
silent, a message that came twice, one that came late, a null, and a line cut off in the middle. The end of the
recording is a parameter, so equal parameters give equal bytes.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tiles.atomic import write_text
from twin.crs import to_wgs84
from twin.errors import ConfigError
from twin.vertical import AP, TP, convert_height

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from twin.scene import Scene

__all__ = ["DemoFeedParams", "demo_lines", "write_demo_feed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoFeedParams:
    """When and how the surge comes."""

    end: datetime = datetime(2025, 10, 1, 6, 0, tzinfo=UTC)
    """Time of the last measurement."""
    steps: int = 18
    """Measurements of a gauge that reports to the end."""
    step_s: float = 600.0
    """Between two measurements, seconds; Japanese river and tide gauges publish every 10 minutes."""
    surge_m: float = 1.6
    """Rise of the sea over its level in the survey, metres; a strong typhoon in the bay of Tokyo raises it 1 to 2 m."""
    silent_steps: int = 15
    """Last measurements that the upstream gauge misses; 15 of 10 minutes are past the feed's limit of 2 hours."""

    def __post_init__(self) -> None:
        if self.end.tzinfo is None:
            raise ValueError("the end of the recording needs a time zone")
        if not 0 < self.silent_steps < self.steps:
            raise ValueError("silent_steps must lie between 0 and steps")


def write_demo_feed(path: Path, scene: Scene, params: DemoFeedParams | None = None) -> int:
    """Write the recording and return its number of lines.

    Raises
    ------
    ConfigError
        If the scene has no gauges.
    """
    lines = list(demo_lines(scene, params or DemoFeedParams()))
    write_text(path, "\n".join(lines) + "\n")
    return len(lines)


def demo_lines(scene: Scene, params: DemoFeedParams) -> Iterator[str]:
    """Yield the lines of the recording in the order in which they came."""
    if not scene.gauges or not scene.gates:
        raise ConfigError(f"a {scene.params.kind} scene has no gauges; build the bay")
    held_back: dict[str, Any] = {}
    for step in range(params.steps):
        moment = params.end - timedelta(seconds=params.step_s * (params.steps - 1 - step))
        sea, canal, gate, pump = _entities(scene, params, step, moment)
        if step == 5:
            held_back = sea  # a gateway was offline: this one comes last of all
        else:
            yield _line(moment, 4, sea)
        yield _line(moment, 6, {"subscriptionId": "demo", "data": [canal]})
        yield _line(moment, 7, gate)
        yield _line(moment, 9, _as_key_values(pump))
        if step < params.steps - params.silent_steps:
            yield _line(moment, 11, _upstream(scene, moment))
        if step == 3:
            yield _line(moment, 12, sea)  # sent again
        if step == 7:
            canal["height"]["value"] = None
            canal["dateObserved"]["value"] = _iso(moment + timedelta(seconds=60))
            yield _line(moment, 70, canal)
        if step == 8:
            yield _line(moment, 13, sea)[:97]  # the gateway was restarted while it wrote
    yield _line(params.end, 20, held_back)


def _entities(scene: Scene, params: DemoFeedParams, step: int, moment: datetime) -> tuple[dict[str, Any], ...]:
    """Sea gauge, canal gauge behind the gate, the gate, and the pumping station of one moment."""
    at = {gauge.water: gauge for gauge in scene.gauges}
    sea, canal, gate = at["sea"], at["canal"], scene.gates[0]
    share = step / (params.steps - 1)
    closing_m = scene.water_level_m + 0.3 * params.surge_m
    sea_m = scene.water_level_m + params.surge_m * 0.5 * (1.0 - math.cos(math.pi * share))
    where = _lonlat(scene, canal.x, canal.y)
    tide = _gauge(
        "gauge-sea", sea.name, sea.name_ja, _lonlat(scene, sea.x, sea.y), convert_height(sea_m, TP, AP), moment
    )
    inner_m = convert_height(min(sea_m, closing_m), TP, AP)
    inner = _gauge("gauge-canal", canal.name, canal.name_ja, where, inner_m, moment)
    inner["location"] = {"type": "Point", "coordinates": where[::-1]}  # the fault of the published examples
    opening = 0.0 if sea_m > closing_m else 1.0
    leaf = _gate(gate.name, gate.name_ja, _lonlat(scene, gate.x, gate.y), opening, moment)
    beside = _lonlat(scene, canal.x, canal.y + 25.0)
    return tide, inner, leaf, _gauge("gauge-pump", "Pumping station", "排水機場", beside, 2.31 + 0.2 * share, moment)


def _upstream(scene: Scene, moment: datetime) -> dict[str, Any]:
    canal = next(gauge for gauge in scene.gauges if gauge.water == "canal")
    where = _lonlat(scene, canal.x, canal.y + 50.0)
    return _gauge("gauge-upstream", "Upstream gauge", "上流水位計", where, scene.water_level_m, moment)


def _gauge(  # noqa: PLR0913 - the attributes of the message
    name: str, title: str, title_ja: str, where: list[float], stage_m: float, moment: datetime
) -> dict[str, Any]:
    return {
        "id": f"urn:ngsi-ld:WaterObserved:{name}",
        "type": "WaterObserved",
        "name": {"type": "Text", "value": title},
        "alternateName": {"type": "Text", "value": title_ja},
        "location": {"type": "geo:json", "value": {"type": "Point", "coordinates": where}},
        "dateObserved": {"type": "DateTime", "value": _iso(moment)},
        "height": {
            "type": "Number",
            "value": round(stage_m, 3),
            "metadata": {"unitCode": {"type": "Text", "value": "MTR"}},
        },
    }


def _gate(title: str, title_ja: str, where: list[float], opening: float, moment: datetime) -> dict[str, Any]:
    return {
        "id": "urn:ngsi-ld:FloodGate:gate-canal",
        "type": "FloodGate",
        "name": {"type": "Text", "value": title},
        "alternateName": {"type": "Text", "value": title_ja},
        "location": {"type": "geo:json", "value": {"type": "Point", "coordinates": where}},
        "dateObserved": {"type": "DateTime", "value": _iso(moment)},
        "openingRatio": {"type": "Number", "value": opening},
    }


def _as_key_values(entity: dict[str, Any]) -> dict[str, Any]:
    return {key: value["value"] if isinstance(value, dict) else value for key, value in entity.items()}


def _line(moment: datetime, delay_s: float, payload: Any) -> str:
    entry = {"received_at": _iso(moment + timedelta(seconds=delay_s)), "payload": payload}
    return json.dumps(entry, ensure_ascii=False)


def _lonlat(scene: Scene, x: float, y: float) -> list[float]:
    longitude, latitude = to_wgs84(scene.crs).transform(x, y)
    return [round(longitude, 7), round(latitude, 7)]


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
