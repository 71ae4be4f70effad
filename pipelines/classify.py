"""Classifying: what each point is, tile by tile, the same whatever the tiling.

The order is fixed: noise, ground, embankments, buildings,
vegetation, water; what nothing claims is 1. Every step looks at most its
own ``reach_m`` around a point, in cells and voxels anchored at the CRS origin and in arithmetic that does not depend on
the order of points. The halo is the sum of these reaches along the chain, so a tile's labels are those that the whole
area would give.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.ground import (
    EmbankmentParams,
    SmrfParams,
    between_drops,
    climb,
    deck_around,
    find_ground,
    ground_frame_step_m,
)
from pipelines.ground.cells import box_sum, cell_numbers, count
from pipelines.noise import NoiseParams, find_noise
from pipelines.objects import (
    AboveGround,
    BuildingParams,
    VegetationParams,
    WaterParams,
    find_buildings,
    find_rocks,
    find_vegetation,
    find_water,
    on_planes,
    shapes_of,
)
from twin.config import Layer, Settings, preset
from twin.points import PointClass, Points
from twin.raster import Frame, Raster

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pipelines.ground import Ground
    from tiles.store import Store
    from twin.bounds import Bounds
    from twin.tiling import TileId

__all__ = [
    "STAGES",
    "ClassifyParams",
    "ClassifyStage",
    "classify_points",
    "classify_profile",
    "classify_stage",
    "profile_layer",
]

_COLUMNS = ("return_number", "number_of_returns")
_HALO_STEP_M = 8.0
STAGES: dict[str, type] = {
    "noise": NoiseParams,
    "ground": SmrfParams,
    "embankment": EmbankmentParams,
    "water": WaterParams,
    "building": BuildingParams,
    "vegetation": VegetationParams,
}
"""Names that profiles and ``--set`` use for the steps' parameters, and their dataclasses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifyParams:
    """Parameters of all steps."""

    noise: NoiseParams = field(default_factory=NoiseParams)
    ground: SmrfParams = field(default_factory=SmrfParams)
    embankment: EmbankmentParams = field(default_factory=EmbankmentParams)
    water: WaterParams = field(default_factory=WaterParams)
    building: BuildingParams = field(default_factory=BuildingParams)
    vegetation: VegetationParams = field(default_factory=VegetationParams)

    @property
    def objects_reach_m(self) -> float:
        """Reach of the steps after the ground filter: embankments then buildings, or water then rocks."""
        cells = self.embankment_cells + self.bridge_cells + 4
        climb_m = 2 * max(self.building.voxels_m) + cells * self.ground.cell_m
        around_rocks_m = self.water.rock_m + 2 * self.water.cell_m
        return max(climb_m + self.building.reach_m, around_rocks_m + max(self.water.reach_m, climb_m))

    @property
    def embankment_cells(self) -> int:
        """Longest climb in cells of the ground grid."""
        return round(self.embankment.max_length_m / self.ground.cell_m)

    @property
    def bridge_cells(self) -> int:
        """Half width of the widest bridge in cells of the ground grid."""
        return round(self.embankment.bridge_half_width_m / self.ground.cell_m)

    @property
    def reach_m(self) -> float:
        """Greatest distance from which a point can change another point's label."""
        return self.noise.reach_m + self.ground.reach_m + self.objects_reach_m


def classify_points(
    points: Points, core: Bounds, params: ClassifyParams
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

    Returns
    -------
    ASPRS codes and confidences in per cent, both of shape (n,). Outside `core` the labels mean little.

    Notes
    -----
    About 0.8 M points a second on one core at 15 points per square metre; some 200 bytes a point.
    """
    label = np.full(len(points), PointClass.UNCLASSIFIED, np.uint8)
    confidence = np.full(len(points), 40, np.uint8)
    window = core.buffered(params.reach_m).snapped(ground_frame_step_m(params.ground))
    frame = Frame.covering(window, params.ground.cell_m)
    inside = np.flatnonzero(window.contains(points.x, points.y))
    noise = find_noise(points.x[inside], points.y[inside], points.z[inside], frame, params.noise)
    noisy, clean = inside[noise > 0], inside[noise == 0]
    label[noisy], confidence[noisy] = noise[noise > 0], 80
    ground = find_ground(points.x[clean], points.y[clean], points.z[clean], frame, params.ground)
    _mark_ground(label, confidence, clean, ground, params)
    near = core.buffered(params.objects_reach_m).contains(points.x[clean], points.y[clean])
    index = clean[near & (label[clean] != PointClass.LOW_NOISE)]
    height_m = np.full(len(points), np.nan, np.float32)
    height_m[clean] = ground.height_m
    cloud = points.take(index).with_attributes(label=label[index], height_m=height_m[index])
    low = Raster(values=ground.low, frame=frame, crs="")
    for code, certainty in (_standing(cloud, low, core, params), _water(cloud, core, params)):
        label[index[code > 0]], confidence[index[code > 0]] = code[code > 0], certainty[code > 0]
    rocks = find_rocks(cloud, label[index], label[index] == PointClass.BUILDING, _wet_frame(core, params), params.water)
    over_m = cloud.z - ground.low.ravel()[cell_numbers(frame, cloud.x, cloud.y)]
    on_rock = over_m <= 2.0 * params.embankment.max_slope * frame.resolution_m + params.embankment.slack_m
    label[index[rocks]] = np.where(on_rock, PointClass.GROUND, PointClass.HIGH_VEGETATION)[rocks]
    confidence[index[rocks]] = 55
    return label, confidence


def _mark_ground(
    label: NDArray[np.uint8],
    confidence: NDArray[np.uint8],
    index: NDArray[np.int64],
    ground: Ground,
    params: ClassifyParams,
) -> None:
    """Ground, surer the closer to the surface; and what a pit left below it."""
    with np.errstate(invalid="ignore"):
        closeness = 1.0 - np.abs(ground.height_m) / ground.tolerance_m
        buried = ground.in_pit & (ground.height_m < -params.noise.isolated_gap_m - ground.tolerance_m)
    label[index[ground.is_ground]] = PointClass.GROUND
    confidence[index[ground.is_ground]] = np.rint(50.0 + 50.0 * closeness[ground.is_ground]).astype(np.uint8)
    label[index[buried]], confidence[index[buried]] = PointClass.LOW_NOISE, 60


def _standing(
    points: Points, low: Raster, core: Bounds, params: ClassifyParams
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Codes and confidences of embankments, buildings and vegetation, 0 for all else."""
    code, certainty = np.zeros(len(points), np.uint8), np.full(len(points), 70, np.uint8)
    rises = (points["label"] == PointClass.UNCLASSIFIED) & (points["height_m"] > params.vegetation.min_height_m)
    chosen = np.flatnonzero(rises)
    above = _above_ground(points.take(chosen))
    shapes = tuple(shapes_of(above, size) for size in params.building.voxels_m)
    planar = on_planes(above, shapes, params.building)
    climbed, bridge = _climbed(points, above, planar, low, params)
    code[chosen] = np.where(bridge, PointClass.BRIDGE, np.where(climbed, PointClass.GROUND, 0))
    window = core.buffered(params.objects_reach_m).snapped(params.building.cell_m)
    frame = Frame.covering(window, params.building.cell_m)
    rest = np.flatnonzero(~(climbed | bridge))
    chosen, above, planar = chosen[rest], above.take(rest), planar[rest]
    is_building, on_roof = find_buildings(above, planar, frame, params.building)
    leaf = find_vegetation(above, shapes[0].take(rest), params.vegetation)
    code[chosen] = np.where(is_building, PointClass.BUILDING, leaf)
    certainty[chosen[is_building]] = np.where(on_roof[is_building], 95, 75)
    return code, certainty


def _climbed(
    points: Points, above: AboveGround, planar: NDArray[np.bool_], low: Raster, params: ClassifyParams
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which points above the filtered ground lie on embankments that ground climbs, and which on bridges."""
    frame, steps = low.frame, params.embankment
    step_m, cells = steps.max_slope * frame.resolution_m, cell_numbers(frame, above.x, above.y)
    at_foot = above.z - low.values.ravel()[cells] <= step_m + steps.slack_m
    foot, smooth = count(cells, frame.shape, at_foot), count(cells, frame.shape, at_foot & planar)
    is_smooth = (foot > 0) & (box_sum(smooth, 1) >= steps.planar_share * box_sum(foot, 1))
    is_ground = points["label"] == PointClass.GROUND
    seeds = count(cell_numbers(frame, points.x, points.y), frame.shape, is_ground) > 0
    reached = climb(low.values, seeds, is_smooth, step_m, params.embankment_cells)
    bridge = between_drops(low.values, reached, 2 * step_m, steps.bridge_drop_m, params.bridge_cells)
    on_bridge = at_foot & bridge.ravel()[cells]
    climbed = at_foot & reached.ravel()[cells] & ~on_bridge
    bottom, top = (side.ravel()[cells] for side in deck_around(low.values, bridge))
    at_edge = (above.z >= bottom - step_m) & (above.z <= top + steps.parapet_m)
    return climbed, on_bridge | (at_edge & ~climbed)


def _water(points: Points, core: Bounds, params: ClassifyParams) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Codes and confidences of water and seabed, 0 for all else."""
    code = find_water(points, points["label"] == PointClass.GROUND, _wet_frame(core, params), params.water)
    return code, np.full(len(points), 70, np.uint8)


def _wet_frame(core: Bounds, params: ClassifyParams) -> Frame:
    window = core.buffered(params.objects_reach_m).snapped(params.water.cell_m)
    return Frame.covering(window, params.water.cell_m)


def _above_ground(points: Points) -> AboveGround:
    """Take the returns' order where it is known; 0 of 0 counts as single."""
    unknown = np.zeros(len(points), np.uint8)
    number = points.attributes.get("return_number", unknown)
    of = points.attributes.get("number_of_returns", unknown)
    return AboveGround(
        x=points.x, y=points.y, z=points.z, height_m=points["height_m"], is_last=number >= of, is_single=of <= 1
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifyStage:
    """The tiled stage that writes ``labels/``."""

    steps: ClassifyParams = field(default_factory=ClassifyParams)
    """Parameters of all steps."""

    @property
    def name(self) -> str:
        """Stage name."""
        return "classify"

    @property
    def version(self) -> int:
        """Version of the kernels."""
        return 1

    @property
    def halo_m(self) -> float:
        """Reach of all steps, rounded up; one cell more because the halo's edge cuts cells."""
        return math.ceil((self.steps.reach_m + self.steps.water.cell_m) / _HALO_STEP_M) * _HALO_STEP_M

    @property
    def input_runs(self) -> tuple[str, ...]:
        """No earlier run: it reads points alone."""
        return ()

    def params(self) -> Mapping[str, Any]:
        """Parameters by step."""
        return dataclasses.asdict(self.steps)

    def units(self, store: Store) -> list[TileId]:
        """Every tile of points."""
        return [row.tile for row in store.tiles()]

    def prepare(self, store: Store, run: str) -> None:
        """Nothing is shared between tiles."""

    def run_tile(self, store: Store, run: str, tile: TileId) -> Mapping[str, Any]:
        """Label one tile's own points."""
        points, n_own = store.read_with_halo(tile, self.halo_m, _COLUMNS)
        label, confidence = classify_points(points, store.grid.bounds(tile), self.steps)
        checksum = store.write_labels(run, tile, label[:n_own], confidence[:n_own])
        codes, counts = np.unique(label[:n_own], return_counts=True)
        return {
            "path": store.labels_path(run, tile),
            "checksum": checksum,
            "points": n_own,
            "classes": {str(code): int(n) for code, n in zip(codes, counts, strict=True)},
        }

    def finish(self, store: Store, run: str, reports: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
        """Points by class over all tiles."""
        total: dict[str, int] = {}
        for report in reports.values():
            for code, n in report["classes"].items():
                total[code] = total.get(code, 0) + int(n)
        return {"classes": dict(sorted(total.items(), key=lambda item: int(item[0])))}


def classify_stage(settings: Settings) -> ClassifyStage:
    """Build the stage from layered settings (profile, project file, ``--set``)."""
    return ClassifyStage(steps=ClassifyParams(**{name: settings.params(name, kind) for name, kind in STAGES.items()}))


def profile_layer(name: str) -> Layer:
    """Return the parameters of a profile in ``config/profiles`` as a layer of settings.

    Raises
    ------
    ConfigError
        If there is no such profile, or it speaks of a step that does not exist.
    """
    layer = Layer(where=f"profiles/{name}.yaml", stages=preset("profiles", name))
    Settings().with_layer(layer).check_stages(STAGES)
    return layer


def classify_profile(name: str) -> ClassifyStage:
    """Return the stage with the parameters of a profile and no other layer."""
    return classify_stage(Settings().with_layer(profile_layer(name)))
