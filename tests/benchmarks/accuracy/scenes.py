"""Synthetic cases: scenes whose ground, buildings and water are known exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import numpy as np
from cases import Case, Loaded

from twin.points import Points
from twin.scene import Scene, SceneParams

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DEVELOPMENT_SEED", "TEST_SEED", "TRAINING_SEED", "scene_cases"]

TRAINING_SEED, DEVELOPMENT_SEED, TEST_SEED = 100, 200, 300
"""First seeds to learn from (100 to 199), to look at while tuning (200 to 299), to tune nothing on (300 to 399)."""


_SEAS: dict[str, tuple[str, ...]] = {
    "turbid": ("turbid",),
    "channel": ("channel",),
    "seagrass": ("seagrass",),
    "wreck": ("wreck",),
    "no-surface": ("no-surface",),
    "everything": ("turbid", "channel", "seagrass", "wreck"),
    "multibeam": ("multibeam", "channel", "wreck"),
}
"""Seas of the bay, each difficulty alone, all together, and sounded by sonar."""


def scene_cases(seed: int, n_points: int) -> list[Case]:
    """Return one case for each kind of scene there is, and one for each kind of sea."""
    kinds = get_args(get_type_hints(SceneParams)["kind"])
    land = [
        Case(
            name=f"{kind} {seed}",
            group="synthetic",
            region="SYN",
            load=_of(n_points, kind=kind, seed=seed),
            kind="scene",
        )
        for kind in kinds
    ]
    seas = [
        Case(
            name=f"bay {name} {seed}",
            group="seabed",
            region="SYN",
            load=_of(n_points, kind="bay", seed=seed, features=features),
            profile="seabed" if name == "multibeam" else "",
            kind="scene",
        )
        for name, features in _SEAS.items()
    ]
    return [*land, *seas]


def _of(n_points: int, **params: Any) -> Callable[[], Loaded]:
    def load() -> Loaded:
        scene = Scene.build(SceneParams(n_points=n_points, **params))
        cloud = scene.all_points()
        seen = {name: cloud[name] for name in ("return_number", "number_of_returns")}
        points = Points(x=cloud.x, y=cloud.y, z=cloud.z, attributes=seen)
        return Loaded(
            points=points, truth=np.asarray(cloud["classification"]), scene=scene, building=cloud["extra/building"]
        )

    return load
