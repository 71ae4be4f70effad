"""Files of points of any format: the one door to them.

Whatever the format, a header has the attributes of `tiles.point_header.PointHeader`, and points come as records in a
layout of LAS, in chunks of bounded memory, for any range of rows.
"""

from tiles.point_header import PointHeader, ReadParams
from tiles.pointfiles.door import (
    CHUNK_ROWS,
    file_crs,
    points_of,
    read_header,
    read_points,
    read_records,
    read_rows,
    row_ranges,
    without_records,
    worth_carrying,
)
from tiles.pointfiles.identity import FileState, digest_of, require_unchanged, state_of
from tiles.pointfiles.kinds import EPT_NAME, SUFFIXES, is_point_file

__all__ = [
    "CHUNK_ROWS",
    "EPT_NAME",
    "SUFFIXES",
    "FileState",
    "PointHeader",
    "ReadParams",
    "digest_of",
    "file_crs",
    "is_point_file",
    "points_of",
    "read_header",
    "read_points",
    "read_records",
    "read_rows",
    "require_unchanged",
    "row_ranges",
    "state_of",
    "without_records",
    "worth_carrying",
]
