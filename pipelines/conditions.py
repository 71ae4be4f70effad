"""What a worker of a foreign cluster must fulfil before it works: our versions, and our store.

A worker with other libraries would write other bytes without a word, and one that does not see the store would fail
every tile, or fill a folder of the same name on its own disk.
"""

from __future__ import annotations

import os
import platform
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from tiles.storage import ObjectPath, place_of
from twin import __version__
from twin.errors import ClusterError, StoreError

if TYPE_CHECKING:
    from tiles.store import Store

__all__ = ["SameEnvironment", "SameFolder", "SeesStore", "software"]

_LIBRARIES = ("numpy", "numba", "scipy", "opencv-python-headless", "zarr", "laspy", "lazrs", "shapely", "pyproj")
_ON_THE_WAY = ("numcodecs", "pcodec", "dask", "distributed")
"""Libraries that encode, or carry the tasks; they must agree, but do not belong into a result's lineage."""
_PATIENCE_S = 5.0
"""A network file system may show a new file a few seconds late (NFS keeps attributes for 3 s)."""


def software() -> dict[str, str]:
    """Return the versions that a result depends on, for its lineage."""
    return dict(_versions(_LIBRARIES))


@cache
def _versions(libraries: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    own = (("twin", __version__), ("python", platform.python_version()))
    return own + tuple((name, metadata.version(name)) for name in libraries)


@dataclass(frozen=True, slots=True)
class SameEnvironment:
    """A worker has the client's versions of everything that results depend on."""

    versions: tuple[tuple[str, str], ...]

    @staticmethod
    def of_this_process() -> SameEnvironment:
        """Return the condition that others run what this process runs."""
        return SameEnvironment(_versions(_LIBRARIES + _ON_THE_WAY))

    def __call__(self) -> None:
        """Compare with the process that calls.

        Raises
        ------
        ClusterError
            If a version differs, or a library is missing.
        """
        different = []
        own = dict(_versions(()))
        for name, wanted in self.versions:
            try:
                found = own.get(name) or metadata.version(name)
            except metadata.PackageNotFoundError:
                found = "missing"
            if found != wanted:
                different.append(f"{name} is {found}, the client's is {wanted}")
        if different:
            raise ClusterError(f"{'; '.join(different)}; give workers the client's environment, such as one image")


@dataclass(frozen=True, slots=True)
class SameFolder:
    """A worker resolves relative paths as the client does, if it has that folder at all."""

    path: str

    def __call__(self) -> None:
        """Work in the client's folder; without it relative paths are not found, and are named then."""
        with suppress(OSError):
            os.chdir(self.path)


@dataclass(frozen=True, slots=True)
class SeesStore:
    """A worker sees the folder of the store, the same one and not its namesake."""

    path: str
    token: str
    """Name of a file that the client just wrote there."""

    @staticmethod
    def of(store: Store) -> SeesStore:
        """Leave a mark in the store's scratch folder, which its writer removes at the end.

        In an object store the writer's lock is one.
        """
        if isinstance(store.path, ObjectPath):
            return SeesStore(str(store.path), str(store.path / ".lock"))
        store.scratch.mkdir(parents=True, exist_ok=True)
        mark = store.scratch / f"seen-{uuid.uuid4().hex}"
        mark.touch()
        return SeesStore(str(store.path.absolute()), str(mark.absolute()))

    def __call__(self) -> None:
        """Look for the mark.

        Raises
        ------
        ClusterError
            If it is not there.
        """
        if isinstance(place := place_of(self.token), ObjectPath):
            _require_object(place)
            return
        deadline = time.monotonic() + _PATIENCE_S
        while not Path(self.token).exists():
            if time.monotonic() > deadline:
                there = (
                    "a folder of that name is another one" if Path(self.path).exists() else "there is no such folder"
                )
                raise ClusterError(
                    f"does not see the store {self.path} ({there}); keep the store on a file system that all workers"
                    " share under one path, or in an object store"
                )
            time.sleep(0.2)


def _require_object(place: ObjectPath) -> None:
    way = "give workers the client's AWS_... environment"
    try:
        if not place.is_file():
            raise ClusterError(f"does not see {place}, its service is another one; {way}")
    except StoreError as error:
        raise ClusterError(f"does not reach the store ({error}); {way}") from None
