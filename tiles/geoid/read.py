"""The door for grids: which reader, and what a model that we know by name leads from and to."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from tiles.geoid.geotiff import is_tiff, parse_geotiff
from tiles.geoid.gsi import is_gsi, parse_gsi
from tiles.geoid.gtx import is_gtx, parse_gtx
from tiles.geoid.isg import is_isg, parse_isg
from tiles.geoid.patch import is_patch, parse_patch
from twin.errors import FormatError

if TYPE_CHECKING:
    from pathlib import Path

    from tiles.geoid.grid import GeoidGrid

__all__ = ["digest_of_geoid", "read_geoid"]

_MAX_BYTES = 1 << 30
"""A gigabyte: EGM2008 at 1' as GTX has 0.9."""

_KNOWN = (
    (re.compile(r"jpgeo2024.*hrefconv2024|hrefconv2024.*jpgeo2024"), "ellipsoidal", ""),
    (re.compile(r"hrefconv2024"), "TP@JGD2024", ""),
    (re.compile(r"jpgeo2024"), "ellipsoidal", "TP@JGD2024"),
    (re.compile(r"gsigeo2011"), "ellipsoidal", "TP@JGD2011"),
    (re.compile(r"hyokorev(bm|tr)jgd2024"), "TP@JGD2011", "TP@JGD2024"),
)
"""Base and surface of GSI's models (2025). Hrefconv2024 is how high islands' own mean sea levels stand above Tokyo
Peil, so the file, alone or in sum with the geoid, does not say of which island."""


def read_geoid(path: Path) -> GeoidGrid:
    """Read a grid of any format that is known, by its bytes; the suffix does not count.

    Raises
    ------
    FormatError
        If the file cannot be read, is none of them, or is broken.

    Notes
    -----
    A process keeps the last four grids. A grid of JPGEO2024's size (3.4 million nodes, 37 MB of text) takes 0.7 s,
    190 MB while it is read and 27 MB then.
    """
    return _read(path, digest_of_geoid(path))


@lru_cache(maxsize=64)
def _digest(path: Path, size: int, changed_ns: int) -> str:
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def digest_of_geoid(path: Path) -> str:
    """Return BLAKE2b-128 of a file's bytes, which says which grid was used.

    Raises
    ------
    FormatError
        If there is no such file, it cannot be read, or is too large for a grid.
    """
    try:
        state = path.stat()
        if state.st_size > _MAX_BYTES:
            raise FormatError(f"{path}: {state.st_size / 1e9:.1f} GB; cut the part that is needed out of it")
        return _digest(path.absolute(), state.st_size, state.st_mtime_ns)
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror}") from None


@lru_cache(maxsize=4)
def _read(path: Path, digest: str) -> GeoidGrid:
    content, name = path.read_bytes(), path.name
    grid = _parsed(content, name)
    if grid.base or grid.surface:
        return grid
    plain = re.sub(r"[^a-z0-9]", "", f"{grid.model or name}".lower())
    for pattern, base, surface in _KNOWN:
        if pattern.search(plain):
            return replace(grid, base=base, surface=surface)
    return grid


def _parsed(content: bytes, name: str) -> GeoidGrid:
    head = content[:65_536]
    if not content:
        raise FormatError(f"{name}: an empty file")
    if is_tiff(head):
        return parse_geotiff(content, name)
    if is_isg(head):
        return parse_isg(content, name)
    if is_patch(head):
        return parse_patch(content, name)
    if is_gsi(head):
        return parse_gsi(content, name)
    if is_gtx(head, len(content)):
        return parse_gtx(content, name)
    raise FormatError(f"{name}: no grid that is known; give GSI's .isg, .asc or .par, a GTX, or a GeoTIFF over degrees")
