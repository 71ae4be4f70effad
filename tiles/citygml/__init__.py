"""CityGML 1.0 to 3.0 with Japan's extension i-UR: PLATEAU's files, read building by building."""

from tiles.citygml.read import is_citygml, read_buildings, read_outlines, read_system

__all__ = ["is_citygml", "read_buildings", "read_outlines", "read_system"]
