"""The text format of GSI's older geoid models (``.asc``): GSIGEO2000, GSIGEO2011.

One line of header: latitude and longitude of the south-west node, steps of latitude and longitude, numbers of rows and
columns, kind, version. Then values row by row from the south, each from west to east; 999 is void.
"""

from __future__ import annotations

import re

import numpy as np

from tiles.geoid.grid import GeoidGrid, exact_step
from tiles.geoid.numbers import grid_values, node_count
from twin.errors import FormatError

__all__ = ["is_gsi", "parse_gsi"]

_NUMBER = r"[-+]?\d+(?:\.\d*)?"
_HEADER = re.compile(rb"^\s*" + rb"\s+".join([_NUMBER.encode()] * 4) + rb"\s+\d+\s+\d+\s+\d+\s+\S+\s*$")
_VOID = 999.0


def is_gsi(head: bytes) -> bool:
    """Whether a file's first line is such a header."""
    line = head.split(b"\n", 1)[0].replace(b",", b" ")
    return _HEADER.match(line) is not None


def parse_gsi(content: bytes, name: str) -> GeoidGrid:
    """Read a grid.

    Raises
    ------
    FormatError
        If values are missing, or the header's box is none.
    """
    line, _, body = content.decode("ascii", errors="replace").partition("\n")
    words = line.replace(",", " ").split()
    south, west, step_lat, step_lon = (float(word) for word in words[:4])
    rows, columns = node_count(int(words[4]), int(words[5]), len(body), name)
    if abs(south) > 90:
        raise FormatError(
            f"{name}: its first node is at latitude {south:g}; latitude and longitude are swapped in its header"
        )
    values = grid_values(body, rows, columns, name)
    values[np.abs(values - _VOID) < 1e-3] = np.nan
    known = re.search(r"gsigeo\d{4}", name.lower())
    version = words[7]
    return GeoidGrid(
        west_deg=west,
        south_deg=south,
        step_lon_deg=exact_step(step_lon),
        step_lat_deg=exact_step(step_lat),
        values=values,
        name=name,
        model=f"{known[0].upper()} {version}" if known else "",
    )
