"""Zeros of islands and charts: tables of what is on public record, and why the rest is not.

An island that levelling does not reach has a mean sea level of its own, and a chart counts depth from a low water that
differs from bay to bay. Each zero is an entry of a YAML table in ``config/datums``, or of one that the user gives; a
value that nobody has published is written down as missing, with the reason and with who publishes it, so that asking
for it is an error and not a guess.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from twin.config import load_named, preset_names, require_mapping
from twin.errors import ConfigError, DatumError
from twin.vertical import VerticalDatum

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["LocalZero", "read_zeros", "recorded_zeros", "rooted"]

_FOLDER = "datums"
_KEYS = {"zero_m", "above", "rounding_m", "source", "reason", "publisher", "title", "where"}
_LARGEST_M = 20.0
"""No sea stands farther from a levelling datum (tides of the Bay of Fundy: 16 m); more is a slip of units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalZero:
    """One local zero, and how high it stands.

    Raises
    ------
    ConfigError
        If there is neither a value with its source, nor a reason why there is none with who publishes it.
    """

    name: str
    """``local:<place>``, small letters."""
    above: VerticalDatum
    """Datum that `zero_m` is counted from, with its epoch where that matters."""
    zero_m: float | None
    """Height of this zero above the zero of `above`, metres, positive up; None if it is not on public record."""
    rounding_m: float = 0.0
    """Metres to which the source rounds; 0 if it does not say."""
    source: str = ""
    """Who published the value, where, and when."""
    reason: str = ""
    """Why there is no value."""
    publisher: str = ""
    """Who publishes it."""
    title: str = ""
    """What it is, in words."""

    def __post_init__(self) -> None:
        if self.zero_m is None and not (self.reason and self.publisher):
            raise ConfigError(f"{self.name}: no zero_m; say why (reason) and who publishes it (publisher)")
        if self.zero_m is not None and not self.source:
            raise ConfigError(f"{self.name}: zero_m without its source; a number that nobody vouches for is not used")
        if self.zero_m is not None and not abs(self.zero_m) <= _LARGEST_M:
            raise ConfigError(f"{self.name}: zero_m = {self.zero_m}: metres between {-_LARGEST_M} and {_LARGEST_M}")


def read_zeros(*tables: str | Path) -> Mapping[str, LocalZero]:
    """Return the local zeros of ``config/datums`` and of other tables, which go before, by name.

    Parameters
    ----------
    tables
        YAML files of the same form, or names of presets.

    Raises
    ------
    ConfigError
        If a table cannot be read, or has an entry of another form; the message names the file and the entry.
    """
    zeros = dict(recorded_zeros())
    for table in tables:
        zeros |= _table(table)
    return zeros


@lru_cache(maxsize=1)
def recorded_zeros() -> Mapping[str, LocalZero]:
    """Return the local zeros of ``config/datums``, by name."""
    zeros: dict[str, LocalZero] = {}
    for name in preset_names(_FOLDER):
        zeros |= _table(name)
    return zeros


def rooted(datum: VerticalDatum, zeros: Mapping[str, LocalZero] | None = None) -> tuple[VerticalDatum, float]:
    """Follow a local zero to the datum that it is known above.

    Returns
    -------
    tuple
        The datum at the end of the chain, and the height of the first zero above its zero in metres; `datum` itself and
        0 if no table speaks of it.

    Raises
    ------
    DatumError
        If a table says that the value is not on record, or the chain bites its tail.
    """
    known = recorded_zeros() if zeros is None else zeros
    at, total_m, met = datum, 0.0, set[str]()
    while (entry := known.get(at.name.lower())) is not None:
        if entry.name in met:
            raise DatumError(f"{datum}: its table says that it stands above itself ({', '.join(sorted(met))})")
        met.add(entry.name)
        if entry.zero_m is None:
            raise DatumError(
                f"no offset of {entry.name} is on record: {entry.reason}; {entry.publisher} publishes it - give a table"
                " with it (`--datums FILE`)"
            )
        total_m += entry.zero_m
        if at.epoch and entry.above.epoch and at.epoch != entry.above.epoch:
            raise DatumError(
                f"{at} is known above {entry.above}: of different epochs; convert with a geoid model first"
            )
        at = VerticalDatum(entry.above.name, entry.above.epoch or at.epoch)
    return at, total_m


def _table(name_or_path: str | Path) -> dict[str, LocalZero]:
    content, where, _ = load_named(_FOLDER, name_or_path)
    unknown = set(content) - {"title", "sources", "publishers", "datums"}
    if unknown:
        raise ConfigError(f"{where}: unknown key {min(unknown)!r}; a table of datums has title, sources and datums")
    words = {
        key: require_mapping(content.get(key), f"{where}: {key}", or_nothing=True) for key in ("sources", "publishers")
    }
    entries = require_mapping(content.get("datums"), f"{where}: datums")
    return {zero.name: zero for zero in (_entry(str(key), value, words, where) for key, value in entries.items())}


def _entry(key: str, value: Any, words: Mapping[str, Mapping[str, Any]], where: str) -> LocalZero:
    place = f"{where}: datums.{key}"
    facts = require_mapping(value, place)
    unknown = set(facts) - _KEYS
    if unknown:
        raise ConfigError(f"{place}: unknown key {min(unknown)!r}; there are: {', '.join(sorted(_KEYS))}")
    if not key.startswith("local:") or key != key.lower():
        raise ConfigError(f"{place}: a local zero is called local:<place>, in small letters")
    texts = {name: " ".join(str(facts.get(name, "")).split()) for name in ("source", "reason", "publisher", "title")}
    for name, group in (("source", "sources"), ("publisher", "publishers")):
        texts[name] = " ".join(str(words[group].get(texts[name], texts[name])).split())
    try:
        zero_m, rounding_m = facts.get("zero_m"), float(facts.get("rounding_m", 0.0))
        above = VerticalDatum.parse(str(facts.get("above", "TP")))
        number = None if zero_m is None else float(zero_m)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{place}: {error}") from None
    return LocalZero(name=key, above=above, zero_m=number, rounding_m=rounding_m, **texts)
