"""Parameters of the learned second stage."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.learned.cells import CELL_M
from pipelines.learned.features import REACH_M

__all__ = ["LearnedParams"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedParams:
    """When the trees are asked, and how far they may go against the filter."""

    enabled: bool = True
    """Whether they are asked at all."""
    model: str = "default"
    """A shipped model by name, or the path of one that `twin train` made (``.trees``)."""
    sure_relief_m: float = 0.1
    """Height between the lowest and the highest point of 3 x 3 m up to which ground is not asked for, metres (ours:
    nothing that could be wrong fits below it)."""
    standing_m: float = 0.5
    """Height above the surface from which buildings and vegetation are asked for, metres (upper bound of low
    vegetation)."""
    take_below: int = 30
    """Odds, per cent, below which ground is taken away (ours: not 50, because the training covers few sensors, and the
    filter's word stands in between)."""
    give_above: int = 50
    """Odds, per cent, above which ground is given back."""
    give_back_m: float = 0.5
    """Height above or below the surface up to which ground is given back, metres (ours: below platforms and low roofs;
    1 m lets embankments climb from a platform to a roof)."""
    give_back_tolerances: float = 2.0
    """The same in tolerances of the filter, where that is more: on slopes its surface is vaguer."""
    max_slope: float = 0.5
    """Slope of the surface up to which ground is taken away, rise over run (ours: steeper, and height above a surface
    of 1 m cells is mostly the place within the cell)."""

    def __post_init__(self) -> None:
        if not 0 <= self.take_below <= self.give_above <= 100:
            raise ValueError(f"take_below {self.take_below} and give_above {self.give_above} must grow within 0 to 100")

    @property
    def reach_m(self) -> float:
        """Greatest distance from which a point can change another's odds, metres."""
        return REACH_M + CELL_M if self.enabled else 0.0
