"""CityGML with Japan's extension i-UR: PLATEAU's files, read building by building, written as cities deliver them."""

from tiles.citygml.params import CityGmlParams
from tiles.citygml.read import is_citygml, read_buildings, read_outlines, read_system
from tiles.citygml.write import CityGmlFacts, write_citygml

__all__ = [
    "CityGmlFacts",
    "CityGmlParams",
    "is_citygml",
    "read_buildings",
    "read_outlines",
    "read_system",
    "write_citygml",
]
