"""Point clouds as columns, and the classes a point can have."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from twin.bounds import Bounds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

__all__ = ["ATTRIBUTES", "PointClass", "Points"]


class PointClass(IntEnum):
    """ASPRS LAS 1.4 classes, with the topo-bathymetric ones of the LAS domain profile."""

    NEVER_CLASSIFIED = 0
    UNCLASSIFIED = 1
    GROUND = 2
    LOW_VEGETATION = 3
    MEDIUM_VEGETATION = 4
    HIGH_VEGETATION = 5
    BUILDING = 6
    LOW_NOISE = 7
    WATER = 9
    WIRE = 14
    TOWER = 15
    BRIDGE = 17
    HIGH_NOISE = 18
    SEABED = 40
    WATER_SURFACE = 41
    SUBMERGED_OBJECT = 43
    WATER_COLUMN = 45


ATTRIBUTES: dict[str, np.dtype[Any]] = {
    "intensity": np.dtype(np.uint16),
    "gps_time": np.dtype(np.float64),
    "return_number": np.dtype(np.uint8),
    "number_of_returns": np.dtype(np.uint8),
    "classification": np.dtype(np.uint8),
    "flags": np.dtype(np.uint8),
    "scan_angle": np.dtype(np.int16),
    "point_source_id": np.dtype(np.uint16),
    "user_data": np.dtype(np.uint8),
    "red": np.dtype(np.uint16),
    "green": np.dtype(np.uint16),
    "blue": np.dtype(np.uint16),
    "nir": np.dtype(np.uint16),
    "lod": np.dtype(np.uint8),
    "source": np.dtype(np.uint16),
    "source_index": np.dtype(np.uint32),
}
"""Attributes a point may carry beside x, y, z, with their types at rest.

`flags` packs synthetic (1), key-point (2), withheld (4), overlap (8), scanner channel (bits 4-5), scan direction (64)
and edge of flight line (128). `scan_angle` is in units of 0.006 degrees, as in point formats 6 to 10.
`source` and `source_index` are provenance: which delivered file, which row in it.
"""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Points:
    """A cloud of n points, by column, in one projected CRS with heights in one vertical datum.

    Raises
    ------
    ValueError
        If columns differ in length.
    """

    x: NDArray[np.float64]
    """Eastings in metres, shape (n,)."""
    y: NDArray[np.float64]
    """Northings in metres, shape (n,)."""
    z: NDArray[np.float64]
    """Heights in metres above the datum of the cloud's owner, shape (n,)."""
    attributes: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    """Further columns of shape (n,): names of `ATTRIBUTES`, or ``extra/<name>``."""

    def __post_init__(self) -> None:
        lengths = {name: len(column) for name, column in self.columns().items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"columns differ in length: {lengths}")

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self.x)

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Return one attribute column.

        Raises
        ------
        KeyError
            If the cloud does not carry it.
        """
        return self.attributes[name]

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return all columns by name, x, y and z first."""
        return {"x": self.x, "y": self.y, "z": self.z, **self.attributes}

    def take(self, index: NDArray[Any] | slice) -> Points:
        """Return the points at `index` (a mask, positions or a slice), in that order."""
        return Points(
            x=self.x[index],
            y=self.y[index],
            z=self.z[index],
            attributes={name: column[index] for name, column in self.attributes.items()},
        )

    def with_attributes(self, **columns: NDArray[Any]) -> Points:
        """Return the same points with columns added or replaced."""
        return Points(x=self.x, y=self.y, z=self.z, attributes={**self.attributes, **columns})

    @property
    def bounds(self) -> Bounds:
        """Horizontal extent; needs at least one point."""
        return Bounds.around(self.x, self.y)

    @staticmethod
    def concatenate(parts: Iterable[Points]) -> Points:
        """Join clouds in order; an attribute that some part lacks is filled with zeros there."""
        clouds = list(parts)
        if not clouds:
            return Points(x=np.empty(0), y=np.empty(0), z=np.empty(0))
        dtypes = {name: column.dtype for cloud in clouds for name, column in cloud.attributes.items()}
        attributes = {
            name: np.concatenate([cloud.attributes.get(name, np.zeros(len(cloud), dtype)) for cloud in clouds])
            for name, dtype in dtypes.items()
        }
        return Points(
            x=np.concatenate([cloud.x for cloud in clouds]),
            y=np.concatenate([cloud.y for cloud in clouds]),
            z=np.concatenate([cloud.z for cloud in clouds]),
            attributes=attributes,
        )
