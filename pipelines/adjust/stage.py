"""The tiled stage: each tile's matched planes are summed, and all sums together give the shifts."""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.adjust.matching import PairSums, match_pairs
from pipelines.adjust.network import solve_shifts
from pipelines.adjust.params import AdjustParams
from pipelines.adjust.patches import planar_patches
from twin.config import digest
from twin.points import PointClass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from tiles.store import Store
    from twin.points import Points
    from twin.tiling import TileId

__all__ = ["AdjustStage", "strip_numbers"]

_BY_FILE = 1 << 16
"""Numbers from here on are files (this plus the source's number); below are point source ids."""
_NOISE = (PointClass.LOW_NOISE, PointClass.HIGH_NOISE)
_WITHHELD = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustStage:
    """Distances between flight strips of a store, and shifts that would remove them; it changes nothing."""

    steps: AdjustParams = field(default_factory=AdjustParams)
    """Parameters of the matching."""

    @property
    def name(self) -> str:
        """Stage name."""
        return "adjust"

    @property
    def version(self) -> int:
        """Version of the kernels."""
        return 1

    @property
    def halo_m(self) -> float:
        """Nothing: cells lie within tiles."""
        return 0.0

    @property
    def input_runs(self) -> tuple[str, ...]:
        """None: points as delivered."""
        return ()

    def params(self) -> Mapping[str, Any]:
        """Parameters of the matching."""
        return dataclasses.asdict(self.steps)

    def units(self, store: Store) -> list[TileId]:
        """Every tile."""
        return [row.tile for row in store.tiles()]

    def prepare(self, store: Store, run: str) -> None:
        """Nothing to prepare."""

    def run_tile(self, store: Store, run: str, tile: TileId) -> Mapping[str, Any]:
        """Sum the matched planes of one tile."""
        row = store.manifest.tile(tile)
        wanted = ("return_number", "number_of_returns", "classification", "flags", "point_source_id", "source")
        points = store.read_tile(tile, [name for name in wanted if row is not None and name in row.columns])
        cloud = points.take(_on_surfaces(points))
        strips = strip_numbers(cloud, self.steps)
        numbers, strip = np.unique(strips, return_inverse=True)
        corner = store.grid.bounds(tile)
        column, line = (
            np.floor(values / self.steps.cell_m).astype(np.int64) - np.int64(np.floor(start / self.steps.cell_m))
            for values, start in ((cloud.x, corner.xmin), (cloud.y, corner.ymin))
        )
        base = float(cloud.z.min()) if len(cloud) else 0.0
        xyz = np.column_stack([cloud.x - corner.xmin, cloud.y - corner.ymin, cloud.z - base])
        patches = planar_patches(xyz, (line << 20) | column, strip.reshape(-1), self.steps)
        sums = [
            dataclasses.replace(entry, a=int(numbers[entry.a]), b=int(numbers[entry.b])).as_json()
            for entry in match_pairs(patches, self.steps)
        ]
        report = {"points": len(points), "patches": len(patches.cell), "pairs": sums, "strips": numbers.tolist()}
        return {"path": "", "checksum": digest(report), **report}

    def finish(self, store: Store, run: str, reports: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
        """Solve for the shifts and name the strips."""
        sums = [PairSums.from_json(pair) for key in sorted(reports) for pair in reports[key]["pairs"]]
        network = solve_shifts(self._enough(sums), self.steps.undetermined_m)
        files = {row.id: row.uri for row in store.manifest.sources() if row.state == "done"}
        every = {int(strip) for report in reports.values() for strip in report["strips"]}
        alone = sorted(every - {entry.strip for entry in network.strips})
        return {
            "strips": [
                {
                    "strip": _named(entry.strip, files),
                    "shift_m": list(entry.shift_m),
                    "sigma_m": [value if np.isfinite(value) else None for value in entry.sigma_m],
                    "patches": entry.patches,
                }
                for entry in network.strips
            ],
            "pairs": [
                {**dataclasses.asdict(pair), "a": _named(pair.a, files), "b": _named(pair.b, files)}
                for pair in network.pairs
            ],
            "alone": [_named(strip, files) for strip in alone],
            "groups": network.groups,
            "rms_before_m": network.rms_before_m,
            "rms_after_m": network.rms_after_m,
        }

    def _enough(self, sums: Sequence[PairSums]) -> list[PairSums]:
        """Leave out pairs of strips that hardly see a plane in common."""
        patches: Counter[tuple[int, int]] = Counter()
        for entry in sums:
            patches[entry.a, entry.b] += entry.n
        return [entry for entry in sums if patches[entry.a, entry.b] >= self.steps.min_patches]


def strip_numbers(points: Points, params: AdjustParams) -> NDArray[np.int64]:
    """Return the number of each point's strip, shape (n,): a point source id, or 65 536 plus the number of its file.

    With ``file_and_id`` it is 65 536 times one plus the file's number, plus the id.
    """
    nothing = np.zeros(len(points), np.uint16)
    ids = points.attributes.get("point_source_id", nothing).astype(np.int64)
    file = points.attributes.get("source", nothing).astype(np.int64)
    if params.strips == "file":
        return _BY_FILE + file
    if params.strips == "file_and_id":
        return _BY_FILE * (1 + file) + ids
    return np.where(ids > 0, ids, _BY_FILE + file)


def _on_surfaces(points: Points) -> NDArray[np.bool_]:
    """Which points are last returns that nobody called noise: the others lie in the air or in trees."""
    attributes = points.attributes
    chosen = np.ones(len(points), bool)
    if "return_number" in attributes and "number_of_returns" in attributes:
        chosen &= attributes["return_number"] >= attributes["number_of_returns"]
    if "classification" in attributes:
        chosen &= ~np.isin(attributes["classification"], _NOISE)
    if "flags" in attributes:
        chosen &= attributes["flags"] & _WITHHELD == 0
    return chosen


def _named(strip: int, files: Mapping[int, str]) -> dict[str, Any]:
    """Say what a strip's number stands for."""
    if strip < _BY_FILE:
        return {"point_source_id": strip}
    number, ids = divmod(strip, _BY_FILE)
    return {"file": files[strip - _BY_FILE]} if strip - _BY_FILE in files else {"file": files[number - 1], "id": ids}
