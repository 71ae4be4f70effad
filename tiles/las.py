"""LAS, LAZ and COPC files: the one door to them.

Reading is in `tiles.las_read` (on headers checked by `tiles.las_header`), writing in `tiles.las_write`. Decoding and
encoding of LAZ is lazrs; everything around it is read and checked here, because headers in circulation lie.
"""

from tiles.las_header import LasHeader, read_header
from tiles.las_projection import GeoKeysError
from tiles.las_read import file_crs, points_of, read_las, read_records
from tiles.las_write import LasParams, LasWriter, open_las_writer, write_las

__all__ = [
    "GeoKeysError",
    "LasHeader",
    "LasParams",
    "LasWriter",
    "file_crs",
    "open_las_writer",
    "points_of",
    "read_header",
    "read_las",
    "read_records",
    "write_las",
]
