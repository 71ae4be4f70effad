"""What the making of roofs may be told, and what every number is."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.roofs.shape import ShapeParams

__all__ = ["RoofParams"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoofParams(ShapeParams):
    """Parameters from the points of one building to its roof.

    Lengths are absolute or multiples of the noise and the spacing of the building's own points; nothing depends on
    the tile, the run or the clock.

    Raises
    ------
    ValueError
        If a number is out of its range.
    """

    n_neighbours: int = 12
    """Nearest points that fix a local plane. Below 8 normals are noise (7 degrees at 5 cm and 10 points/m2), above
    20 they see over ridges."""
    noise_floor_m: float = 0.02
    """Least noise believed, metres: tiles and ripples of real roofs."""
    noise_ceiling_m: float = 0.12
    """Most noise believed, metres; a rougher building is not noisy but not planar (trees, plant on the roof)."""
    grow_sigmas: float = 3.0
    """Farthest a point may lie from its plane, in standard deviations of the noise."""
    grow_floor_m: float = 0.08
    """The same, at least, metres: sag of rafters and seams of sheet roofs."""
    grow_angle_deg: float = 30.0
    """Most angle between a point's normal and its plane's, degrees; normals of 12 points scatter by 3 to 9."""
    wall_slope_deg: float = 78.0
    """Steeper planes are walls, degrees; mansards reach 75."""
    min_plane_points: int = 8
    """Fewest points of a plane (three fix it, five check it)."""
    min_plane_m2: float = 1.5
    """Least area of a plane as seen from above, square metres: the roof of a small dormer."""
    merge_m: float = 0.06
    """Neighbours are one plane if that adds no more than this to the misfit of either, metres (or 1.5 times the noise);
    a lower step is a seam."""
    min_filled: float = 0.65
    """Least share of a plane's points among the neighbours of its points; roofs have 0.75 to 1, planes laid through
    leaves 0.5."""
    hidden_m: float = 1.0
    """A plane this far below other roof points over most of its extent is a floor or a balcony, metres."""
    max_planes: int = 900
    """Most planes kept, those with most points first; bounds time on glasshouses and gasworks."""
    max_points: int = 250_000
    """Most points used; of more every n-th in the order of x is taken. 30 000 m2 at 8 points/m2."""

    level_deg: float = 3.0
    """Planes flatter than this are made level where the points allow it, degrees: gutters fall 1 degree."""
    snap_deg: float = 6.0
    """Most turn of a plane towards the outline's directions, degrees."""
    snap_cost_m: float = 0.02
    """Most misfit that making planes regular may add (root of the sum of squares), metres, or half the noise."""

    step_m: float = 0.25
    """Least height of a step between two planes that is modelled by a wall, metres (or three times the noise)."""
    min_line_m: float = 0.8
    """Shortest ridge, valley or step, metres: side of a dormer."""
    box_m2: float = 25.0
    """Planes smaller than this get all four sides, square metres: dormers, stair heads, lift shafts."""
    line_gap_m: float = 1.5
    """Widest gap in the points along one step edge, metres."""
    max_lines: int = 1_500
    """Most partition lines, those around the largest planes first; a roof of 900 planes has about as many."""
    near_outline_m: float = 0.3
    """A step edge that runs along the outline closer than this is the outline, metres: a parapet, a gutter."""

    misfit_m: float = 0.5
    """Misfit at which a point counts fully against a plane, metres; an outlier must not weigh more."""
    edge_weight_m: float = 0.06
    """Area that one metre of edge between two planes must explain, square metres per metre."""
    step_weight_m: float = 0.10
    """The same for each metre of edge at a step of `step_cap_m` or more, so that planes meet at ridges if they can."""
    step_cap_m: float = 1.0
    """Step above which edges cost no more, metres."""
    hidden_step_m: float = 1.0
    """Least step beside which a hole in the scan goes to the lower plane, metres; a lower one hides less than half a
    metre at a scan angle of 25 degrees."""
    guard_m: float = 1.0
    """How far above its own highest or below its own lowest point a plane may be extended, metres."""
    main_plane_m2: float = 10.0
    """Planes of LoD2.0 are at least this large, square metres (LoD2.0 of Biljecki, Ledoux and Stoter 2016)."""
    max_sweeps: int = 6
    """Most rounds over all planes in the search for labels; two or three suffice."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        ShapeParams.__post_init__(self)
        if self.n_neighbours < 4:
            raise ValueError(f"n_neighbours must be at least 4: {self.n_neighbours}")
        if self.min_plane_points < 4:
            raise ValueError(f"min_plane_points must be at least 4: {self.min_plane_points}")
        if not 0 < self.noise_floor_m <= self.noise_ceiling_m:
            raise ValueError(f"noise must be 0 < floor <= ceiling: {self.noise_floor_m}, {self.noise_ceiling_m}")
        for name in ("min_plane_m2", "min_line_m", "misfit_m", "step_cap_m", "max_planes", "max_lines", "max_points"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive: {getattr(self, name)}")
