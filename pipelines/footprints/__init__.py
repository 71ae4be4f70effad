"""Outlines of buildings: given and cleaned one by one, or drawn from the points."""

from pipelines.footprints.cutout import outline_of_points
from pipelines.footprints.derive import derive_outlines
from pipelines.footprints.given import Given, clean
from pipelines.footprints.outline import Outline, Unmodelled, repair
from pipelines.footprints.params import FootprintParams

__all__ = [
    "FootprintParams",
    "Given",
    "Outline",
    "Unmodelled",
    "clean",
    "derive_outlines",
    "outline_of_points",
    "repair",
]
