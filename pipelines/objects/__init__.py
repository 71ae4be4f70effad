"""What stands on the ground: buildings, vegetation."""

from __future__ import annotations

from pipelines.objects.above_ground import AboveGround, PointShape, shapes_of
from pipelines.objects.buildings import BuildingParams, find_buildings, on_planes
from pipelines.objects.vegetation import VegetationParams, find_vegetation

__all__ = [
    "AboveGround",
    "BuildingParams",
    "PointShape",
    "VegetationParams",
    "find_buildings",
    "find_vegetation",
    "on_planes",
    "shapes_of",
]
