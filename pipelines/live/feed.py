"""A feed's preset: what its messages mean.

Written as YAML in ``config/feeds`` or in a project. It says which attribute of which entity type is which quantity,
where the feed's things can be, above which zero each gauge reads, and when a value is too old. The datum of a gauge is
a fact that somebody looked up; where nobody did, it stays unknown, and such a gauge is never a height of water.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - the fields' types are read at run time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from twin.config import load_named, require_mapping, resolve
from twin.errors import ConfigError, DatumError
from twin.freshness import FreshnessLimits
from twin.vertical import VerticalDatum

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Feed", "Reading", "load_feed", "parse_feed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one attribute of an entity type measures."""

    quantity: str
    """Our name for it, such as ``stage``, ``discharge`` or ``gate_opening``."""
    unit: str
    """UCUM code that values are kept in; a ``unitCode`` in the message is converted to it or refused."""
    words: Mapping[str, float] = field(default_factory=dict)
    """Values that come as words, and what they count as, such as ``{open: 1, closed: 0}``."""
    is_height: bool = False
    """Whether it is a height above the gauge's zero, so that the datum of the gauge belongs to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """How to read one feed."""

    name: str
    kind: Literal["ngsi-v2"] = "ngsi-v2"
    title_ja: str = ""
    title_en: str = ""
    entities: Mapping[str, Mapping[str, Reading]]
    """Entity type, attribute, what it measures. Attributes that are not named are no readings."""
    datums: Mapping[str, VerticalDatum]
    """Datum of each gauge's zero, by entity; a gauge that is not named has an unknown one."""
    area: tuple[float, ...] | None = None
    """Where the feed's things can be: west, south, east, north, degrees of WGS 84."""
    freshness: FreshnessLimits = field(default_factory=FreshnessLimits)
    time_attributes: tuple[str, ...] = ("dateObserved", "TimeInstant", "observedAt")
    """Attributes of an entity that say when it measured; the first one present counts."""

    def __post_init__(self) -> None:
        if self.area is not None and not _is_area(self.area):
            raise ValueError(f"area must be [west, south, east, north] in degrees: {list(self.area)}")

    def facts(self) -> dict[str, Any]:
        """Return what a store keeps of the feed, JSON-able."""
        limits = self.freshness
        return {
            "title": {"ja": self.title_ja or self.name, "en": self.title_en or self.name},
            "heights": sorted(
                {one.quantity for kind in self.entities.values() for one in kind.values() if one.is_height}
            ),
            "datums": {entity: {"name": one.name, "epoch": one.epoch} for entity, one in sorted(self.datums.items())},
            "freshness": {
                "stale_after_s": limits.stale_after_s,
                "dead_after_s": limits.dead_after_s,
                "ahead_s": limits.ahead_s,
            },
        }


def load_feed(name_or_path: str | Path) -> Feed:
    """Read a feed from a YAML file, or by the name of a preset in ``config/feeds``.

    Raises
    ------
    ConfigError
        If there is no such feed, or a key or value in it is wrong; the message names the file and the key.
    """
    return parse_feed(*load_named("feeds", name_or_path))


def parse_feed(content: Mapping[str, Any], where: str, name: str) -> Feed:
    """Build a feed from a mapping; `where` is for messages, `name` is used if the mapping gives none."""
    rest = {"name": name, **content}
    title = require_mapping(rest.pop("title", {}), f"{where}: title", or_nothing=True)
    entities = require_mapping(rest.pop("entities", {}), f"{where}: entities", or_nothing=True)
    if not entities:
        raise ConfigError(f"{where}: entities is missing; write entities: {{TYPE: {{ATTRIBUTE: {{quantity, unit}}}}}}")
    datums = require_mapping(rest.pop("datums", {}), f"{where}: datums", or_nothing=True)
    limits = require_mapping(rest.pop("freshness", {}), f"{where}: freshness", or_nothing=True)
    plain = resolve(_Plain, [(where, rest)], "feed")
    try:
        return Feed(
            name=plain.name,
            kind=plain.kind,
            title_ja=str(title.get("ja", "")),
            title_en=str(title.get("en", "")),
            entities={kind: _readings(kind, entry, where) for kind, entry in entities.items()},
            datums={str(entity): _datum(text, f"{where}: datums.{entity}") for entity, text in datums.items()},
            area=plain.area,
            freshness=resolve(FreshnessLimits, [(where, limits)], "freshness"),
            time_attributes=plain.time_attributes,
        )
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from None


def _readings(kind: str, attributes: Any, where: str) -> dict[str, Reading]:
    entries = require_mapping(attributes, f"{where}: entities.{kind}", or_nothing=True)
    return {attribute: _reading(f"{kind}.{attribute}", entry, where) for attribute, entry in entries.items()}


def _reading(key: str, entry: Any, where: str) -> Reading:
    return resolve(Reading, [(where, require_mapping(entry, f"{where}: {key}", or_nothing=True))], key)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plain:
    """The keys of a feed that are single values."""

    name: str
    kind: Literal["ngsi-v2"] = "ngsi-v2"
    area: tuple[float, ...] | None = None
    time_attributes: tuple[str, ...] = ("dateObserved", "TimeInstant", "observedAt")


def _is_area(area: tuple[float, ...]) -> bool:
    return len(area) == 4 and -180 <= area[0] < area[2] <= 180 and -90 <= area[1] < area[3] <= 90


def _datum(text: Any, where: str) -> VerticalDatum:
    try:
        return VerticalDatum.parse(str(text))
    except DatumError as error:
        raise ConfigError(f"{where}: {error}") from None
