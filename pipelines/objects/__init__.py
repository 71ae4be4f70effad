"""What stands on the ground or lies on it: buildings, vegetation, water."""

from __future__ import annotations

from pipelines.objects.above_ground import AboveGround, PointShape, shapes_of
from pipelines.objects.buildings import BuildingParams, find_buildings, on_planes
from pipelines.objects.vegetation import VegetationParams, find_vegetation
from pipelines.objects.water import WaterParams, find_rocks, find_water

__all__ = [
    "AboveGround",
    "BuildingParams",
    "PointShape",
    "VegetationParams",
    "WaterParams",
    "find_buildings",
    "find_rocks",
    "find_vegetation",
    "find_water",
    "on_planes",
    "shapes_of",
]
