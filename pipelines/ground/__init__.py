"""Ground filtering: grids of lowest heights, bounded openings and fillings, and SMRF on top of them."""

from __future__ import annotations

from pipelines.ground.embankments import EmbankmentParams, climb, deck_around
from pipelines.ground.smrf import Ground, SmrfParams, find_ground, ground_frame_step_m

__all__ = [
    "EmbankmentParams",
    "Ground",
    "SmrfParams",
    "climb",
    "deck_around",
    "find_ground",
    "ground_frame_step_m",
]
