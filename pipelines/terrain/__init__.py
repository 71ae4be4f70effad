"""Terrain: bare earth, surface, height above ground and density as rasters, tile by tile."""

from __future__ import annotations

from pipelines.terrain.params import TerrainParams
from pipelines.terrain.rasters import BLENDED, FILLED, MEASURED, RASTERS, VOID, derive_terrain
from pipelines.terrain.shore import ShoreSteps
from pipelines.terrain.stage import TerrainStage

__all__ = [
    "BLENDED",
    "FILLED",
    "MEASURED",
    "RASTERS",
    "VOID",
    "ShoreSteps",
    "TerrainParams",
    "TerrainStage",
    "derive_terrain",
]
