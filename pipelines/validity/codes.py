"""The faults that the check can name, numbered as val3dity numbers them."""

from __future__ import annotations

__all__ = ["CODES", "LEVEL", "N_COLUMNS", "column"]

CODES = {
    101: "a ring has fewer than three vertices",
    102: "a ring repeats a vertex",
    104: "a ring crosses or touches itself",
    201: "rings of a face cross or share an edge",
    202: "a face has the same ring twice",
    203: "a face is not flat",
    204: "a face is folded: the normals of its triangles differ",
    205: "the rings of a face cut it in pieces",
    206: "a hole lies outside its face",
    207: "a hole lies inside another",
    208: "a hole runs the same way round as its face",
    300: "a face cannot be triangulated",
    301: "too few faces",
    302: "the shell is not closed",
    303: "an edge or a vertex joins more than one surface",
    305: "the shell is in several pieces",
    306: "the shell cuts or touches itself",
    307: "a face is turned over",
    401: "two shells meet",
    402: "a shell is there twice",
    403: "an inner shell lies outside",
    404: "inner shells cut the solid in pieces",
    405: "a shell is inside out",
    901: "a coordinate is not a number, or the solid is larger than 100 km",
}
"""Codes of ISO 19107's rules as val3dity 2 gives them (103 is a matter of GML's closed rings, which these are not)."""

LEVEL = 10
"""Columns of the table of faults to a hundred of codes."""

N_COLUMNS = 100
"""Width of that table: 901 is in its column 91."""


def column(code: int) -> int:
    """Return the place of a code in the table of faults.

    Examples
    --------
    >>> column(203), column(405)
    (23, 45)
    """
    return code // 100 * LEVEL + code % 100
