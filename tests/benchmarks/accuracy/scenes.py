"""Synthetic cases: scenes whose ground, buildings and water are known exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args, get_type_hints

import numpy as np
from cases import Case, Loaded

from twin.points import Points
from twin.scene import Scene, SceneParams

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DEVELOPMENT_SEED", "TEST_SEED", "TRAINING_SEED", "scene_cases"]

TRAINING_SEED, DEVELOPMENT_SEED, TEST_SEED = 100, 200, 300
"""First seeds to learn from (100 to 199), to look at while tuning (200 to 299), to tune nothing on (300 to 399)."""


def scene_cases(seed: int, n_points: int) -> list[Case]:
    """Return one case for each kind of scene there is."""
    kinds = get_args(get_type_hints(SceneParams)["kind"])
    return [
        Case(name=f"{kind} {seed}", group="synthetic", region="SYN", load=_of(kind, seed, n_points), kind="scene")
        for kind in kinds
    ]


def _of(kind: str, seed: int, n_points: int) -> Callable[[], Loaded]:
    def load() -> Loaded:
        scene = Scene.build(SceneParams(kind=kind, seed=seed, n_points=n_points))
        cloud = scene.all_points()
        seen = {name: cloud[name] for name in ("return_number", "number_of_returns")}
        points = Points(x=cloud.x, y=cloud.y, z=cloud.z, attributes=seen)
        return Loaded(
            points=points, truth=np.asarray(cloud["classification"]), scene=scene, building=cloud["extra/building"]
        )

    return load
