"""How fast the filter and the whole classification are on one core, against the cloth filter of pip in the same run."""

from __future__ import annotations

import statistics
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from settings import stage_for

from pipelines.classify import classify_points
from pipelines.ground import find_ground, ground_frame_step_m
from twin.points import Points
from twin.raster import Frame

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from twin.config import Layer

__all__ = ["measured_speeds"]

_ROUNDS = 3
_COPIES = 2
"""Copies of the cloud along x and along y: a core spends little of its time on the halo then."""


def measured_speeds(points: Points, models: Mapping[str, Layer | None]) -> dict[str, Any]:
    """Return million points a CPU second of each way, the median of some rounds after one that compiles.

    Parameters
    ----------
    points
        A cloud; copies of it are laid side by side.
    models
        Name of each way to classify, and its layer of settings for the learned stage.
    """
    cloud = _beside(points)
    ways: dict[str, Callable[[], Any]] = {"SMRF alone (`ground.backend=smrf`)": lambda: _ground(cloud, "smrf")}
    try:
        _ground(points.take(slice(0, 1000)), "csf")
        ways["CSF of pip (`ground.backend=csf`)"] = lambda: _ground(cloud, "csf")
    except Exception as error:  # any way in which a foreign package cannot be had
        print(f"CSF is not measured: {error}")
    for name, model in models.items():
        stage = stage_for("", (), model)
        ways[f"whole classification, {name}"] = lambda steps=stage.steps: classify_points(cloud, cloud.bounds, steps)
    return {
        "points": len(cloud),
        "rates": {name: round(len(cloud) / _seconds(work) / 1e6, 3) for name, work in ways.items()},
    }


def _seconds(work: Callable[[], Any]) -> float:
    work()
    times = []
    for _ in range(_ROUNDS):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return statistics.median(times)


def _ground(cloud: Points, backend: str) -> Any:
    params = replace(stage_for("urban", ()).steps.ground, backend=backend)
    frame = Frame.covering(cloud.bounds.buffered(1.0).snapped(ground_frame_step_m(params)), params.cell_m)
    return find_ground(cloud.x, cloud.y, cloud.z, frame, params)


def _beside(points: Points) -> Points:
    """Lay copies side by side, each moved by whole multiples of 64 m beyond the cloud's size."""
    bounds = points.bounds
    east, north = (64.0 * np.ceil(side / 64.0) for side in (bounds.width_m, bounds.height_m))
    parts = [
        Points(x=points.x + i * east, y=points.y + j * north, z=points.z, attributes=points.attributes)
        for i in range(_COPIES)
        for j in range(_COPIES)
    ]
    return Points.concatenate(parts)
