"""Parameters of all steps of classification, and how far they reach together."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipelines.classify.confidence import ConfidenceParams
from pipelines.ground import EmbankmentParams, SmrfParams
from pipelines.learned import LearnedParams
from pipelines.noise import NoiseParams
from pipelines.objects import BridgeParams, BuildingParams, SparseRoofParams, VegetationParams, WireParams
from pipelines.water import InlandWaterParams, SeabedParams, WaterParams

__all__ = ["BURIED_CELLS", "STAGES", "ClassifyParams"]

BURIED_CELLS = 2
"""Cells of the ground grid around a pit in which ground must be seen before what lies below it is noise."""

STAGES: dict[str, type] = {
    "noise": NoiseParams,
    "ground": SmrfParams,
    "learned": LearnedParams,
    "embankment": EmbankmentParams,
    "water": WaterParams,
    "seabed": SeabedParams,
    "inland_water": InlandWaterParams,
    "bridge": BridgeParams,
    "building": BuildingParams,
    "sparse_roof": SparseRoofParams,
    "vegetation": VegetationParams,
    "wire": WireParams,
    "confidence": ConfidenceParams,
}
"""Names that profiles and ``--set`` use for the steps' parameters, and their dataclasses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifyParams:
    """Parameters of all steps."""

    noise: NoiseParams = field(default_factory=NoiseParams)
    ground: SmrfParams = field(default_factory=SmrfParams)
    learned: LearnedParams = field(default_factory=LearnedParams)
    embankment: EmbankmentParams = field(default_factory=EmbankmentParams)
    water: WaterParams = field(default_factory=WaterParams)
    seabed: SeabedParams = field(default_factory=SeabedParams)
    inland_water: InlandWaterParams = field(default_factory=InlandWaterParams)
    bridge: BridgeParams = field(default_factory=BridgeParams)
    building: BuildingParams = field(default_factory=BuildingParams)
    sparse_roof: SparseRoofParams = field(default_factory=SparseRoofParams)
    vegetation: VegetationParams = field(default_factory=VegetationParams)
    wire: WireParams = field(default_factory=WireParams)
    confidence: ConfidenceParams = field(default_factory=ConfidenceParams)

    @property
    def objects_reach_m(self) -> float:
        """Reach of the rules after the ground filter: what ground climbs to, bridges, water, buildings, rocks."""
        climb_m = 2 * max(self.building.voxels_m) + (self.embankment_cells + 4) * self.ground.cell_m
        wet_m = max(self.water.reach_m + self.seabed.reach_m(self.water.cell_m), climb_m)
        bridge_m = self.bridge.reach_m(self.ground.cell_m, climb_m)
        return max(self.standing_reach_m + climb_m, self._rocks_reach_m + wet_m, bridge_m, self.inland_water.reach_m)

    @property
    def standing_reach_m(self) -> float:
        """Distance within which a point's own class must be known: rules of buildings and plants, or of rocks."""
        votes_m = self.vegetation.reach_cells * self.building.cell_m
        return max(self.buildings_reach_m + votes_m, self._rocks_reach_m)

    @property
    def _rocks_reach_m(self) -> float:
        return self.water.rock_m + 2 * self.water.cell_m

    @property
    def buildings_reach_m(self) -> float:
        """Reach of the building rules: roofs of sparse surveys with the claims around them, or those of dense ones."""
        claims_m = 3 * self.building.outline_m + 2 * self.building.cell_m
        return max(self.building.reach_m, self.sparse_roof.reach_m + claims_m)

    @property
    def embankment_cells(self) -> int:
        """Longest climb in cells of the ground grid."""
        return round(self.embankment.max_length_m / self.ground.cell_m)

    @property
    def reach_m(self) -> float:
        """Greatest distance from which a point can change another point's label."""
        filtered_m = self.noise.reach_m + self.ground.reach_m + (BURIED_CELLS + 1) * self.ground.cell_m
        after_m = max(self.objects_reach_m, self.standing_reach_m + self.learned.reach_m)
        return filtered_m + after_m + self.confidence.reach_m
