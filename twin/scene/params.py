"""What a synthetic scene is made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["SceneFeature", "SceneParams"]

SceneFeature = Literal["turbid", "channel", "seagrass", "wreck", "no-surface", "multibeam"]
"""What a bay's survey of the sea can have beside; see `SceneParams.features`."""

_LEAST_M = {"highrise": 320.0, "cliff": 240.0}
"""Smallest edges in which a hall of more than 100 m and its streets, or a bay between cliffs, have room, metres."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneParams:
    """Size, kind and sensor of a synthetic survey; equal parameters give equal bytes.

    Raises
    ------
    ValueError
        If a number is out of range.
    """

    kind: Literal["bay", "hills", "island", "highrise", "cliff"] = "bay"
    """``bay``: tidal canal, dikes, low streets, sea, islet. ``hills``: steep dense wood, walled terraces, roads, a dam.
    ``island``: volcano. ``highrise``: towers, halls, expressway, underpass, pits. ``cliff``: sea cliffs, gorge, quarry,
    terraces."""
    n_points: int = 1_300_000
    """Points wanted; the survey comes within a few per cent. 10 thousand to a billion."""
    seed: int = 1
    """Any non-negative integer below 2**63."""
    density_per_m2: float = 11.0
    """Returns per square metre over the whole area, all strips; Japanese city surveys ask for 10 to 20."""
    min_edge_m: float = 160.0
    """Smallest edge of the square area in metres, in which every kind of thing still fits: small scenes are sparse."""
    range_noise_m: float = 0.02
    """Standard deviation along the ray in metres; data sheets of airborne scanners give 0.015 to 0.025."""
    position_noise_m: float = 0.02
    """Standard deviation along x and along y in metres, per pulse: what is left of the attitude's error."""
    strip_offset_m: float = 0.03
    """Standard deviation of each strip's constant offset along x and y in metres; two thirds of it along z."""
    max_scan_angle_deg: float = 25.0
    """Half of the field of view in degrees."""
    look_angle_deg: float = 8.0
    """Tilt of the scan plane ahead, in degrees: walls across the track are seen, from the other side by each strip."""
    low_noise_share: float = 2e-4
    """Share of pulses that end below the surface (multipath)."""
    high_noise_share: float = 1e-4
    """Share of pulses that a bird or haze stops in the air."""
    features: tuple[SceneFeature, ...] = ()
    """Bay only. ``turbid``: a third of the light comes back from the first metres of the water. ``channel``: a dredged
    channel with steep sides. ``seagrass``: meadows 0.2 to 0.6 m high that hide half of their bed. ``wreck``: a hull and
    blocks on the bed (class 43). ``no-surface``: the first two strips hear nothing from the water's surface.
    ``multibeam``: a sonar's survey, nothing but bed and what lies on it, without refraction."""
    ghost_share: float | None = None
    """Share of 12 m cells with a patch where a strip's light takes a way round (glass, wet paving) and small groups of
    points lie 1 to 20 m below the ground. None: 0.03 among high-rise, 0 elsewhere."""
    pulses_per_piece: int = 150_000
    """Pulses of one piece: bounds the memory, changes no byte of the survey."""
    delivered: Literal["truth", "none"] = "truth"
    """``truth`` writes the true class as `classification`; ``none`` writes 0 and the truth as ``extra/truth_class``."""

    def __post_init__(self) -> None:
        if not 1_000 <= self.n_points <= 2_000_000_000:
            raise ValueError(f"n_points must lie between 1 000 and 2 000 000 000: {self.n_points}")
        if not 0 <= self.seed < 1 << 63:
            raise ValueError(f"seed must lie between 0 and 2**63 - 1: {self.seed}")
        if self.features and self.kind != "bay":
            raise ValueError(f"features of the sea must go with kind 'bay', not {self.kind!r}: {self.features}")
        if self.density_per_m2 <= 0 or self.min_edge_m < 120 or self.pulses_per_piece < 100:
            raise ValueError("density must be positive, min_edge_m at least 120, pulses_per_piece at least 100")
        if not (1 <= self.max_scan_angle_deg <= 40 and 0 <= self.look_angle_deg <= 20):
            raise ValueError("scan angle must lie between 1 and 40 degrees, look angle between 0 and 20")

    @property
    def ghosts(self) -> float:
        """Share of 12 m cells with a patch of multipath."""
        return self.ghost_share if self.ghost_share is not None else 0.03 * (self.kind == "highrise")

    @property
    def edge_m(self) -> float:
        """Edge of the square area, in whole metres."""
        least = max(self.min_edge_m, _LEAST_M.get(self.kind, 0.0))
        return float(round(max(least, (self.n_points / self.density_per_m2) ** 0.5)))
