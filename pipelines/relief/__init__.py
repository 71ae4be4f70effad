"""Terrain as triangles (TINRelief): simplified to a stated tolerance, without gaps between tiles."""

from pipelines.relief.params import ReliefParams
from pipelines.relief.tin import relief_frame, tile_relief

__all__ = ["ReliefParams", "relief_frame", "tile_relief"]
