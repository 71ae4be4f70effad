"""What a city model holds beside buildings: terrain, bridges, water and single trees."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["CityObject", "Kind", "Tin"]

Kind = Literal["Bridge", "WaterBody", "SolitaryVegetationObject"]
"""Classes of CityGML and CityJSON."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CityObject:
    """An object of faces. Heights are in metres above the store's vertical datum.

    Raises
    ------
    ValueError
        If the vertices are no triples, or there is not one meaning a face.
    """

    id: str
    """Stable under rerun and retiling: from the given outline, or from the object's place."""
    kind: Kind
    lod: str
    """Level of detail as CityJSON writes it: ``1``."""
    vertices: NDArray[np.float64]
    """Shape (n, 3): x, y, z in metres on the 0.1 mm grid, CRS and datum of the store."""
    faces: tuple[tuple[tuple[int, ...], ...], ...]
    """Per face its rings, the outer one first; a ring is vertex indices, not repeated at its end, counter-clockwise
    seen from outside or from above."""
    semantics: tuple[str | None, ...]
    """One per face: ``GroundSurface``, ``WallSurface``, ``RoofSurface``, ``WaterSurface``; None where the standard has
    no word for it, as on trees."""
    is_solid: bool
    """Whether the faces close a body (``Solid``), or are surfaces (``MultiSurface``)."""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """Facts, JSON-able, by their published names: ``height``, ``crownDiameter``."""

    def __post_init__(self) -> None:
        if self.vertices.ndim != 2 or self.vertices.shape[1] != 3:
            raise ValueError(f"vertices have shape {self.vertices.shape}, not (n, 3)")
        if len(self.semantics) != len(self.faces):
            raise ValueError(f"{len(self.semantics)} meanings for {len(self.faces)} faces")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tin:
    """The ground of one tile as triangles (``TINRelief``). Heights are in metres above the store's vertical datum.

    Raises
    ------
    ValueError
        If vertices or triangles are no triples.
    """

    id: str
    """From the tile: ``relief_<z>_<x>_<y>``."""
    vertices: NDArray[np.float64]
    """Shape (n, 3): x, y, z in metres on the 0.1 mm grid, CRS and datum of the store."""
    triangles: NDArray[np.int32]
    """Shape (m, 3): vertex indices, counter-clockwise seen from above."""
    lod: str = "1"
    """Level of detail as CityJSON writes it."""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """Facts, JSON-able: ``tolerance_m``, ``n_samples``."""

    def __post_init__(self) -> None:
        for name, values in (("vertices", self.vertices), ("triangles", self.triangles)):
            if values.ndim != 2 or values.shape[1] != 3:
                raise ValueError(f"{name} have shape {values.shape}, not (n, 3)")
