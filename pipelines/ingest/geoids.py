"""Grids that the user gives for heights: what each leads from and to, and what it says at a point."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tiles.geoid import digest_of_geoid, read_geoid
from twin.errors import ConfigError, DatumError, FormatError
from twin.vertical import VerticalDatum

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tiles.geoid import GeoidGrid

__all__ = ["GeoidFile", "HeightStep", "declared_geoids", "is_covered", "rise_at"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GeoidFile:
    """A grid that the user gave, and what it leads from and to."""

    path: str
    digest: str
    """BLAKE2b-128 of its bytes."""
    model: str
    """What the file says it is; its name if it does not say."""
    base: str
    """Datum above whose zero its values are; empty if neither the file nor the user says."""
    surface: str
    """Datum whose zero its values are the height of; empty if neither says."""
    is_known: bool = False
    """Whether the file is a model whose base we know, and which leads to a zero that only the user can name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeightStep:
    """One use of a grid, or of several that together cover the place: the first that has a value there counts."""

    files: tuple[GeoidFile, ...]
    sign: int
    """-1 from base to surface: the height above the surface is that above the base less the grid's value; 1 back."""


def declared_geoids(texts: Sequence[str]) -> tuple[GeoidFile, ...]:
    """Read what the user says of grids: ``FILE``, ``SURFACE=FILE`` or ``BASE/SURFACE=FILE``.

    Datums are written as everywhere (``TP@JGD2024``, ``EPSG:5703``, ``local:hachijojima``); for GSI's models, and for
    grids that PROJ distributes, the file says them itself.

    Raises
    ------
    ConfigError
        If a file cannot be read as a grid, or a datum is none.
    """
    return tuple(_declared(text) for text in texts)


def rise_at(
    steps: Sequence[HeightStep], longitude: NDArray[np.float64], latitude: NDArray[np.float64], name: str
) -> NDArray[np.float64]:
    """Return what heights change by along a way's grids.

    Parameters
    ----------
    steps
        Uses of grids.
    longitude, latitude
        Degrees, shape (n,).
    name
        Of the file whose points they are, for messages.

    Returns
    -------
    ndarray
        Metres to add, shape (n,).

    Raises
    ------
    DatumError
        If a place is not covered, or a grid's file changed since it was looked at.
    """
    total = np.zeros(longitude.shape)
    for step in steps:
        values = _values(step, longitude, latitude)
        missing = np.isnan(values)
        if missing.any():
            at = int(np.argmax(missing))
            raise DatumError(_uncovered(step, float(longitude[at]), float(latitude[at]), int(missing.sum()), name))
        total += step.sign * values
    return total


def is_covered(
    steps: Sequence[HeightStep], longitude: NDArray[np.float64], latitude: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Say which places all grids of a way have a value at; degrees, shape (n,)."""
    covered = np.ones(longitude.shape, bool)
    for step in steps:
        covered &= np.isfinite(_values(step, longitude, latitude))
    return covered


def _values(step: HeightStep, longitude: NDArray[np.float64], latitude: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the first value that a step's grids have at each place; NaN where none has one."""
    values = np.full(longitude.shape, np.nan)
    for file in step.files:
        values = np.where(np.isnan(values), _unchanged(file).at(longitude, latitude), values)
    return values


def _declared(text: str) -> GeoidFile:
    names, equals, path = text.partition("=")
    if not equals or Path(text).exists():
        names, path = "", text
    try:
        base, surface = _ends(names)
        file = Path(path)
        grid = read_geoid(file)
        return GeoidFile(
            path=str(file.absolute()),
            digest=digest_of_geoid(file),
            model=grid.model or grid.name,
            base=base or _normal(grid.base),
            surface=surface or _normal(grid.surface),
            is_known=bool(grid.base),
        )
    except (FormatError, DatumError) as error:
        raise ConfigError(f"--geoid {text}: {error}") from None


def _ends(names: str) -> tuple[str, str]:
    """Read what stands before the file: nothing, ``SURFACE``, or ``BASE/SURFACE``."""
    if not names.strip():
        return "", ""
    base, slash, surface = names.partition("/")
    return (_normal(base), _normal(surface)) if slash else ("", _normal(base))


def _normal(name: str) -> str:
    return str(VerticalDatum.parse(name)) if name else ""


def _unchanged(file: GeoidFile) -> GeoidGrid:
    path = Path(file.path)
    try:
        if digest_of_geoid(path) != file.digest:
            raise DatumError(f"{path}: changed while it was in use; run it again")
        return read_geoid(path)
    except FormatError as error:
        raise DatumError(f"geoid grid {error}") from None


def _uncovered(step: HeightStep, longitude: float, latitude: float, n_points: int, name: str) -> str:
    grids = [_unchanged(file) for file in step.files]
    place = f"{longitude:.5f} E, {latitude:.5f} N"
    swapped = any(np.isfinite(grid.at(np.array([latitude]), np.array([longitude]))).any() for grid in grids)
    hint = "; are its coordinates swapped?" if swapped else ""
    there = "; ".join(map(str, grids))
    return (
        f"{name}: {n_points:,} points where {there} has no value, the first at {place}{hint}; give a grid that covers"
        " it as another --geoid, or leave those points out with --bbox"
    )
