"""Survey files to measure with: large ones are made of shifted copies, whose points are all in different places.

A copy differs from its original in the header alone (offset and box), so that two hundred million points are there in
seconds instead of an hour, and every point still has to be decoded. Made once, kept, and the same bytes every time.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from costs import measure

from tiles.las import open_las_writer, read_header
from tiles.las_write import LasParams
from twin.crs import parse_crs
from twin.points import Points
from twin.vertical import VerticalDatum

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Delivery", "Inputs"]

_OFFSETS_AT = 155
"""Byte of the x offset in a LAS header; y follows."""
_BOX_AT = 179
"""Byte of xmax, xmin, ymax, ymin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Files, and what must be said about them."""

    name: str
    folder: Path
    files: tuple[Path, ...]
    n_points: int
    crs: str
    vertical: str
    states_crs: bool
    """Whether the files say their CRS themselves."""

    @property
    def options(self) -> list[str]:
        """What `twin ingest` must be told."""
        return [] if self.states_crs else ["--crs", self.crs, "--vertical", self.vertical]

    @property
    def bytes_per_point(self) -> float:
        """Of the files."""
        return sum(path.stat().st_size for path in self.files) / self.n_points


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Makes deliveries in a folder, and finds those that are there already."""

    folder: Path
    real: Path | None
    """Folder of real files, if there is one."""
    twin: tuple[str, ...]
    """Command that runs the program."""

    def scene(self, n_points: int) -> Delivery:
        """Return the synthetic bay with about that many points, strips in LAZ with colour."""
        folder = self.folder / f"scene_{n_points}"
        if not (folder / "truth.json").is_file():
            command = [*self.twin, "synth", str(folder), "--points", str(n_points), "--json", "--progress", "none"]
            measure(command, log=self.folder / "synth.log")
        return _delivery("synthetic bay", folder, sorted(folder.glob("*.laz")), "EPSG:6677", "TP", True)

    def scenes(self, n_points: int, copies: int) -> Delivery:
        """Return `copies` scenes beside each other."""
        one = self.scene(n_points)
        folder = self.folder / f"scenes_{n_points}_{copies}"
        return _delivery(
            f"{copies} synthetic bays", folder, _mosaic(one.files, folder, copies), "EPSG:6677", "TP", True
        )

    def delft(self, copies: int) -> Delivery | None:
        """Return the larger real tile of Delft, `copies` times beside itself; None without real files."""
        if self.real is None:
            return None
        original = self.real / "lidar" / "delft_ahn3_a.laz"
        folder = self.folder / f"delft_{copies}"
        files = _mosaic((original,), folder, copies)
        return _delivery(f"{copies} tiles of Delft (AHN3)", folder, files, "EPSG:28992", "EPSG:5709", False)

    def originals(self, name: str, pattern: str, crs: str, vertical: str) -> Delivery | None:
        """Return real files as they are; None without them."""
        found = sorted((self.real / "lidar").glob(pattern)) if self.real is not None else []
        if not found:
            return None
        folder = self.folder / pattern.strip("*.laz")
        folder.mkdir(parents=True, exist_ok=True)
        files = [folder / path.name for path in found]
        for path, target in zip(found, files, strict=True):
            target.write_bytes(path.read_bytes())
        return _delivery(name, folder, files, crs, vertical, False)

    def crumbs(self, tiles: int, edge_m: float = 512.0) -> Delivery:
        """Return one file with ten points in each of `tiles` tiles of a store."""
        folder = self.folder / f"crumbs_{tiles}"
        path = folder / "crumbs.laz"
        if not path.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            side = math.ceil(math.sqrt(tiles))
            column, row = (part.repeat(10) for part in np.divmod(np.arange(tiles), side))
            rng = np.random.default_rng(0)
            x, y = ((part + rng.random(part.size)) * edge_m for part in (column, row))
            points = Points(x=x, y=y, z=rng.random(x.size) * 20.0)
            layout = LasParams(point_format=6)
            with open_las_writer(
                path, layout, crs=parse_crs("EPSG:6677"), vertical=VerticalDatum.parse("TP")
            ) as writer:
                writer.write(points)
        return _delivery(f"{tiles} tiles of 10 points", folder, [path], "EPSG:6677", "TP", True)


def _mosaic(originals: tuple[Path, ...], folder: Path, copies: int) -> list[Path]:
    """Copy files `copies` times onto a square, edge to edge, each shifted by whole metres."""
    headers = [read_header(path) for path in originals]
    lows = [min(header.mins[axis] for header in headers) for axis in (0, 1)]
    highs = [max(header.maxs[axis] for header in headers) for axis in (0, 1)]
    step = [math.ceil(high - low) for low, high in zip(lows, highs, strict=True)]
    side = math.ceil(math.sqrt(copies))
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for copy in range(copies):
        row, column = divmod(copy, side)
        for path in originals:
            target = folder / f"{path.stem}_{copy:03d}.laz"
            if not target.is_file():
                _shifted(path, target, column * step[0], row * step[1])
            made.append(target)
    return made


def _shifted(source: Path, target: Path, east_m: int, north_m: int) -> None:
    """Copy a LAS or LAZ file so that all its points lie elsewhere."""
    content = bytearray(source.read_bytes())
    for at, shifts in ((_OFFSETS_AT, (east_m, north_m)), (_BOX_AT, (east_m, east_m, north_m, north_m))):
        values = struct.unpack_from(f"<{len(shifts)}d", content, at)
        struct.pack_into(f"<{len(shifts)}d", content, at, *map(sum, zip(values, shifts, strict=True)))
    unfinished = target.with_suffix(".part")
    unfinished.write_bytes(content)
    unfinished.rename(target)


def _delivery(  # noqa: PLR0913 - the fields of a delivery
    name: str, folder: Path, files: list[Path], crs: str, vertical: str, states_crs: bool
) -> Delivery:
    n_points = sum(read_header(path).n_points for path in files)
    return Delivery(
        name=name,
        folder=folder,
        files=tuple(files),
        n_points=n_points,
        crs=crs,
        vertical=vertical,
        states_crs=states_crs,
    )
