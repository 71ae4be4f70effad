"""NGSI entities to observations, tolerant of what real brokers and data models send.

Accepted: an entity, a list of them, a notification (``data``), each normalised or as key-values, with or without an
``@context``; NGSI-LD's ``observedAt`` and ``unitCode`` beside NGSI-v2's ``metadata``; a location as ``geo:json``, as
bare GeoJSON, or as ``geo:point`` text. Two faults are common enough to repair where there is no doubt: coordinates as
latitude, longitude (the published examples of the water data model do that), recognised by the feed's area; and a
time interval, whose end is when the value was true. What is in doubt is quarantined with its reason.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tiles.observations import Quarantined
from twin.observation import Observation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipelines.live.feed import Feed, Reading

__all__ = ["entities_of", "read_entity"]

_UNITS = {
    "MTR": ("m", 1.0),
    "CMT": ("m", 0.01),
    "MMT": ("m", 0.001),
    "FOT": ("m", 0.3048),
    "MQS": ("m3/s", 1.0),
    "MTS": ("m/s", 1.0),
    "P1": ("%", 1.0),
    "C62": ("1", 1.0),
}
"""UN/CEFACT codes that NGSI uses, as UCUM code and factor."""

_LOWEST_M, _HIGHEST_M = -500.0, 9000.0
"""Heights that water can stand at, metres: from below the Dead Sea to above any lake. Marks like -9999 lie outside."""

_TEXT_OF_A_UNIT = {"m": 1.0, "cm": 0.01, "mm": 0.001}


class _RefusedError(ValueError):
    """A reading that cannot be taken; the message is the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    longitude_deg: float | None = None
    latitude_deg: float | None = None


def entities_of(payload: Any) -> Iterator[Any]:
    """Yield the entities of a message: a notification, a list, or a single one."""
    is_notification = isinstance(payload, dict) and payload.get("type", "Notification") == "Notification"
    if is_notification and isinstance(payload.get("data"), list):
        yield from payload["data"]
    elif isinstance(payload, list):
        yield from payload
    else:
        yield payload


def read_entity(entity: Any, feed: Feed, received_at: datetime) -> tuple[list[Observation], list[Quarantined]]:
    """Turn one entity into observations, and into reasons why some could not be made.

    Parameters
    ----------
    entity
        A decoded JSON value that should be an NGSI entity.
    feed
        What its type and attributes mean.
    received_at
        When it came, with a time zone.

    Returns
    -------
    observations, quarantined
        Each attribute that the feed names ends in exactly one of the two; an entity that is no entity in the second.
    """
    try:
        name, kind, readings = _identity(entity, feed)
    except _RefusedError as refusal:
        return [], [_aside(str(refusal), entity, received_at)]
    observations, quarantined = [], []
    for attribute, reading in readings.items():
        if attribute not in entity:
            continue
        try:
            observations.append(_observe(entity, (name, kind, attribute), reading, feed, received_at))
        except _RefusedError as refusal:
            quarantined.append(_aside(f"{name}: {attribute}: {refusal}", entity, received_at))
    if not observations and not quarantined:
        wanted = ", ".join(readings)
        quarantined.append(_aside(f"{name}: none of the attributes {wanted} is there", entity, received_at))
    return observations, quarantined


def _identity(entity: Any, feed: Feed) -> tuple[str, str, Mapping[str, Reading]]:
    if not isinstance(entity, dict):
        raise _RefusedError("not an entity: expected a JSON object with id and type")
    name, kind = entity.get("id"), entity.get("type")
    if not isinstance(name, str) or not isinstance(kind, str) or not name:
        raise _RefusedError("not an entity: id or type is missing")
    short = kind.rsplit("/", 1)[-1]  # a type may be written as the address of its definition
    if short not in feed.entities:
        raise _RefusedError(f"{name}: type {short!r} is not one of the feed's: {', '.join(feed.entities)}")
    return name, short, feed.entities[short]


def _observe(
    entity: Mapping[str, Any], place: tuple[str, str, str], reading: Reading, feed: Feed, received_at: datetime
) -> Observation:
    name, kind, attribute = place
    value = _measured(entity[attribute], reading)
    observed_at = _observed_at(entity, attribute, feed)
    ahead_s = (observed_at - received_at).total_seconds()
    if ahead_s > feed.freshness.ahead_s:
        raise _RefusedError(f"measured {ahead_s:.0f} s after it was received: a clock is wrong")
    where = _location(entity, feed)
    label = _value(entity.get("name"))
    return Observation(
        feed=feed.name,
        entity=name,
        kind=kind,
        quantity=reading.quantity,
        value=value,
        unit=reading.unit,
        observed_at=observed_at,
        received_at=received_at,
        name=label if isinstance(label, str) else "",
        longitude_deg=where.longitude_deg,
        latitude_deg=where.latitude_deg,
        vertical=feed.datums.get(name) if reading.is_height else None,
    )


def _value(attribute: Any) -> Any:
    """Value of an attribute in any of the forms; a bare value stands for itself."""
    if isinstance(attribute, dict):
        for key in ("value", "object", "@value"):
            if key in attribute:
                inner = attribute[key]
                return _value(inner) if isinstance(inner, dict) and "@value" in inner else inner
    return attribute


def _metadata(attribute: Any, key: str) -> Any:
    """Return a fact about an attribute: beside its value (NGSI-LD) or in its metadata (NGSI-v2)."""
    if not isinstance(attribute, dict):
        return None
    if key in attribute:
        return _value(attribute[key])
    metadata = attribute.get("metadata")
    return _value(metadata[key]) if isinstance(metadata, dict) and key in metadata else None


def _measured(attribute: Any, reading: Reading) -> float:
    """Value in the reading's unit; words count as the preset says."""
    value = _value(attribute)
    if isinstance(value, str | bool):
        word = str(value).strip().lower()
        if word in reading.words:
            return float(reading.words[word])
    measured = _number(attribute) * _factor(attribute, reading.unit)
    if reading.is_height and reading.unit == "m" and not _LOWEST_M <= measured <= _HIGHEST_M:
        raise _RefusedError(f"{measured:g} m is no height of water on Earth: a mark for a missing value?")
    return measured


def _number(attribute: Any) -> float:
    value = _value(attribute)
    if isinstance(value, bool) or value is None:
        raise _RefusedError(f"value is {json.dumps(value)}, not a number")
    if isinstance(value, str):
        value = value.strip()
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise _RefusedError(f"value {_short(value)} is not a number") from None
    if not math.isfinite(number):
        raise _RefusedError(f"value {number} is not finite")
    return number


def _factor(attribute: Any, unit: str) -> float:
    code = _metadata(attribute, "unitCode") or _metadata(attribute, "unit")
    if code is None or code == unit:
        return 1.0
    if not isinstance(code, str):
        raise _RefusedError(f"unit {_short(code)} is no code")
    if code in _TEXT_OF_A_UNIT and unit == "m":
        return _TEXT_OF_A_UNIT[code]
    known, factor = _UNITS.get(code, ("", 0.0))
    if known != unit:
        raise _RefusedError(f"unit {code!r} cannot be turned into {unit!r}")
    return factor


def _observed_at(entity: Mapping[str, Any], attribute: str, feed: Feed) -> datetime:
    own = (_metadata(entity[attribute], key) for key in ("TimeInstant", "observedAt", "timestamp", "dateObserved"))
    whole = (_value(entity.get(key)) for key in feed.time_attributes)
    text = next((one for one in (*own, *whole) if one is not None), None)
    if text is None:
        raise _RefusedError(f"no time of measurement: none of {', '.join(feed.time_attributes)} is there")
    if not isinstance(text, str):
        raise _RefusedError(f"time {_short(text)} is not ISO 8601")
    end = text.rsplit("/", 1)[-1].strip()
    try:
        moment = datetime.fromisoformat(end)
    except ValueError:
        raise _RefusedError(f"time {_short(text)} is not ISO 8601") from None
    if moment.tzinfo is None:
        raise _RefusedError(f"time {text} has no time zone")
    return moment


def _location(entity: Mapping[str, Any], feed: Feed) -> _Place:
    """Return longitude and latitude, in that order whatever came; nothing if the entity names no place."""
    attribute = entity.get("location")
    geometry = _value(attribute)
    if geometry is None:
        return _Place()
    pair = _pair(geometry)
    area = feed.area or (-180.0, -90.0, 180.0, 90.0)
    if isinstance(geometry, str):
        pair = pair[::-1]  # geo:point is written latitude, longitude
    for longitude, latitude in (pair, pair[::-1]):
        if area[0] <= longitude <= area[2] and area[1] <= latitude <= area[3]:
            return _Place(longitude_deg=longitude, latitude_deg=latitude)
    raise _RefusedError(f"location {list(pair)} is outside the feed's area {list(area)}, in either order")


def _pair(geometry: Any) -> tuple[float, float]:
    numbers: Any = geometry.get("coordinates") if isinstance(geometry, dict) else geometry
    if isinstance(numbers, str):
        numbers = numbers.split(",")
    if isinstance(geometry, dict) and geometry.get("type") != "Point":
        raise _RefusedError(f"location is a {geometry.get('type')}, not a Point")
    try:
        first, second = (float(number) for number in numbers[:2])
    except (TypeError, ValueError, KeyError, OverflowError):
        raise _RefusedError(f"location {_short(geometry)} is not a pair of numbers") from None
    if not (math.isfinite(first) and math.isfinite(second)):
        raise _RefusedError(f"location {_short(geometry)} is not finite")
    return first, second


def _aside(reason: str, entity: Any, received_at: datetime) -> Quarantined:
    raw = json.dumps(entity, ensure_ascii=False, sort_keys=True)
    return Quarantined(reason=reason, raw=raw, received_at=received_at.isoformat())


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "..."
