"""What a delivery is judged against."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

__all__ = ["AcceptanceParams", "ControlAxes"]

ControlAxes = Literal["auto", "xy", "yx"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptanceParams:
    """Limits of an acceptance; a limit of None is reported and not judged. A stated limit that is broken refuses.

    Raises
    ------
    ValueError
        If a length, a share or a count is out of its range.
    """

    density_per_m2: float | None = None
    """Least density, points/m2, of a cell; all returns of all files and strips count, noise and withheld do not."""
    density_cell_m: float = 1.0
    """Edge of the cells in which points are counted and strips compared, metres (issue: 1 m cells)."""
    density_share: float = 0.95
    """Least share of the surveyed cells, water aside, that must have `density_per_m2` (usual in tenders)."""
    empty_share: float | None = None
    """Greatest share of surveyed cells without a point, water aside (rate of missing cells: 0.10 to 0.15 in Japan)."""
    void_area_m2: float | None = None
    """Greatest area of one connected empty region, water aside, m2; None lists those above `void_listed_m2`."""
    void_listed_m2: float = 25.0
    """Area from which an empty region is listed where `void_area_m2` is None, m2 (ours: a garage)."""
    footprint_closing_m: float = 48.0
    """Half of the widest gap, open at its ends, that is part of the surveyed area, metres (ours: a lost strip);
    128 cells at most."""
    required_classes: tuple[int, ...] = ()
    """ASPRS codes that must occur in the delivery, and the only ones that may beside 1, 7, 12 and 18; empty: any."""
    overlap_rmse_m: float | None = None
    """Greatest root mean square height difference of a pair of strips, metres."""
    overlap_median_m: float | None = None
    """Greatest absolute median height difference of a pair of strips, metres."""
    overlap_spread_m: float = 0.1
    """Greatest standard deviation of a strip's heights in a cell that is compared, metres (ours: paved ground 0.03)."""
    overlap_relief_m: float = 0.3
    """Greatest height step to the neighbouring cells of a cell that is compared, metres (ours: slope up to 0.3)."""
    overlap_cells: int = 30
    """Compared cells from which a pair of strips is judged (ours: the median is then good to a fifth of its spread)."""
    controls: str = ""
    """Path of a CSV of control points: x, y, h and perhaps a name, in the delivery's CRS and datum."""
    control_axes: ControlAxes = "auto"
    """Order of the first two columns, east first (xy) or north first (yx); auto takes the one inside the delivery."""
    control_radius_m: float = 2.0
    """Distance within which ground points are taken for a control point, metres (ours: 12 points at 1 point/m2)."""
    control_rmse_m: float | None = None
    """Greatest root mean square of height differences to control points, metres."""
    control_max_m: float | None = None
    """Greatest absolute height difference to a control point, metres."""
    sheet_scheme: str = ""
    """How files are named by map sheets: empty does not judge names, ``auto`` judges those that state a sheet, anything
    else wants one of every file."""
    sheet_tolerance_m: float = 0.01
    """Distance by which points may lie outside their sheet, metres (ours: the rounding of a file)."""
    gps_gap_s: float | None = None
    """Greatest time without a point within a strip, seconds."""
    strip_gap_s: float = 10.0
    """Time without a point that ends a strip where point source ids do not tell them, seconds (ours: a short turn)."""
    stray_low_m: float = 5.0
    """Depth below all neighbouring cells from which a cell's lowest is a stray, metres (ours: below any cellar)."""
    stray_high_m: float = 30.0
    """Height above all neighbouring cells from which a cell's highest point is a stray, metres (ours: above a mast)."""
    noise_share: float | None = None
    """Greatest share of points of class 7 and 18."""
    duplicates_share: float | None = None
    """Greatest share of points that repeat another in place, time and return; None remarks on any."""
    scale_m: float = 0.01
    """Coarsest step of coordinates without a remark, metres (LAS practice: 0.01 or 0.001)."""
    listed: int = 20
    """Voids, pairs of strips and files named in full in a finding's facts."""

    def __post_init__(self) -> None:
        positive = ("density_cell_m", "overlap_spread_m", "overlap_relief_m", "control_radius_m", "strip_gap_s")
        for name in (*positive, "void_listed_m2"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive: {getattr(self, name)}")
        for name in ("density_share", "empty_share", "noise_share", "duplicates_share"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise ValueError(f"{name} is a share between 0 and 1: {value}")
        if self.control_radius_m > 10:
            raise ValueError(f"control_radius_m is at most 10: {self.control_radius_m}")
        if not 0.05 <= self.density_cell_m <= 10:
            raise ValueError(f"density_cell_m is between 0.05 and 10: {self.density_cell_m}")
        if not self.footprint_closing_m >= 0:
            raise ValueError(f"footprint_closing_m is not negative: {self.footprint_closing_m}")

    @property
    def least_points(self) -> int:
        """Points from which a cell is as dense as `density_per_m2` asks for."""
        return math.ceil((self.density_per_m2 or 0.0) * self.density_cell_m**2 - 1e-9)

    @property
    def void_limit_m2(self) -> float:
        """Area from which a void is told of."""
        return self.void_listed_m2 if self.void_area_m2 is None else self.void_area_m2
