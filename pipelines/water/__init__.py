"""Water: a level surface that light goes through, or one that it hardly comes back from, and what stands in it."""

from __future__ import annotations

from pipelines.water.bed import SeabedParams
from pipelines.water.inland import InlandWaterParams
from pipelines.water.params import WaterParams
from pipelines.water.rocks import find_rocks
from pipelines.water.scarce import inland_water
from pipelines.water.surfaces import find_water

__all__ = ["InlandWaterParams", "SeabedParams", "WaterParams", "find_rocks", "find_water", "inland_water"]
