"""Building models from classified points: outlines given or derived, prisms of LoD1.2, each a checked solid."""

from pipelines.model.derive import derive_outlines
from pipelines.model.given import Given, clean
from pipelines.model.lod1 import model_lod1
from pipelines.model.outline import Outline, Unmodelled, repair
from pipelines.model.params import ModelParams
from pipelines.model.prism import prism
from pipelines.model.validity import check_solid, volume_m3

__all__ = [
    "Given",
    "ModelParams",
    "Outline",
    "Unmodelled",
    "check_solid",
    "clean",
    "derive_outlines",
    "model_lod1",
    "prism",
    "repair",
    "volume_m3",
]
