"""The synthetic city: a survey of any size, with its truth.

>>> from twin.scene import Scene, SceneParams
>>> scene = Scene.build(SceneParams(kind="bay", n_points=10_000))
>>> scene.crs, str(scene.vertical)
('EPSG:6677', 'TP')
"""

from twin.scene.buildings import RoofPlane, SceneBuilding
from twin.scene.params import SceneFeature, SceneParams
from twin.scene.places import Gate, Gauge
from twin.scene.scene import Piece, Scene

__all__ = ["Gate", "Gauge", "Piece", "RoofPlane", "Scene", "SceneBuilding", "SceneFeature", "SceneParams"]
