"""What a truth's codes mean: other words for the same class, and codes that nobody is asked about.

National surveys write codes of their own, and older files those of older drafts: bathymetric points lie in 26 in files
of before LAS 1.4's topo-bathymetric profile, AHN's 26 is civil works, IGN's 64 to 67 are artefacts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from twin.config import preset, preset_names, require_mapping
from twin.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

__all__ = ["CodeMap", "parse_codes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeMap:
    """How true codes are read."""

    mapped: Mapping[int, int] = field(default_factory=dict)
    """True code to ASPRS code."""
    ignored: tuple[int, ...] = ()
    """True codes, before mapping, whose points are left out."""
    same: tuple[tuple[int, ...], ...] = ()
    """Groups of ASPRS codes that count as one class on both sides, the first of each."""

    def of(self, truth: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the ASPRS codes of true codes, shape (n,)."""
        table = np.arange(256, dtype=np.uint8)
        for code, other in self.mapped.items():
            table[code] = other
        return self.joined(table[truth])

    def joined(self, found: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return found codes with those that count as one class joined, shape (n,)."""
        table = np.arange(256, dtype=np.uint8)
        for group in self.same:
            table[list(group)] = group[0]
        one: NDArray[np.uint8] = table[found]
        return one

    def counts(self, truth: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Return which points count: those whose true code is not ignored; shape (n,)."""
        table = np.ones(256, bool)
        table[list(self.ignored)] = False
        chosen: NDArray[np.bool_] = table[truth]
        return chosen

    @staticmethod
    def parse(mapped: Iterable[str] = (), ignored: str = "", same: Iterable[str] = ()) -> CodeMap:
        """Read pairs such as ``26=40``, a list such as ``7,18``, and lists that are groups, such as ``1,3,4,5``.

        In place of a pair a table of ``config/codes`` may be named, such as ``noaa_topobathy``; pairs after it go over
        it.

        Raises
        ------
        ConfigError
            If a text is no code, or no pair of them.
        """
        pairs: dict[int, int] = {}
        for text in mapped:
            code, equals, other = text.partition("=")
            if equals:
                pairs[_code(code, "--map")] = _code(other, "--map")
            else:
                pairs |= _table(text.strip())
        groups = tuple(group for text in same if (group := parse_codes(text, "--same")))
        return CodeMap(mapped=pairs, ignored=parse_codes(ignored, "--ignore"), same=groups)


def parse_codes(text: str, option: str) -> tuple[int, ...]:
    """Read a list of codes such as ``7,18``; none from an empty text.

    Raises
    ------
    ConfigError
        If one is not a number from 0 to 255.

    Examples
    --------
    >>> parse_codes("2, 9", "--ground")
    (2, 9)
    """
    return tuple(_code(part, option) for part in text.split(",") if part.strip())


def _table(name: str) -> dict[int, int]:
    """Read a table of ``config/codes``."""
    names = preset_names("codes")
    if name not in names:
        raise ConfigError(
            f"--map {name!r}: write the file's code and the ASPRS code it means, such as 26=40, or one of the tables"
            f" {', '.join(names)}"
        )
    mapped = require_mapping(preset("codes", name).get("mapped"), f"codes/{name}.yaml")
    return {_code(str(code), "--map"): _code(str(other), "--map") for code, other in mapped.items()}


def _code(text: str, option: str) -> int:
    try:
        code = int(text)
    except ValueError:
        code = -1
    if not 0 <= code <= 255:
        raise ConfigError(f"{option} {text.strip()!r}: a class is a whole number from 0 to 255")
    return code
