"""The steps in their order, on arrays: what each point is.

The order is fixed: noise, ground, a second look at it, embankments, buildings, vegetation, water, rocks, bridges;
what nothing claims is 1. Every step looks at most its own ``reach_m`` around a point, in cells and voxels anchored at
the CRS origin and in arithmetic that does not depend on the order of points. The halo is the sum of these reaches along
the chain, so a tile's labels are those that the whole area would give.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.classify.confidence import per_cent, read_signs
from pipelines.classify.evidence import Evidence
from pipelines.classify.params import BURIED_CELLS
from pipelines.classify.spanning import footing_of, label_bridges
from pipelines.classify.standing import label_standing
from pipelines.classify.wet import label_rocks, label_water
from pipelines.ground import find_ground, ground_frame_step_m
from pipelines.ground.cells import box_sum, cell_numbers, count
from pipelines.learned import Filtered, look_again
from pipelines.noise import find_noise
from twin.points import PointClass
from twin.raster import Frame, Raster

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.classify.confidence import Signs
    from pipelines.classify.params import ClassifyParams
    from pipelines.ground import Ground
    from twin.bounds import Bounds
    from twin.points import Points

__all__ = ["classify_points", "label_points"]


def classify_points(
    points: Points, core: Bounds, params: ClassifyParams, evidence: Evidence | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Label a cloud.

    Parameters
    ----------
    points
        n points in a projected CRS in metres, heights of one datum; ``return_number``, ``number_of_returns`` if known.
    core
        Where labels are wanted. They are those of the whole area if every point within ``params.reach_m`` is given.
    params
        Parameters of all steps.
    evidence
        Polygons that touch the core and its halo, if any were given.

    Returns
    -------
    ASPRS codes and confidences in per cent, both of shape (n,). Outside `core` the labels mean little.

    Notes
    -----
    About 0.2 M points a second on one core at 15 points per square metre, 0.32 M without the learned stage (``make
    accuracy``). A tile of 512 m and 4 M points with its halo costs twice that and 3 GB.
    """
    label, signs = label_points(points, core, params, evidence)
    return label, per_cent(signs, params.confidence)


def label_points(
    points: Points, core: Bounds, params: ClassifyParams, evidence: Evidence | None = None
) -> tuple[NDArray[np.uint8], Signs]:
    """Label a cloud as `classify_points` does, and return what speaks for and against each label."""
    asked, core = core, core.buffered(params.confidence.reach_m)  # labels around a point tell how sure its own is
    evidence = evidence or Evidence()
    label = np.full(len(points), PointClass.UNCLASSIFIED, np.uint8)
    confidence = np.full(len(points), 40, np.uint8)
    window = core.buffered(params.reach_m).snapped(ground_frame_step_m(params.ground))
    frame = Frame.covering(window, params.ground.cell_m)
    clean = _without_noise((label, confidence), points, window, frame, params)
    x, y, z = points.x[clean], points.y[clean], points.z[clean]
    ground = find_ground(x, y, z, frame, params.ground)
    _mark_ground(label, confidence, clean, ground, params)
    buried = _buried((x, y), ground, frame, params)
    label[clean[buried]], confidence[clean[buried]] = PointClass.LOW_NOISE, 60
    wide = core.buffered(params.objects_reach_m).contains(x, y)
    del x, y, z  # copies of a tile and its halo are large
    near = np.flatnonzero(wide & (label[clean] != PointClass.LOW_NOISE))
    index = clean[near]
    cloud = points.take(index).with_attributes(label=label[index], height_m=ground.height_m[near])
    low = Raster(values=ground.low, frame=frame, crs="")
    footing = footing_of(cloud, low, params)
    inner = core.buffered(params.standing_reach_m)
    odds = _look_again((label, confidence), points, clean, ground, (core, inner, params))
    of_inner = np.flatnonzero(inner.contains(cloud.x, cloud.y))
    own = cloud.take(of_inner).with_attributes(label=label[index[of_inner]])
    code, certainty = label_standing(own, footing, low, inner, params, evidence.footprints)
    _overrule((label, confidence), index[of_inner], code, certainty)
    _overrule((label, confidence), index, *label_water(cloud, core, params, evidence))
    _overrule((label, confidence), index, *label_rocks(cloud, label[index], low, core, params))
    _overrule((label, confidence), index, *label_bridges(cloud, label[index], footing, low, params))
    lift = np.full(len(points), np.nan, np.float32)
    lift[clean] = ground.height_m / ground.tolerance_m
    around = asked.buffered(params.confidence.reach_m)
    seen = np.flatnonzero(around.contains(points.x, points.y))
    of_seen = None if odds is None else {head: values[seen] for head, values in odds.items()}
    marks = label[seen], confidence[seen], lift[seen]
    signs = read_signs(points.take(seen), *marks, around, params.confidence, of_seen)
    return label, signs.at(seen, len(points))


def _without_noise(
    marks: tuple[NDArray[np.uint8], NDArray[np.uint8]],
    points: Points,
    window: Bounds,
    frame: Frame,
    params: ClassifyParams,
) -> NDArray[np.int64]:
    """Mark noise; return which points in the window are none."""
    label, confidence = marks
    inside = np.flatnonzero(window.contains(points.x, points.y))
    own = points if len(inside) == len(points) else points.take(inside)
    noise = find_noise(own.x, own.y, own.z, frame, params.noise)
    noisy, code = inside[noise > 0], noise[noise > 0]
    label[noisy], confidence[noisy] = code, np.where(code == PointClass.UNCLASSIFIED, 40, 80)
    return np.asarray(inside[noise == 0])


def _overrule(
    marks: tuple[NDArray[np.uint8], NDArray[np.uint8]],
    index: NDArray[np.int64],
    code: NDArray[np.uint8],
    certainty: NDArray[np.uint8],
) -> None:
    """Give the points at `index` the labels and confidences of a step, where it has a code for them."""
    label, confidence = marks
    said = code > 0
    label[index[said]], confidence[index[said]] = code[said], certainty[said]


def _look_again(
    marks: tuple[NDArray[np.uint8], NDArray[np.uint8]],
    points: Points,
    clean: NDArray[np.int64],
    ground: Ground,
    area: tuple[Bounds, Bounds, ClassifyParams],
) -> dict[str, NDArray[np.uint8]] | None:
    """Correct ground near the core where the trees are asked; return odds of all n points, None if nobody was asked."""
    (label, confidence), (core, inner, params) = marks, area
    if not params.learned.enabled:
        return None
    wide = inner.buffered(params.learned.reach_m)
    near = np.flatnonzero(wide.contains(points.x[clean], points.y[clean]) & (label[clean] != PointClass.LOW_NOISE))
    index = clean[near]
    seen = look_again(_filtered(points.take(index), ground, near), inner, params.learned, standing=core)
    odds = {head: np.zeros(len(points), np.uint8) for head in ("ground", "building", "vegetation")}
    for head, values in odds.items():
        values[index] = getattr(seen, head)
    asked, is_ground = index[seen.in_doubt], seen.is_ground[seen.in_doubt]
    label[asked] = np.where(is_ground, PointClass.GROUND, PointClass.UNCLASSIFIED)
    confidence[asked] = np.where(is_ground, odds["ground"][asked], 100 - odds["ground"][asked])
    return odds


def _filtered(points: Points, ground: Ground, index: NDArray[np.intp]) -> Filtered:
    unknown = np.zeros(len(points), np.uint8)
    return Filtered(
        x=points.x,
        y=points.y,
        z=points.z,
        height_m=ground.height_m[index],
        tolerance_m=ground.tolerance_m[index],
        is_ground=ground.is_ground[index],
        return_number=points.attributes.get("return_number", unknown),
        number_of_returns=points.attributes.get("number_of_returns", unknown),
    )


def _mark_ground(
    label: NDArray[np.uint8],
    confidence: NDArray[np.uint8],
    index: NDArray[np.int64],
    ground: Ground,
    params: ClassifyParams,
) -> None:
    """Ground, surer the closer to the surface."""
    with np.errstate(invalid="ignore"):
        closeness = 1.0 - np.abs(ground.height_m) / ground.tolerance_m
    label[index[ground.is_ground]] = PointClass.GROUND
    confidence[index[ground.is_ground]] = np.rint(50.0 + 50.0 * closeness[ground.is_ground]).astype(np.uint8)


def _buried(
    xy: tuple[NDArray[np.float64], NDArray[np.float64]], ground: Ground, frame: Frame, params: ClassifyParams
) -> NDArray[np.bool_]:
    """Which points a pit left below ground that is seen around it; shape (n,).

    Ground in two of three cells around: below a dark wood a lone true point looks like a pit too.
    """
    with np.errstate(invalid="ignore"):
        deep = ground.in_pit & (ground.height_m < -params.noise.isolated_gap_m - ground.tolerance_m)
    cells = cell_numbers(frame, *xy)
    seen = box_sum((count(cells, frame.shape, ground.is_ground) > 0).astype(np.int64), BURIED_CELLS)
    enough = 3 * seen >= 2 * (2 * BURIED_CELLS + 1) ** 2
    return np.asarray(deep & enough.ravel()[cells] & (cells >= 0))
