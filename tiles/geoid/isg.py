"""ISG, the text format of the International Service for the Geoid, versions 1 and 2: JPGEO2024 and Hrefconv2024.

References: ISG format specifications 1.0, 1.01 and 2.0 (2020-06-25), International Service for the Geoid.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tiles.geoid.grid import GeoidGrid
from tiles.geoid.numbers import decimal_degrees, grid_values, node_count
from twin.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["is_isg", "parse_isg"]

_BEGIN, _END = "begin_of_head", "end_of_head"
_METRES = {"meters", "metres", "meter", "metre", "m"}


def is_isg(head: bytes) -> bool:
    """Whether a file's first bytes are those of an ISG file."""
    return _BEGIN.encode() in head[:4096]


def parse_isg(content: bytes, name: str) -> GeoidGrid:
    """Read a grid over latitude and longitude.

    The bounds of a header are those of the nodes if the steps between them say so, else those of the cells around them.

    Raises
    ------
    FormatError
        If it is no such grid (sparse points, projected, feet, another order of rows), or is cut off.
    """
    text = content.decode("utf-8", errors="replace")
    head_at, end_at = text.find(_BEGIN), text.find(_END)
    if head_at < 0 or end_at < head_at:
        raise FormatError(f"{name}: no {_END} after {_BEGIN}; the file is cut off within its header")
    header = _header(text[head_at:end_at])
    _, _, body = text[end_at:].partition("\n")
    _require(header, name)
    lines = [_whole(header, key, name) for key in ("nrows", "ncols")]
    rows, columns = node_count(lines[0], lines[1], len(body), name)
    south, step_lat = _axis(header, "lat", rows, name)
    west, step_lon = _axis(header, "lon", columns, name)
    values = grid_values(body, rows, columns, name)
    nodata = header.get("nodata", "-9999")
    if nodata not in {"", "---"}:
        values[np.isclose(values, decimal_degrees(nodata, name), rtol=0, atol=1e-4)] = np.nan
    return GeoidGrid(
        west_deg=west,
        south_deg=south,
        step_lon_deg=step_lon,
        step_lat_deg=step_lat,
        values=values[::-1],
        name=name,
        model=header.get("model name", ""),
    )


def _header(text: str) -> Mapping[str, str]:
    """Return what stands in the header, by key in small letters; both ``:`` and ``=`` separate."""
    entries: dict[str, str] = {}
    for line in text.splitlines()[1:]:
        places = [at for at in (line.find(":"), line.find("=")) if at > 0]
        if places:
            at = min(places)
            entries.setdefault(" ".join(line[:at].lower().split()), line[at + 1 :].strip())
    return entries


def _require(header: Mapping[str, str], name: str) -> None:
    """Refuse what this reader would misread; what a version 1 header does not say has one meaning only."""
    allowed = {
        "data format": {"grid"},
        "coord type": {"geodetic"},
        "units": _METRES,
        "data units": _METRES,
        "data ordering": {"n-to-s, w-to-e"},
        "coord units": {"deg", "dms"},
    }
    for key, words in allowed.items():
        stated = " ".join(header.get(key, "").lower().split())
        if stated and stated != "---" and stated not in words:
            raise FormatError(f"{name}: {key} {stated!r}; only {' or '.join(sorted(words))} is read")


def _axis(header: Mapping[str, str], axis: str, count: int, name: str) -> tuple[float, float]:
    """Return the coordinate of the first node along an axis, and the step."""
    low, high, step = (_angle(header, key, name) for key in (f"{axis} min", f"{axis} max", f"delta {axis}"))
    if step <= 0 or high <= low:
        raise FormatError(f"{name}: {axis} from {low:g} to {high:g} in steps of {step:g}")
    for cells, first in ((count - 1, low), (count, low + (high - low) / count / 2)):
        if abs((high - low) / cells - step) * cells < 0.1 * step:
            return first, (high - low) / cells
    raise FormatError(f"{name}: {count} nodes in steps of {step:g} do not reach from {axis} {low:g} to {high:g}")


def _angle(header: Mapping[str, str], key: str, name: str) -> float:
    if key not in header:
        raise FormatError(f"{name}: its header has no {key!r}")
    return decimal_degrees(header[key], name)


def _whole(header: Mapping[str, str], key: str, name: str) -> int:
    try:
        return int(header[key])
    except (KeyError, ValueError):
        raise FormatError(f"{name}: its header says {key} {header.get(key, 'nowhere')!r}") from None
