"""Elevation grids of Japan's fundamental geospatial data (基盤地図情報 数値標高モデル: DEM1A, DEM5A/B/C, DEM10A/B).

A file holds one mesh in JGML (``FG-GML-...-DEM5A-....xml``), a download is a zip of many. Heights are above T.P.; the
grid's own axes are latitude and longitude, so a mesh is no `twin.raster.Raster`, which counts in metres.

References
----------
国土地理院, 基盤地図情報ダウンロードデータファイル仕様書 (grid of heights, ``tupleList``, ``startPoint``).
"""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import numpy as np

from twin.errors import FormatError
from twin.vertical import VerticalDatum

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["DemMesh", "read_dem_xml"]

_MOST_BYTES = 1 << 28
"""Bytes of one mesh's XML; the largest that are published have 16 MB."""
_MOST_CELLS = 1 << 26
_ROUNDING = 1e-6
_NO_DATA_BELOW_M = -9990.0
"""The files write -9999 where they know no height; no place on Earth is that low."""
_SYSTEMS = {
    "jgd2000.bl": ("EPSG:4612", "JGD2000"),
    "jgd2011.bl": ("EPSG:6668", "JGD2011"),
    # JGD2024 gave heights another geoid and left latitudes and longitudes as they were.
    "jgd2024.bl": ("EPSG:6668", "JGD2024"),
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DemMesh:
    """One mesh: heights at the middles of cells that are equal in latitude and longitude."""

    name: str
    """Name of the file it came from."""
    mesh: str
    """Code of the standard mesh (JIS X 0410)."""
    kind: str
    """What the file says it is, such as ``5mメッシュ（標高）``."""
    crs: str
    """Geographic CRS of the corners."""
    vertical: VerticalDatum
    west_deg: float
    """Outer edge of the first column."""
    south_deg: float
    east_deg: float
    north_deg: float
    """Outer edge of the first row."""
    heights_m: NDArray[np.float64]
    """Shape (rows, columns), row 0 in the north; NaN where no height is known."""
    surface: NDArray[np.uint8]
    """What was measured, an index into `surfaces`; shape as `heights_m`. 0 where nothing stands."""
    surfaces: tuple[str, ...]
    """Names of kinds of surface, such as 地表面 (ground), 表層面, 海水面, 内水面, データなし; the first is empty."""

    def height_at(self, longitude: NDArray[np.float64], latitude: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return heights between the cells' middles, bilinearly; NaN beyond them and where one of four is unknown.

        Parameters
        ----------
        longitude, latitude
            Degrees in `crs`, any shape.
        """
        rows, columns = self.heights_m.shape
        column = (longitude - self.west_deg) / (self.east_deg - self.west_deg) * columns - 0.5
        row = (self.north_deg - latitude) / (self.north_deg - self.south_deg) * rows - 0.5
        # A millionth of a cell is rounding: degrees have no exact fractions.
        inside = (np.abs(column - (columns - 1) / 2) <= (columns - 1) / 2 + _ROUNDING) & (
            np.abs(row - (rows - 1) / 2) <= (rows - 1) / 2 + _ROUNDING
        )
        left = np.clip(np.floor(np.where(inside, column, 0)).astype(int), 0, max(columns - 2, 0))
        top = np.clip(np.floor(np.where(inside, row, 0)).astype(int), 0, max(rows - 2, 0))
        right, below = np.minimum(left + 1, columns - 1), np.minimum(top + 1, rows - 1)
        east, south = np.where(inside, column, 0) - left, np.where(inside, row, 0) - top
        z = self.heights_m
        upper = z[top, left] * (1 - east) + z[top, right] * east
        lower = z[below, left] * (1 - east) + z[below, right] * east
        height: NDArray[np.float64] = np.where(inside, upper * (1 - south) + lower * south, np.nan)
        return height


def read_dem_xml(path: Path) -> Iterator[DemMesh]:
    """Yield the meshes of an XML file or of a zip of them, in order of their names.

    Raises
    ------
    FormatError
        If a file is not such XML, or its counts contradict each other; the message names the file, and the one inside.

    Notes
    -----
    A mesh of 5 m cells (225 x 150) takes 30 ms, one of 10 m cells (1125 x 750) 1 s. One mesh is in memory at a time.
    """
    try:
        if not zipfile.is_zipfile(path):
            if path.stat().st_size > _MOST_BYTES:
                raise FormatError(f"{path.name}: larger than {_MOST_BYTES >> 20} MB; this is no elevation mesh")
            yield _mesh(path.name, path.read_bytes())
            return
        with zipfile.ZipFile(path) as archive:
            members = sorted(member.filename for member in archive.infolist() if member.filename.endswith(".xml"))
            if not members:
                raise FormatError(f"{path.name}: holds no .xml")
            for member in members:
                with archive.open(member) as stream:  # the size that a zip states need not be true
                    content = stream.read(_MOST_BYTES + 1)
                if len(content) > _MOST_BYTES:
                    raise FormatError(f"{path.name}: {member} is larger than {_MOST_BYTES >> 20} MB")
                yield _mesh(f"{path.name}: {member}", content)
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise FormatError(f"{path.name}: cannot be read: {error}") from None


def _mesh(name: str, content: bytes) -> DemMesh:
    if b"<!ENTITY" in content:
        raise FormatError(f"{name}: defines entities, which an elevation mesh has no use for")
    try:
        root = ElementTree.fromstring(content)  # entities are refused above
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise FormatError(f"{name}: not XML ({error})") from None
    texts = {element.tag.rpartition("}")[2]: (element.text or "").strip() for element in root.iter()}
    attributes = {element.tag.rpartition("}")[2]: element.attrib for element in root.iter() if element.attrib}
    if "tupleList" not in texts:
        raise FormatError(f"{name}: holds no grid of heights (no tupleList)")
    system = attributes.get("Envelope", {}).get("srsName", "").rpartition(":")[2].lower()
    if system not in _SYSTEMS:
        raise FormatError(f"{name}: its system {system or 'is not stated'!r} is not one of {', '.join(_SYSTEMS)}")
    order = attributes.get("sequenceRule", {}).get("order", "+x-y")
    if order != "+x-y":
        raise FormatError(f"{name}: its heights run in order {order!r}; +x-y is read")
    (low_x, low_y), (high_x, high_y) = (_pair(name, texts, key, int) for key in ("low", "high"))
    columns, rows = int(high_x - low_x) + 1, int(high_y - low_y) + 1
    if columns < 1 or rows < 1 or columns * rows > _MOST_CELLS:
        raise FormatError(f"{name}: a grid of {columns} x {rows} cells is none")
    start_x, start_y = _pair(name, texts, "startPoint", int) if "startPoint" in texts else (0, 0)
    heights, surface, names = _cells(name, texts["tupleList"], (rows, columns), int(start_y) * columns + int(start_x))
    (south, west), (north, east) = (_pair(name, texts, key, float) for key in ("lowerCorner", "upperCorner"))
    if not (-90 <= south < north <= 90 and -180 <= west < east <= 360):
        raise FormatError(f"{name}: its corners, latitude {south} to {north}, longitude {west} to {east}, are none")
    crs, epoch = _SYSTEMS[system]
    return DemMesh(
        name=name, mesh=texts.get("mesh", ""), kind=texts.get("type", ""), crs=crs, vertical=VerticalDatum("TP", epoch),
        west_deg=west, south_deg=south, east_deg=east, north_deg=north, heights_m=heights, surface=surface,
        surfaces=names,
    )  # fmt: skip


def _pair(name: str, texts: dict[str, str], key: str, kind: type[int] | type[float]) -> tuple[float, float]:
    try:
        first, second = (kind(word) for word in re.split(r"[\s,]+", texts[key]))
    except (KeyError, ValueError, OverflowError):
        raise FormatError(f"{name}: {key} should be two numbers: {texts.get(key, 'missing')[:60]!r}") from None
    return first, second


def _cells(
    name: str, text: str, shape: tuple[int, int], start: int
) -> tuple[NDArray[np.float64], NDArray[np.uint8], tuple[str, ...]]:
    """Return heights and kinds of surface; cells before the start and behind the last tuple are not known."""
    lines = text.split()
    n_cells = shape[0] * shape[1]
    if not 0 <= start <= n_cells or len(lines) > n_cells - start:
        raise FormatError(f"{name}: {len(lines)} heights from cell {start} on do not fit {shape[1]} x {shape[0]} cells")
    heights, surface = np.full(n_cells, np.nan), np.zeros(n_cells, np.uint8)
    codes: dict[str, int] = {"": 0}
    for place, line in enumerate(lines, start):
        word, comma, number = line.rpartition(",")
        try:
            height = float(number)
        except ValueError:
            comma = ""
        if not comma or len(codes) > 250:
            raise FormatError(f"{name}: cell {place} should be a kind of surface and a height: {line[:60]!r}")
        surface[place] = codes.setdefault(word, len(codes))
        if np.isfinite(height) and height > _NO_DATA_BELOW_M:
            heights[place] = height
    return heights.reshape(shape), surface.reshape(shape), tuple(codes)
