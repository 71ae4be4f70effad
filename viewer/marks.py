"""Where the marks of live things stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from viewer.content import Gauge, SceneContent

__all__ = ["gauge_head"]


def gauge_head(gauge: Gauge, content: SceneContent) -> tuple[float, float, float] | None:
    """Where the head of a gauge's mark stands, metres from the scene's origin; None if it has no place in the area.

    Marks are as tall as the tallest things around, so that they can be seen from far away.
    """
    if (
        gauge.x is None
        or gauge.y is None
        or not content.bounds.buffered(0.05 * content.size_m).contains(np.array([gauge.x]), np.array([gauge.y])).all()
    ):
        return None
    pole_m = max(0.06 * content.size_m, 8.0)
    origin = content.origin
    return gauge.x - origin[0], gauge.y - origin[1], gauge.ground_m + pole_m - origin[2]
