"""Grids of heights between vertical datums, read from the user's files: geoids, and corrections from epoch to epoch.

A reader a format (`isg`, `gsi`, `patch`, `gtx`, `geotiff`), one type for all (`GeoidGrid`), and `read_geoid`, which
knows them apart by their bytes. Longitude goes before latitude everywhere, degrees, whatever order a file has.
"""

from tiles.geoid.grid import GeoidGrid
from tiles.geoid.read import digest_of_geoid, read_geoid

__all__ = ["GeoidGrid", "digest_of_geoid", "read_geoid"]
