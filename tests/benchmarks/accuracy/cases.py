"""What is scored: real labelled files by region, with the habits of whoever labelled them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import laspy
import numpy as np
import shapely

from pipelines.quality.labels import CodeMap
from twin.points import Points

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from twin.scene import Scene

__all__ = ["GROUPS", "Case", "Loaded", "real_cases"]

GROUPS = ("isprs", "dense", "sparse", "seabed", "synthetic")
_IGN_ODD = (64, 65, 66, 67)
"""IGN's own classes: lasting objects above ground, artefacts, virtual points."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Loaded:
    """Points and their truth."""

    points: Points
    """Coordinates, ``return_number`` and ``number_of_returns``: what the classification may see."""
    truth: np.ndarray
    """ASPRS codes, shape (n,)."""
    scene: Scene | None = None
    building: np.ndarray | None = None
    """Number of the scene's building that each point lies on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One file, or several as one, to score."""

    name: str
    group: str
    region: str
    """Models must not be trained on it: NL, FR, BR, DE, US or SYN."""
    load: Callable[[], Loaded]
    codes: CodeMap = field(default_factory=CodeMap)
    profile: str = ""
    """Profile where the site is known to need one; the default of the command otherwise."""
    block: Callable[[], shapely.Geometry] | None = None
    """Where its buildings are scored; everywhere if not given."""
    kind: str = "file"
    """``file``, ``mosaic`` (left out of means, since its files are in them) or ``scene``."""


def real_cases(data: Path) -> list[Case]:
    """Return every labelled file of the folder of real data."""
    return [*_isprs(data), *_delft(data), *_occitanie(data), *_brittany(data), *_florida(data)]


def _isprs(data: Path) -> list[Case]:
    paths = sorted((data / "lidar_isprs").glob("isprs_samp*.laz"))
    return [Case(name=path.stem.removeprefix("isprs_"), group="isprs", region="DE", load=_of(path)) for path in paths]


def _delft(data: Path) -> list[Case]:
    def block() -> shapely.Geometry:
        features = json.loads((data / "vector" / "delft_bgt_buildings.geojson").read_text())["features"]
        return shapely.union_all([shapely.geometry.shape(f["geometry"]).buffer(0) for f in features]).convex_hull

    codes = CodeMap(mapped={26: 17})
    return [
        Case(name=f"delft {k}", group="dense", region="NL", load=_of(path), codes=codes, block=block)
        for k in "ab"
        if (path := data / "lidar" / f"delft_ahn3_{k}.laz").is_file()
    ]


def _occitanie(data: Path) -> list[Case]:
    codes = CodeMap(ignored=_IGN_ODD)
    paths = sorted((data / "lidar").glob("fr_occitanie_urban_*.laz"))
    name = "occitanie "
    single = [
        Case(name=name + path.stem[-12:], group="dense", region="FR", load=_of(path), codes=codes) for path in paths
    ]
    if len(paths) < 2:
        return single
    return [
        *single,
        Case(name=name + "mosaic", group="dense", region="FR", load=_of(*paths), codes=codes, kind="mosaic"),
    ]


def _brittany(data: Path) -> list[Case]:
    codes = CodeMap(ignored=_IGN_ODD)
    paths = [*sorted((data / "lidar").glob("fr_brittany_1km_*.laz")), data / "edge" / "append_bug_1km.laz"]
    names = {path: path.stem.replace("fr_brittany_1km_", "brittany ").replace("_", " ") for path in paths}
    return [
        Case(name=names[path], group="sparse", region="BR", load=_of(path), codes=codes)
        for path in paths
        if path.is_file()
    ]


def _florida(data: Path) -> list[Case]:
    path = data / "lidar" / "florida_topobathy_west.laz"
    codes = CodeMap(mapped={26: 40}, ignored=(7,))
    made = Case(name="florida west", group="seabed", region="US", load=_of(path), codes=codes, profile="seabed")
    return [made] if path.is_file() else []


def _of(*paths: Path) -> Callable[[], Loaded]:
    def load() -> Loaded:
        files = [laspy.read(path) for path in paths]
        columns = {
            name: np.concatenate([np.asarray(file[name]) for file in files])
            for name in ("x", "y", "z", "return_number", "number_of_returns", "classification")
        }
        x, y, z = (np.asarray(columns[axis], np.float64) for axis in "xyz")
        seen: Mapping[str, np.ndarray] = {
            name: np.asarray(columns[name], np.uint8) for name in ("return_number", "number_of_returns")
        }
        return Loaded(
            points=Points(x=x, y=y, z=z, attributes=seen), truth=np.asarray(columns["classification"], np.uint8)
        )

    return load
