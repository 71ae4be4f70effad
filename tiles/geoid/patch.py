"""GSI's parameter files (``.par``) that correct heights from one set of results to the next: JGD2011 to JGD2024.

A text header, then a line for each third-order mesh square (30 by 45 arc seconds, JIS X 0410): its code of eight
digits and the correction in metres at its south-west corner. Only squares on land are there; the rest is void. The new
height is the old one plus the correction, so the new zero stands lower by it: values change sign when read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from tiles.geoid.grid import GeoidGrid
from tiles.geoid.numbers import grid_values, node_count
from twin.errors import FormatError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["is_patch", "parse_patch"]

_TITLE = re.compile(r"^[^\S\n]*MeshCode\b.*$", re.MULTILINE | re.IGNORECASE)
_HEIGHT = re.compile(r"dH\s*\(m\)", re.IGNORECASE)
_ROWS_A_DEGREE, _COLUMNS_A_DEGREE = 120, 80
"""Squares in a degree of latitude and of longitude."""
_MOST_CODE = 1e15
"""Larger numbers are not whole in double precision any more."""


def is_patch(head: bytes) -> bool:
    """Whether a file's first bytes are those of a parameter file."""
    return b"meshcode" in head[:8192].lower()


def parse_patch(content: bytes, name: str) -> GeoidGrid:
    """Read the corrections of height in a parameter file.

    Raises
    ------
    FormatError
        If it has none, its columns are others, or a code is no third-order square.
    """
    text = content.decode("shift_jis", errors="replace").replace("\r\n", "\n")
    title = _TITLE.search(text)
    if title is None:
        raise FormatError(f"{name}: no line with MeshCode; the file is cut off within its header")
    columns = title[0].split()
    height = next((i for i, word in enumerate(columns) if _HEIGHT.fullmatch(word)), 1 if len(columns) < 2 else None)
    body = text[title.end() :].strip("\n")
    first = body.split("\n", 1)[0].split()
    if height is None or not len(first) > height:
        raise FormatError(f"{name}: its columns are {title[0].strip()!r}; there is none of heights, dH(m)")
    n_lines = sum(1 for line in body.split("\n") if line.strip())
    table = grid_values(body, n_lines, len(first), name)
    codes = table[:, 0]
    if not (np.isfinite(codes) & (codes == np.rint(codes)) & (np.abs(codes) < _MOST_CODE)).all():
        raise FormatError(f"{name}: a code of a mesh square that is no whole number")
    row, column = _corners(codes.astype(np.int64), name)
    origin = (row.min(), column.min())
    size = (max(int(np.ptp(row)) + 1, 2), max(int(np.ptp(column)) + 1, 2))
    node_count(*size, size[0] * size[1], name)
    values = np.full(size, np.nan)
    values[row - origin[0], column - origin[1]] = -table[:, height]
    return GeoidGrid(
        west_deg=100.0 + origin[1] / _COLUMNS_A_DEGREE,
        south_deg=origin[0] / _ROWS_A_DEGREE,
        step_lon_deg=1.0 / _COLUMNS_A_DEGREE,
        step_lat_deg=1.0 / _ROWS_A_DEGREE,
        values=values,
        name=name,
        model=_model(text[: title.start()], name),
    )


def _corners(codes: NDArray[np.int64], name: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return row from the equator and column from 100 E of each square's south-west corner, shapes (m,)."""
    digits = [codes // 10**place % 10 for place in range(7, -1, -1)]
    first_lat, first_lon = digits[0] * 10 + digits[1], digits[2] * 10 + digits[3]
    row = first_lat * 80 + digits[4] * 10 + digits[6]
    column = first_lon * 80 + digits[5] * 10 + digits[7]
    wrong = (codes < 10**7) | (codes >= 10**8) | (digits[4] > 7) | (digits[5] > 7)
    if wrong.any():
        raise FormatError(f"{name}: {codes[wrong][0]} is no code of a third-order mesh square")
    return row, column


def _model(header: str, name: str) -> str:
    """Return the model's name: as the file is called, if it is called as GSI does; else what its first line says."""
    stem = name.rsplit(".", 1)[0]
    first = next((line.strip() for line in header.splitlines() if line.strip()), "")
    return stem if stem.lower().startswith("hyokorev") else first[:60]
