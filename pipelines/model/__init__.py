"""Building models from classified points: solids over outlines, at the highest level of detail that holds."""

from pipelines.model.ladder import model_buildings
from pipelines.model.params import ModelParams
from pipelines.model.prism import prism
from pipelines.validity import check_solid, volume_m3

__all__ = [
    "ModelParams",
    "check_solid",
    "model_buildings",
    "prism",
    "volume_m3",
]
