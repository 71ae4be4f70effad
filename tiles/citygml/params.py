"""What can be chosen when CityGML is written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from twin.errors import ConfigError

__all__ = ["CityGmlParams", "Version"]

Version = Literal["2.0", "3.0"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CityGmlParams:
    """Facts about a delivery that no point cloud holds."""

    version: Version = "2.0"
    """Of CityGML: ``2.0`` with i-UR 3.2 (PLATEAU's standard 4 and 5) or ``3.0`` with i-UR 4.0 (standard 6)."""
    city: str = ""
    """Code of the municipality (全国地方公共団体コード, five digits, a ward's own where there are wards), a part of
    the identifier that PLATEAU wants; where it is empty only buildings that bring an identifier have one."""
    survey: str = "112"
    """How the points were measured, by PLATEAU's list ``DataQualityAttribute_geometrySrcDesc``: 112 is a laser survey
    from the air that is no public survey, 110 one from a drone, 000 a public survey's result."""
    outlines: str = ""
    """The same for the outlines (LoD0), such as 400 for GIS data; as `survey` if empty."""
    created: str = ""
    """Date of the model, such as ``2025-10-01``; PLATEAU wants each building to have one. `twin export` states the day
    on which the model was made if this is empty."""
    crs: str = ""
    """Compound system to write instead of degrees with T.P., such as ``EPSG:7415``: one file for everything then, since
    meshes are Japan's. If empty it is EPSG:6697 (JGD2011), or EPSG:11318 for heights of JGD2024."""
    generic: bool = True
    """Whether to write what this engine knows of its model (``rmse_all_m``, ``recon_mode`` and so on) as generic
    attributes. PLATEAU admits those that a city's own product specification names."""

    def __post_init__(self) -> None:
        if self.version not in ("2.0", "3.0"):
            raise ConfigError(f"CityGML version {self.version!r}: there are 2.0 and 3.0")
        if self.city and not re.fullmatch(r"\d{5}", self.city):
            raise ConfigError(f"citygml.city={self.city!r}: write the municipality's five digits, such as 13104")
        for name in ("survey", "outlines"):
            if getattr(self, name) and not re.fullmatch(r"\d{3}", getattr(self, name)):
                raise ConfigError(f"citygml.{name}={getattr(self, name)!r}: write a code of three digits, such as 112")
        if self.created and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", self.created):
            raise ConfigError(f"citygml.created={self.created!r}: write a date such as 2025-10-01")
