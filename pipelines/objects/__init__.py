"""What stands on the ground or over it: buildings, vegetation, wires, bridges."""

from __future__ import annotations

from pipelines.objects.above_ground import AboveGround, PointShape, above_ground, shapes_of
from pipelines.objects.bridges import BridgeParams, CellHeights, find_decks
from pipelines.objects.buildings import BuildingParams, RoofCues, find_buildings, in_planes, near_planes
from pipelines.objects.planes import planes_around
from pipelines.objects.sparse_roofs import SparseRoofParams, near_large_planes, sparse_cells
from pipelines.objects.vegetation import VegetationParams, find_vegetation
from pipelines.objects.wires import WireParams, find_wires

__all__ = [
    "AboveGround",
    "BridgeParams",
    "BuildingParams",
    "CellHeights",
    "PointShape",
    "RoofCues",
    "SparseRoofParams",
    "VegetationParams",
    "WireParams",
    "above_ground",
    "find_buildings",
    "find_decks",
    "find_vegetation",
    "find_wires",
    "in_planes",
    "near_large_planes",
    "near_planes",
    "planes_around",
    "shapes_of",
    "sparse_cells",
]
