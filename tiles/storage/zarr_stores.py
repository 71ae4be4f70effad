"""A folder of Zarr arrays, for the libraries that read and write them, wherever it lies."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tiles.storage.objects import ObjectPath, told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tiles.storage.places import Place

__all__ = ["zarr_errors", "zarr_store"]


def zarr_store(place: Place) -> Any:
    """Return what zarr and xarray take as a store."""
    if isinstance(place, Path):
        return place
    from zarr.storage import ObjectStore

    return ObjectStore(place.client_below)


@contextmanager
def zarr_errors(place: Place) -> Iterator[None]:
    """Turn what zarr lets through of an object store's errors into ours."""
    if isinstance(place, ObjectPath):
        with told(place):
            yield
    else:
        yield
