"""Shifts of flight strips, as `twin adjust` writes them and as ingest applies them on request."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tiles.atomic import write_text
from twin.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from twin.crs import HorizontalCrs

__all__ = ["Shift", "read_shifts", "shifted", "write_shifts"]

_KIND = ("twin-shifts", 1)
"""Format and version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """What the points of one strip are moved by, metres in the CRS of the store."""

    file: str
    """Name of the only file that it is for; empty for every file."""
    strip: int | None
    """Point source id; None for every point of the file."""
    move_m: tuple[float, float, float]
    """Added to x, y, z."""

    def concerns(self, name: str) -> bool:
        """Whether it moves anything in the file called `name`."""
        return self.file in ("", name) and any(self.move_m)


def shifted(
    xyz: Sequence[NDArray[np.float64]], point_source_id: NDArray[np.uint16], shifts: Sequence[Shift]
) -> tuple[NDArray[np.float64], ...]:
    """Return x, y, z in metres, shapes (n,), each point moved with its strip."""
    moved = tuple(values.copy() for values in xyz)
    for shift in shifts:
        chosen = slice(None) if shift.strip is None else point_source_id == shift.strip
        for values, metres in zip(moved, shift.move_m, strict=True):
            values[chosen] += metres
    return moved


def write_shifts(out: Path, strips: Sequence[Mapping[str, Any]], crs: HorizontalCrs) -> None:
    """Write what `pipelines.adjust.AdjustStage` found, for `read_shifts` and for people."""
    content = {"format": _KIND[0], "version": _KIND[1], "crs": crs.code, "strips": [dict(entry) for entry in strips]}
    write_text(out, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def read_shifts(path: Path, crs: HorizontalCrs) -> tuple[Shift, ...]:
    """Return the shifts in a file.

    Raises
    ------
    ConfigError
        If the file is no list of shifts, or its metres are those of another CRS.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        kind = (content["format"], content["version"])
        shifts = tuple(_shift_of(entry) for entry in content["strips"]) if kind == _KIND else ()
        stated = str(content["crs"]) if kind == _KIND else ""
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: not a list of shifts as `twin adjust --out` writes it ({error!r})") from None
    if kind != _KIND:
        raise ConfigError(f"{path}: {kind} is no list of shifts that this program knows")
    if stated != crs.code:
        raise ConfigError(f"{path}: its shifts are metres of {stated}, the store is in {crs.code}")
    return shifts


def _shift_of(entry: Mapping[str, Any]) -> Shift:
    strip = entry["strip"]
    number = strip.get("point_source_id", strip.get("id"))
    file = Path(str(strip["file"])).name if "file" in strip else ""
    if not file and number is None:
        raise ValueError("a strip with neither point_source_id nor file")
    x, y, z = (float(metres) for metres in entry["shift_m"])
    return Shift(file=file, strip=None if number is None else int(number), move_m=(x, y, z))
