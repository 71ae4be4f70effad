"""What is drawn of a store's points: places, colours, classes, and which of them matter most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from tiles.tiles3d.colours import class_colours, survey_colours

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tiles.manifest import TileRow
    from twin.crs import HorizontalCrs
    from twin.points import Points
    from twin.tiling import TileGrid, TileId
    from twin.vertical import VerticalDatum

__all__ = ["PointSource", "Survey", "read_survey"]

_COLOURS = ("red", "green", "blue")
_WANTED = ("classification", "intensity", "lod", *_COLOURS)


class PointSource(Protocol):
    """What is asked of a store."""

    @property
    def crs(self) -> HorizontalCrs:
        """CRS of x and y, in metres."""

    @property
    def vertical(self) -> VerticalDatum:
        """Datum of z."""

    @property
    def grid(self) -> TileGrid:
        """Where the tiles lie."""

    def tiles(self) -> list[TileRow]:
        """Return the tiles that exist."""

    def read_tile(self, tile: TileId, columns: Sequence[str] | None = None) -> Points:
        """Return a tile's points with these attributes."""

    def read_labels(self, run: str, tile: TileId) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Return a run's (label, confidence) of a tile's points."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Survey:
    """Points in the store's CRS with what is drawn of them, n of them."""

    xyz: NDArray[np.float64]
    """Metres, shape (n, 3)."""
    colours: NDArray[np.uint8]
    """Linear, shape (n, 3)."""
    classes: NDArray[np.uint8]
    """Shape (n,)."""
    intensity: NDArray[np.uint16]
    """Shape (n,)."""

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self.xyz)

    def take(self, index: NDArray[np.int64]) -> Survey:
        """Return the points at `index`, in that order."""
        return Survey(
            xyz=self.xyz[index],
            colours=self.colours[index],
            classes=self.classes[index],
            intensity=self.intensity[index],
        )

    @staticmethod
    def joined(parts: Sequence[Survey]) -> Survey:
        """Return all points of `parts`, one after the other; at least one part."""
        return Survey(
            xyz=np.concatenate([p.xyz for p in parts]),
            colours=np.concatenate([p.colours for p in parts]),
            classes=np.concatenate([p.classes for p in parts]),
            intensity=np.concatenate([p.intensity for p in parts]),
        )


def read_survey(
    store: PointSource, row: TileRow, labels_run: str | None, *, by_class: bool, without: tuple[int, ...]
) -> tuple[Survey, NDArray[np.int64]]:
    """Read a tile.

    Parameters
    ----------
    store, row
        Where it is.
    labels_run
        Run whose labels are the classes; the classes as delivered if None.
    by_class
        Colour by class even where the survey has colours.
    without
        Classes to leave out.

    Returns
    -------
    The points in stored order, and their positions with the most important first: by level of detail, then by hash.
    """
    columns = [name for name in _WANTED if name in row.columns]
    points = store.read_tile(row.tile, columns)
    given = points.attributes
    nothing = np.zeros(len(points), dtype=np.uint8)
    classes = given.get("classification", nothing) if labels_run is None else store.read_labels(labels_run, row.tile)[0]
    survey = Survey(
        xyz=np.stack([points.x, points.y, points.z], axis=1),
        colours=class_colours(classes) if by_class else _colours(points, classes),
        classes=classes,
        intensity=given.get("intensity", nothing.astype(np.uint16)),
    )
    lod = given.get("lod", nothing)
    if without:
        kept = np.flatnonzero(~np.isin(classes, without))
        survey, lod = survey.take(kept), lod[kept]
    return survey, np.lexsort((place_hash(survey.xyz), lod))


def _colours(points: Points, classes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return linear colours of shape (n, 3): the survey's if it has any, else those of the classes."""
    if not all(name in points.attributes for name in _COLOURS):
        return class_colours(classes)
    red, green, blue = (points.attributes[name] for name in _COLOURS)
    brightest = max(int(channel.max(initial=0)) for channel in (red, green, blue))
    if brightest == 0:
        return class_colours(classes)
    return survey_colours(red, green, blue, is_8_bit=brightest <= 255)


def place_hash(xyz: NDArray[np.float64]) -> NDArray[np.uint64]:
    """Return a well-mixed number for each place, by the millimetre; shape (n, 3) to (n,).

    Equal places have equal numbers wherever the tile borders run. The mixing is SplitMix64's finaliser.
    """
    odd = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], dtype=np.uint64)
    counts = np.rint(xyz * 1000.0).astype(np.int64).view(np.uint64)
    key: NDArray[np.uint64] = (counts * odd).sum(axis=1, dtype=np.uint64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        key = (key ^ (key >> np.uint64(shift))) * np.uint64(factor)
    return key ^ (key >> np.uint64(31))
