"""What stands on the ground: buildings, vegetation."""

from __future__ import annotations

from pipelines.objects.above_ground import AboveGround, PointShape, shapes_of
from pipelines.objects.buildings import BuildingParams, find_buildings, in_planes, near_planes
from pipelines.objects.planes import planes_around
from pipelines.objects.vegetation import VegetationParams, find_vegetation

__all__ = [
    "AboveGround",
    "BuildingParams",
    "PointShape",
    "VegetationParams",
    "find_buildings",
    "find_vegetation",
    "in_planes",
    "near_planes",
    "planes_around",
    "shapes_of",
]
