"""A flood scenario: which water, how high, above which zero.

Written as YAML in ``config/scenarios`` or in a project. A level is a fixed height with its datum, or a gauge's newest
stage; either way it is converted to the store's datum through `twin.vertical`, and where no conversion is on record the
scenario fails with a sentence instead of flooding the wrong street.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import shapely
from shapely.errors import ShapelyError

from pipelines.flood.ground import BurnedBarrier, SeedChoice, WaterChoice
from twin.config import load_named, require_mapping, resolve
from twin.errors import ConfigError, DatumError, StageError
from twin.vertical import VerticalDatum, convert_height

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from twin.observation import Observation

__all__ = [
    "Barrier",
    "Level",
    "ResolvedLevel",
    "Seeds",
    "StaticScenario",
    "burned",
    "load_scenario",
    "parse_scenario",
    "resolve_level",
    "seed_choice",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A height of water: either `value_m` above `datum`, or the newest stage of a gauge."""

    value_m: float | None = None
    """Height above `datum`, metres."""
    datum: str | None = None
    """Datum of `value_m`, as `VerticalDatum.parse` reads it."""
    gauge: str | None = None
    """Entity whose stage is the level; its datum comes from the feed, never from here."""
    feed: str | None = None
    """Feed of the gauge; any feed if None."""
    quantity: str = "stage"
    """Quantity of the gauge, in metres."""
    offset_m: float = 0.0
    """Added to the gauge's stage, metres: what if the water stood this much higher?"""

    def __post_init__(self) -> None:
        if (self.value_m is None) == (self.gauge is None):
            raise ValueError("give either value_m with datum, or gauge")
        if self.value_m is not None and self.datum is None:
            raise ValueError("value_m needs its datum, such as TP, AP or EPSG:5709")
        if self.gauge is not None and self.datum is not None:
            raise ValueError("the datum of a gauge is a fact of its feed; remove datum")
        if self.value_m is not None and self.offset_m:
            raise ValueError("offset_m is added to a gauge's stage; add it to value_m instead")
        if not math.isfinite(self.offset_m if self.value_m is None else self.value_m):
            raise ValueError("a level is a finite number of metres")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeds:
    """Which water floods, as written in a scenario."""

    water: WaterChoice = "edge"
    """Bodies of classified water that flood: those at the edge of the terrain, the largest, all, or none."""
    min_area_m2: float = 50.0
    """Smallest body that `water` takes, square metres; points and areas take any."""
    points: tuple[tuple[float, ...], ...] = ()
    """Places [x, y] in the store's CRS that lie in the sea or the river."""
    areas: tuple[str, ...] = ()
    """Polygons as WKT in the store's CRS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Barrier:
    """A gate or a wall that the terrain does not show, or shows in the wrong state."""

    name: str
    geometry: str
    """Line or polygon as WKT in the store's CRS."""
    datum: str
    """Datum of `crest_m` and `sill_m`."""
    state: Literal["closed", "open"] = "closed"
    crest_m: float | None = None
    """Top of the closed barrier, metres above `datum`."""
    sill_m: float | None = None
    """Bottom of the opening, metres above `datum`."""

    def __post_init__(self) -> None:
        if self.height_m is None:
            wanted = "crest_m" if self.state == "closed" else "sill_m"
            raise ValueError(f"barrier {self.name}: {self.state} needs {wanted}")
        if not math.isfinite(self.height_m):
            raise ValueError(f"barrier {self.name}: crest_m and sill_m are finite numbers of metres")

    @property
    def height_m(self) -> float | None:
        """What the ground becomes there: the crest if closed, the sill if open."""
        return self.crest_m if self.state == "closed" else self.sill_m


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticScenario:
    """Water at one level, everywhere that it can reach over the ground."""

    name: str
    """Name of the result in the store: letters, digits, ``_`` and ``-``."""
    title_ja: str
    title_en: str
    level: Level
    normal: Level | None = None
    """Level at which the water stands on an ordinary day; what it reaches is water already, not flooded land."""
    seeds: Seeds = Seeds()
    barriers: tuple[Barrier, ...] = ()
    legend: str = "flood_depth_ja"
    """Preset in ``config/legends``."""
    floor_m: float = 0.5
    """Height of the ground floor above ground, metres: 0.5 m is what the hazard map guide of the Ministry of Land,
    Infrastructure, Transport and Tourism of Japan takes for a house (its first rank ends there)."""

    def __post_init__(self) -> None:
        if not self.name.replace("_", "").replace("-", "").isalnum() or not self.name.isascii():
            raise ConfigError(f"scenario name {self.name!r}: use letters, digits, _ and -")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedLevel:
    """A level in the store's datum, and where it came from."""

    height_m: float
    """Metres above the store's vertical datum."""
    given_m: float
    """The same level as it was given, in `given_datum`."""
    given_datum: str
    source: str
    """``fixed``, or the gauge's feed and entity."""
    observed_at: datetime | None = None
    """When the gauge measured."""
    offset_m: float = 0.0
    """What the scenario added to the gauge's stage; it is in `given_m` and in `height_m`."""

    def as_json(self) -> dict[str, Any]:
        """Return the facts for a summary."""
        return {
            "height_m": round(self.height_m, 4),
            "given_m": round(self.given_m, 4),
            "given_datum": self.given_datum,
            "source": self.source,
            "observed_at": None if self.observed_at is None else self.observed_at.isoformat(),
            "offset_m": round(self.offset_m, 4),
        }


def load_scenario(name_or_path: str | Path) -> StaticScenario:
    """Read a scenario from a YAML file, or by the name of a preset in ``config/scenarios``.

    Raises
    ------
    ConfigError
        If there is no such scenario, or a key or value in it is wrong; the message names the file and the key.
    """
    return parse_scenario(*load_named("scenarios", name_or_path))


def parse_scenario(content: Mapping[str, Any], where: str, name: str) -> StaticScenario:
    """Build a scenario from a mapping; `where` is for messages, `name` is used if the mapping gives none."""
    rest = {"name": name, **content}
    title = rest.pop("title", {})
    parts: dict[str, Any] = {}
    for key, kind in (("level", Level), ("normal", Level), ("seeds", Seeds)):
        if rest.get(key) is not None:
            parts[key] = resolve(kind, [(where, require_mapping(rest.pop(key), f"{where}: {key}"))], key)
    barriers = [require_mapping(entry, f"{where}: barriers") for entry in rest.pop("barriers", None) or []]
    parts["barriers"] = tuple(resolve(Barrier, [(where, entry)], "barriers") for entry in barriers)
    if "level" not in parts:
        raise ConfigError(f"{where}: level is missing; write level: {{value_m, datum}} or level: {{gauge, feed}}")
    if not isinstance(title, dict) or not title.get("en"):
        raise ConfigError(f"{where}: title is missing; write title: {{ja: ..., en: ...}}")
    titles = {"title_ja": str(title.get("ja") or title["en"]), "title_en": str(title["en"])}
    return resolve(StaticScenario, [(where, {**titles, **parts}), (where, rest)], "scenario")


def resolve_level(
    level: Level, vertical: VerticalDatum, observations: Sequence[Observation] = (), at: datetime | None = None
) -> ResolvedLevel:
    """Express a level in the datum `vertical` of a store.

    Parameters
    ----------
    level
        Fixed height or gauge.
    vertical
        Datum of the terrain.
    observations
        Where a gauge's stage is looked up; the newest one at or before `at` counts.
    at
        Moment of the scenario; the newest observation of all if None.

    Raises
    ------
    DatumError
        If a datum is unknown or not convertible. A gauge without a datum is never used.
    StageError
        If there is no observation of the gauge, or it is not a height in metres.
    """
    if level.value_m is not None and level.datum is not None:
        datum = VerticalDatum.parse(level.datum)
        height_m = convert_height(level.value_m, datum, vertical)
        return ResolvedLevel(height_m=height_m, given_m=level.value_m, given_datum=str(datum), source="fixed")
    found = _newest(level, observations, at)
    if found.vertical is None:
        raise DatumError(
            f"gauge {found.entity} has no vertical datum, so its {found.value:g} m is no height of water;"
            f" state it under datums in the feed {found.feed!r}"
        )
    if found.unit != "m":
        raise StageError(f"gauge {found.entity}: {found.quantity} is in {found.unit!r}, not in metres")
    given_m = found.value + level.offset_m
    return ResolvedLevel(
        height_m=convert_height(given_m, found.vertical, vertical),
        given_m=given_m,
        given_datum=str(found.vertical),
        source=f"{found.feed}/{found.entity}",
        observed_at=found.observed_at,
        offset_m=level.offset_m,
    )


def seed_choice(seeds: Seeds) -> SeedChoice:
    """Turn the written seeds into geometry.

    Raises
    ------
    ConfigError
        If a WKT cannot be read or a point is not a pair.
    """
    if any(len(point) != 2 for point in seeds.points):
        raise ConfigError("seeds.points: write [x, y] for each")
    return SeedChoice(
        water=seeds.water,
        min_area_m2=seeds.min_area_m2,
        points=tuple((float(point[0]), float(point[1])) for point in seeds.points),
        areas=tuple(_geometry(text, "seeds.areas") for text in seeds.areas),
    )


def burned(barrier: Barrier, vertical: VerticalDatum) -> BurnedBarrier:
    """Express a barrier in the datum of the terrain."""
    if barrier.height_m is None:
        raise ConfigError(f"barrier {barrier.name} has no height")
    return BurnedBarrier(
        name=barrier.name,
        geometry=_geometry(barrier.geometry, f"barrier {barrier.name}"),
        height_m=convert_height(barrier.height_m, VerticalDatum.parse(barrier.datum), vertical),
        is_open=barrier.state == "open",
    )


def _newest(level: Level, observations: Sequence[Observation], at: datetime | None) -> Observation:
    found = [
        one
        for one in observations
        if one.entity == level.gauge
        and one.quantity == level.quantity
        and (level.feed is None or one.feed == level.feed)
        and (at is None or one.observed_at <= at)
    ]
    if not found:
        gauges = sorted({one.entity for one in observations if one.quantity == level.quantity})
        raise StageError(
            f"no {level.quantity} of gauge {level.gauge!r} in the observations"
            + (f" up to {at.isoformat()}" if at else "")
            + (f"; there are: {', '.join(gauges)}" if gauges else "; replay or record a feed first")
        )
    return max(found, key=lambda one: (one.observed_at, one.received_at))


def _geometry(text: str, where: str) -> shapely.Geometry:
    try:
        return shapely.from_wkt(text)
    except ShapelyError as error:
        raise ConfigError(f"{where}: not WKT: {' '.join(str(error).split())}") from None
