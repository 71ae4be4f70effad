"""Runs what is measured: the ladder as the stage calls it, or the roof chain alone."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from importlib import import_module
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from cases import ROW, sample
from kinds import GROUND_M

from pipelines.footprints import Outline, repair
from pipelines.model import ModelParams
from pipelines.model.ladder import model_building
from pipelines.model.scan import scan_outlines
from twin.bounds import Bounds
from twin.errors import TwinError
from twin.raster import Frame, Raster

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cases import Case, Sample

    from pipelines.model.scan import Scan, Xyz
    from twin.building import Building

__all__ = ["METHODS", "Modelled", "flat_ground", "model_outlines", "model_samples"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Modelled:
    """What became of one outline."""

    outline: Outline
    scan: Scan
    building: Building | None
    reason: str
    """Why there is no building, or why it is lower than asked."""
    cpu_s: float
    """CPU seconds of the model alone, self-check included; clipping and writing not."""


def model_outlines(
    outlines: Sequence[Outline], points: Xyz, terrain: Raster, method: str = "ladder", lod: str = "2.2"
) -> Iterator[Modelled]:
    """Model outlines one by one and time each.

    Parameters
    ----------
    outlines, points, terrain
        As `pipelines.model.ladder.model_buildings` takes them.
    method
        Of `METHODS`.
    lod
        Level asked for.
    """
    params = ModelParams(lod=lod)  # type: ignore[arg-type]
    make = METHODS[method]
    for outline, scan in zip(outlines, scan_outlines(outlines, points, terrain, params), strict=True):
        started = time.process_time()
        try:
            building, reason = make(outline, scan, params), ""
        except TwinError as error:
            building, reason = None, str(error)
        except Exception as error:  # a crash is a figure too, and must not end the run
            building, reason = None, f"crash: {type(error).__name__}: {str(error)[:80]}"
        spent = time.process_time() - started
        if building is not None:
            reason = str(building.attributes.get("recon_reason", ""))
        yield Modelled(outline=outline, scan=scan, building=building, reason=reason, cpu_s=spent)


def model_samples(
    found: Sequence[Case], method: str = "ladder", lod: str = "2.2"
) -> Iterator[tuple[Sample, Modelled, float]]:
    """Make synthetic buildings, model them, and yield both, with the CPU seconds that clipping took a building."""
    for _, group in groupby(found, key=lambda case: case.number // ROW):
        samples = [sample(case) for case in group]
        rules = ModelParams()
        outlines = [Outline(id=each.case.id, polygon=repair(each.outline, rules)[0]) for each in samples]
        xyz = np.concatenate([each.around.xyz for each in samples])
        points = (xyz[:, 0].copy(), xyz[:, 1].copy(), xyz[:, 2].copy())
        terrain = flat_ground(outlines, GROUND_M)
        started = time.process_time()
        for _ in scan_outlines(outlines, points, terrain, ModelParams()):
            pass
        clipping = (time.process_time() - started) / len(samples)
        for one, modelled in zip(samples, model_outlines(outlines, points, terrain, method, lod), strict=True):
            yield one, modelled, clipping


def flat_ground(outlines: Sequence[Outline], ground_m: float) -> Raster:
    """Terrain of one height under and around outlines."""
    boxes = np.array([outline.polygon.bounds for outline in outlines])
    low, high = boxes[:, :2].min(axis=0) - 5.0, boxes[:, 2:].max(axis=0) + 5.0
    box = Bounds(xmin=float(low[0]), ymin=float(low[1]), xmax=float(high[0]), ymax=float(high[1]))
    frame = Frame.covering(box, 0.5)
    return Raster(values=np.full(frame.shape, ground_m), frame=frame, crs="EPSG:6677")


def _ladder(outline: Outline, scan: Scan, params: ModelParams) -> Building:
    return model_building(outline, scan, params)


def _roofs(outline: Outline, scan: Scan, params: ModelParams) -> Building:
    """Return LoD2.2 by the roof chain alone, or nothing."""
    chain: Any = import_module("pipelines.roofs.reconstruct")
    settings: Any = import_module("pipelines.roofs.params")
    roof = chain.reconstruct(outline.polygon, scan.xyz, scan.ground_m, settings.RoofParams())
    building = model_building(outline, scan, dataclasses.replace(params, lod="1.2"))
    return dataclasses.replace(building, solids={"1.2": building.solids["1.2"], "2.2": roof.solid})


METHODS: dict[str, Callable[[Outline, Scan, ModelParams], Building]] = {"ladder": _ladder, "roofs": _roofs}
