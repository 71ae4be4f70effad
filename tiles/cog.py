"""Cloud-optimised GeoTIFF: one raster as a file that every GIS opens, and a web map reads in pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
from pyproj import CRS
from pyproj.crs import CompoundCRS
from rasterio.transform import Affine

from tiles.atomic import atomic_path
from twin.crs import vertical_crs
from twin.vertical import epsg_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from twin.raster import Raster
    from twin.vertical import VerticalDatum

__all__ = ["write_cog"]


def write_cog(  # noqa: PLR0913 - the facts that a file carries
    path: Path,
    raster: Raster,
    *,
    nodata: float | None = None,
    description: str = "",
    unit: str = "",
    tags: Mapping[str, str] | None = None,
) -> None:
    """Write a raster as a tiled, DEFLATE-compressed GeoTIFF with overviews, atomically.

    Heights carry their datum: as the vertical part of the CRS where the datum has an EPSG code, and always as the tag
    ``VERTICAL_DATUM`` (A.P. and island datums have no code).

    Parameters
    ----------
    path
        File to create or replace.
    raster
        Values of any GDAL type; booleans are written as bytes.
    nodata
        Value that means nothing; NaN for floats if not given.
    description, unit
        Name and unit of the band, such as ``depth`` and ``m``.
    tags
        Further facts, such as lineage.
    """
    values = raster.values.astype(np.uint8) if raster.values.dtype == np.bool_ else raster.values
    is_float = np.issubdtype(values.dtype, np.floating)
    facts = dict(tags or {})
    if raster.vertical is not None:
        facts["VERTICAL_DATUM"] = str(raster.vertical)
    options: dict[str, Any] = {
        "driver": "COG",
        "height": raster.frame.rows,
        "width": raster.frame.columns,
        "count": 1,
        "dtype": values.dtype.name,
        "crs": rasterio.crs.CRS.from_wkt(_crs(raster.crs, raster.vertical).to_wkt("WKT2_2019")),
        "transform": Affine(*raster.frame.geotransform),
        "nodata": float("nan") if nodata is None and is_float else nodata,
        "compress": "DEFLATE",
        "predictor": "YES",
        "blocksize": 512,
        "overview_resampling": "AVERAGE" if is_float else "NEAREST",
        "num_threads": 1,
    }
    with atomic_path(path) as temporary, rasterio.open(temporary, "w", **options) as file:
        file.write(values, 1)
        file.update_tags(**facts)
        if description:
            file.set_band_description(1, description)
        if unit:
            file.units = (unit,)


def _crs(horizontal: str, vertical: VerticalDatum | None) -> CRS:
    flat = CRS.from_user_input(horizontal)
    code = epsg_of(vertical)
    if code is None:
        return flat
    upright = vertical_crs(code, by_name=True)
    return CompoundCRS(name=f"{flat.name} + {upright.name}", components=[flat, upright])
