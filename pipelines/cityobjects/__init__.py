"""What a city model holds beside buildings: single trees, bridges and water at LoD1, and the ground as triangles."""

from pipelines.cityobjects.given import given_water
from pipelines.cityobjects.params import ObjectParams
from pipelines.cityobjects.stage import ObjectStage

__all__ = ["ObjectParams", "ObjectStage", "given_water"]
