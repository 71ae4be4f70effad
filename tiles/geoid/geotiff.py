"""GeoTIFF grids, as PROJ distributes them and as others convert them; read by GDAL."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

import numpy as np

from tiles.geoid.grid import GeoidGrid
from tiles.geoid.numbers import node_count
from twin.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = ["is_tiff", "parse_geotiff"]

_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_METRES = {"", "metre", "meter", "metres", "meters", "m"}
_TO_VERTICAL = "VERTICAL_OFFSET_GEOGRAPHIC_TO_VERTICAL"


def is_tiff(head: bytes) -> bool:
    """Whether a file's first bytes are those of a TIFF."""
    return head[:4] in _MAGIC


def parse_geotiff(content: bytes, name: str) -> GeoidGrid:
    """Read the first band of the first picture; finer grids within it, which some have, are not read.

    Values belong to the centres of pixels, whether the file counts in points or in areas: GDAL's transform is that of
    the pixels' corners in both cases. Scale, offset and void are applied.

    Raises
    ------
    FormatError
        If GDAL cannot read it, or it is not over degrees, is turned, or not in metres.
    """
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # said below, with what to do
        try:
            with rasterio.open(io.BytesIO(content)) as file:
                facts = _facts(file, name)
                band = file.read(1, masked=True)
                scale, offset = file.scales[0], file.offsets[0]
                tags = {**file.tags(), **file.tags(1)}
        except RasterioError as error:
            raise FormatError(f"{name}: no TIFF that GDAL reads: {' '.join(str(error).split())[:120]}") from None
    transform, flips = facts
    values = np.ma.filled(band.astype(np.float64) * scale + offset, np.nan)
    rows = values.shape[0]
    north_up = values[::-1] if flips else values
    south = transform.f + transform.e * (rows - 0.5 if flips else 0.5)
    base, surface = _datums(tags)
    return GeoidGrid(
        west_deg=_wrapped(transform.c + transform.a / 2),
        south_deg=south,
        step_lon_deg=transform.a,
        step_lat_deg=abs(transform.e),
        values=np.ascontiguousarray(north_up),
        name=name,
        model=" ".join(str(tags.get("TIFFTAG_IMAGEDESCRIPTION", "")).split())[:80],
        base=base,
        surface=surface,
    )


def _facts(file: Any, name: str) -> tuple[Any, bool]:
    """Return the transform, and whether rows run from north to south."""
    node_count(file.height, file.width, 2**62, name)
    transform = file.transform
    if file.crs is None or transform.is_identity:
        raise FormatError(f"{name}: a TIFF without place on the globe; give one with a geographic CRS")
    if not file.crs.is_geographic:
        raise FormatError(f"{name}: counts in {file.crs.linear_units}, not in degrees; warp it to EPSG:4326 first")
    if transform.b or transform.d or transform.a <= 0:
        raise FormatError(f"{name}: its rows do not run from west to east; warp it to EPSG:4326 first")
    unit = (file.units[0] or "").lower()
    if unit not in _METRES:
        raise FormatError(f"{name}: values in {unit}, not metres")
    return transform, transform.e < 0


def _datums(tags: Mapping[str, Any]) -> tuple[str, str]:
    """Return base and surface as PROJ's own grids state them; empty where a file does not say."""
    if tags.get("TYPE") != _TO_VERTICAL:
        return "", ""
    code = str(tags.get("target_crs_epsg_code", ""))
    return "ellipsoidal", f"EPSG:{code}" if code.isdigit() else ""


def _wrapped(longitude_deg: float) -> float:
    return longitude_deg - 360 if longitude_deg > 180 else longitude_deg
