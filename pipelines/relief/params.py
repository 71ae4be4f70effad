"""What the terrain triangles may be told."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ReliefParams"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliefParams:
    """Parameters of the terrain triangles.

    Raises
    ------
    ValueError
        If the tolerance is not above the grid of the coordinates.
    """

    tolerance_m: float = 0.15
    """Largest vertical distance of a cell of the terrain raster from the triangles, metres (ours: one and a half times
    the height error of a survey from the air, 0.10 m, so that triangles follow the ground and not its noise)."""

    def __post_init__(self) -> None:
        if not 0.001 <= self.tolerance_m <= 100.0:
            raise ValueError(f"tolerance_m must be between 0.001 and 100: {self.tolerance_m}")
