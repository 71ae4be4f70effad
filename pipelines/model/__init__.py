"""Building models from classified points: prisms of LoD1.2 over outlines, each a checked solid."""

from pipelines.model.lod1 import model_lod1
from pipelines.model.params import ModelParams
from pipelines.model.prism import prism
from pipelines.validity import check_solid, volume_m3

__all__ = [
    "ModelParams",
    "check_solid",
    "model_lod1",
    "prism",
    "volume_m3",
]
