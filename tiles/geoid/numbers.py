"""Numbers out of text files of grids: all of them, as many as the header says, or an error that says where."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING

import numpy as np

from tiles.geoid.grid import MAX_NODES
from twin.errors import FormatError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["decimal_degrees", "grid_values", "node_count"]

_DMS = re.compile(r"""^\s*([+-]?)(\d+(?:\.\d+)?)\D+(\d+(?:\.\d+)?)\D+(\d+(?:\.\d+)?)\D*$""")


def node_count(rows: int, columns: int, n_bytes: int, name: str) -> tuple[int, int]:
    """Return rows and columns if a file of so many bytes can hold them.

    Raises
    ------
    FormatError
        If they are fewer than 2, more than a grid may have, or more than the file has bytes for.
    """
    if rows < 2 or columns < 2 or rows * columns > MAX_NODES:
        raise FormatError(f"{name}: its header says {rows} rows of {columns} nodes; no such grid is read")
    if rows * columns > n_bytes:
        raise FormatError(
            f"{name}: its header says {rows} rows of {columns} nodes, which do not fit in {n_bytes:,} bytes;"
            " the file is cut off, or its header is another's"
        )
    return rows, columns


def grid_values(text: str, rows: int, columns: int, name: str) -> NDArray[np.float64]:
    """Return the numbers in `text`, shape (rows, columns), in the order of the file.

    Raises
    ------
    FormatError
        If something else stands among them, or there are more or fewer.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)  # what NumPy says of a word among the numbers
        try:
            found = np.fromstring(text, dtype=np.float64, sep=" ")
        except (DeprecationWarning, ValueError):
            found = np.empty(0)
            word = next((word for word in text.split() if not _is_number(word)), "")
            raise FormatError(f"{name}: {word[:20]!r} stands where a number belongs") from None
    if found.size != rows * columns:
        kind = "cut off" if found.size < rows * columns else "longer than its header says"
        raise FormatError(
            f"{name}: {found.size:,} values where {rows} rows of {columns} make {rows * columns:,}; the file is {kind}"
        )
    return found.reshape(rows, columns)


def decimal_degrees(text: str, name: str) -> float:
    r"""Read an angle: a decimal number, or degrees, minutes and seconds with any marks between.

    Raises
    ------
    FormatError
        If it is neither.

    Examples
    --------
    >>> decimal_degrees("120.025", "a"), decimal_degrees("-0°01'30\"", "a"), decimal_degrees("15 00 00", "a")
    (120.025, -0.025, 15.0)
    """
    if _is_number(text):
        return float(text)
    match = _DMS.match(text)
    if match is None:
        raise FormatError(f"{name}: {text.strip()[:30]!r} is neither a number nor an angle")
    degrees = float(match[2]) + float(match[3]) / 60 + float(match[4]) / 3600
    return -degrees if match[1] == "-" else degrees


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
