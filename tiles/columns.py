"""One tile's columns at rest: a Zarr v3 group of 1-D arrays, one array an attribute.

=============================  ==========================================================================
``X Y Z``                      int32 counts of the store's scale from its offset
names of `twin.points`         as `twin.points.ATTRIBUTES` says
``extra/<name>``               delivered extra bytes in their own type; the name is percent-encoded in the path
``acquisition/<name>``         columns in acquisition order, and what brings them into the tile's
=============================  ==========================================================================

Profile ``compact`` gives return numbers and levels two bytes, because PCodec takes no single ones and still needs a
third less than a byte codec; they are read in their own type. Profile ``portable`` keeps X, Y, Z as multiples of the
delivered step where there is one (`tiles.arrays`), which PCodec finds by itself.

Every array has the same length. A column that no source of the tile delivered is absent; one that only some delivered
is zero elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

import numpy as np

from tiles.acquisition import ACQUIRED, ACQUISITION, PLACE
from tiles.arrays import read_array, write_array, write_group
from tiles.codecs import chunk_length
from tiles.storage import ObjectPath, in_parallel
from twin.errors import StoreError, UnreachableError
from twin.points import ATTRIBUTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from tiles.codecs import CodecProfile
    from tiles.storage import Place

T = TypeVar("T")

__all__ = ["EXTRA_PREFIX", "canonical", "dequantised", "quantised", "read_columns", "write_columns"]

EXTRA_PREFIX = "extra/"
_INT32 = np.iinfo(np.int32)
_WIDENED = frozenset({"return_number", "number_of_returns", ACQUISITION + "lod"})
_IN_STEPS = frozenset("XYZ")


def canonical(attributes: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return columns in the order and the types in which they rest: known ones first, extra ones by name.

    Raises
    ------
    StoreError
        If a name is neither known nor ``extra/<name>``.
    """
    unknown = [name for name in attributes if name not in ATTRIBUTES and not name.startswith(EXTRA_PREFIX)]
    if unknown:
        raise StoreError(f"columns {unknown} are not stored; call them {EXTRA_PREFIX}<name>")
    known = {name: np.asarray(attributes[name]).astype(ATTRIBUTES[name]) for name in ATTRIBUTES if name in attributes}
    extra = {name: np.asarray(attributes[name]) for name in sorted(attributes) if name.startswith(EXTRA_PREFIX)}
    return known | extra


def quantised(values: NDArray[np.float64], scale: float, offset: float, axis: str) -> NDArray[np.int32]:
    """Return coordinates as counts of `scale` from `offset`, rounded half to even.

    Raises
    ------
    StoreError
        If a coordinate is not finite or lies outside what 32 bits can count.
    """
    counts = np.rint((values - offset) / scale)
    if counts.size and not (counts.min() >= _INT32.min and counts.max() <= _INT32.max):
        low, high = offset + _INT32.min * scale, offset + _INT32.max * scale
        worst = values[~((counts >= _INT32.min) & (counts <= _INT32.max))][0]
        raise StoreError(
            f"{axis} = {worst:.3f} lies outside the store's range {low:.0f} to {high:.0f};"
            " is the CRS right? A place so far away needs a store of its own"
        )
    return counts.astype(np.int32)


def dequantised(counts: NDArray[np.int32], scale: float, offset: float) -> NDArray[np.float64]:
    """Return coordinates in metres of stored counts; shape as `counts`."""
    values: NDArray[np.float64] = np.multiply(counts, scale, dtype=np.float64)
    return values + offset if offset else values


def write_columns(
    folder: Path, columns: Mapping[str, NDArray[Any]], profile: CodecProfile, attributes: Mapping[str, Any]
) -> None:
    """Write all columns of one tile into a new group at `folder`; the same input gives the same bytes.

    Raises
    ------
    StoreError
        If the X column does not come back as it was written.
    """
    write_group(folder, attributes)
    is_portable = profile == "portable"
    for name, column in columns.items():
        values = column if is_portable or name not in _WIDENED else column.astype(np.uint16)
        in_steps = is_portable and name in _IN_STEPS
        write_array(folder / _path(name), np.ascontiguousarray(values), profile, in_steps=in_steps)
    if "X" in columns and not np.array_equal(read_columns(folder, ["X"])["X"], columns["X"]):
        raise StoreError(f"{folder.name}: the points read back are not those written; the disk may be full or failing")


def read_columns(
    folder: Place, names: Iterable[str], chunks: NDArray[np.bool_] | None = None
) -> dict[str, NDArray[Any]]:
    """Return columns of the tile at `folder`.

    Parameters
    ----------
    folder
        A group that `write_columns` wrote.
    names
        Columns to read.
    chunks
        Which chunks (`tiles.codecs.chunk_length`) to read, in order; all if None. A column in acquisition order is
        decoded whole all the same.

    Raises
    ------
    StoreError
        If a column is missing or its bytes cannot be decoded.
    """
    wanted = list(names)
    candidates = [name for name in wanted if name in ACQUIRED]
    found = _each(folder, lambda name: _read_acquired(folder, name), candidates)
    acquired = {name: column for name, column in found.items() if column is not None}
    read = _each(folder, lambda name: _read(folder, name, chunks), [name for name in wanted if name not in acquired])
    if acquired:
        from tiles.order import places_in_tile

        places = places_in_tile(_each(folder, lambda name: _read(folder, ACQUISITION + name, None), PLACE))
        if chunks is not None:
            places = places[np.repeat(chunks, chunk_length(len(places)))[: len(places)]]
        read |= {name: column[places] for name, column in acquired.items()}
    return {name: read[name] for name in wanted}


def _each(folder: Place, read: Callable[[str], T], names: Sequence[str]) -> dict[str, T]:
    """Read several columns; of an object store several at once, because every request waits for its answer."""
    if isinstance(folder, ObjectPath):
        return dict(zip(names, in_parallel(read, names), strict=True))
    return {name: read(name) for name in names}


def _read_acquired(folder: Place, name: str) -> NDArray[Any] | None:
    """Return a column in acquisition order; None if the tile has none, or has it in its own order."""
    try:
        return _read_array(folder, ACQUISITION + name, None)
    except FileNotFoundError:
        return None


def _read(folder: Place, name: str, chunks: NDArray[np.bool_] | None) -> NDArray[Any]:
    try:
        return _read_array(folder, name, chunks)
    except FileNotFoundError:
        raise StoreError(f"{folder}: no column {name!r}; `twin verify` says what is missing") from None


def _read_array(folder: Place, name: str, chunks: NDArray[np.bool_] | None) -> NDArray[Any]:
    try:
        column = read_array(folder / _path(name), chunks)
    except UnreachableError:
        raise
    except (RuntimeError, ValueError, TypeError, KeyError, StoreError) as error:
        line = " ".join(str(error).split())
        raise StoreError(
            f"{folder}: column {name!r} cannot be read ({line}); `twin verify` finds what changed"
        ) from None
    own = name.removeprefix(ACQUISITION)
    return column.astype(ATTRIBUTES[own], copy=False) if own in ATTRIBUTES else column


def _path(name: str) -> str:
    if name.startswith(EXTRA_PREFIX):
        return EXTRA_PREFIX + quote(name.removeprefix(EXTRA_PREFIX), safe=" ()[]-_+", encoding="utf-8")
    return name
