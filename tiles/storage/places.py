"""What a store needs of the place where it lies, the same for a folder and for an object store.

A `Place` is a `pathlib.Path` or an `ObjectPath`. Readers go by key and never list; only what is in hand (``.work``),
what is to be removed, and what is verified is listed.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from tiles.storage.objects import SCHEME, ObjectPath, told
from tiles.storage.scratch import scratch_folder
from twin.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

__all__ = [
    "Place",
    "copy_object",
    "fetched",
    "files_below",
    "in_parallel",
    "names_in",
    "place_of",
    "publish_file",
    "publish_folder",
    "read_ranges",
    "read_tail",
    "remove",
    "remove_all",
    "sizes_below",
]

Place = Path | ObjectPath

T = TypeVar("T")
R = TypeVar("R")
P = TypeVar("P", Path, ObjectPath)
_AT_ONCE = 8
"""Requests under way in one process: latency is hidden, and a hundred workers do not become a storm."""


def place_of(address: str | Place) -> Place:
    """Return the place of an address.

    Raises
    ------
    StoreError
        If it is of a kind that this program does not know.
    ConfigError
        If it names no bucket and prefix.
    """
    if isinstance(address, ObjectPath):
        return address
    if str(address).startswith(SCHEME):
        return ObjectPath.parse(str(address))
    if "://" in str(address):
        raise StoreError(f"{address}: a store is a folder or s3://BUCKET/PREFIX")
    return Path(address)


def read_ranges(place: Place, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
    """Return the bytes of several (start, end) of one file, in the order given."""
    if not ranges:
        return []
    if isinstance(place, ObjectPath):
        import obstore

        starts, ends = [start for start, _ in ranges], [end for _, end in ranges]
        with told(place):
            parts = obstore.get_ranges(place.client, place.key, starts=starts, ends=ends)
            return [part.to_bytes() for part in parts]
    found = []
    with place.open("rb") as stream:
        for start, end in ranges:
            stream.seek(start)
            found.append(stream.read(end - start))
    return found


def read_tail(place: Place, size: int) -> bytes:
    """Return the last `size` bytes of a file, or all if it has fewer."""
    if isinstance(place, ObjectPath):
        import obstore

        with told(place):
            return obstore.get(place.client, place.key, options={"range": {"suffix": size}}).bytes().to_bytes()
    with place.open("rb") as stream:
        length = stream.seek(0, 2)
        stream.seek(max(0, length - size))
        return stream.read()


def names_in(place: Place) -> list[str]:
    """Return the names of files and folders directly in a folder, sorted; none if there is no folder."""
    if isinstance(place, ObjectPath):
        return place.names()
    return sorted(entry.name for entry in place.iterdir()) if place.is_dir() else []


def files_below(place: P) -> dict[str, P]:
    """Return every file below a folder by its name relative to it, sorted part by part."""
    found: dict[str, P]
    if isinstance(place, ObjectPath):
        skip = len(place.key) + 1
        found = {entry.key[skip:]: entry for entry in place.below()}
    else:
        found = {entry.relative_to(place).as_posix(): entry for entry in place.rglob("*") if entry.is_file()}
    return dict(sorted(found.items(), key=lambda item: item[0].split("/")))


def sizes_below(place: Place) -> Iterator[tuple[str, int]]:
    """Yield the name of every file below a folder, relative to it, and its bytes."""
    if isinstance(place, ObjectPath):
        skip = len(place.key) + 1
        yield from ((entry.key[skip:], size) for entry, size in place.sizes())
        return
    for directory, _, names in os.walk(place):
        for name in names:
            path = os.path.join(directory, name)  # noqa: PTH118 - thrice as fast as pathlib
            yield os.path.relpath(path, place).replace(os.sep, "/"), os.stat(path).st_size  # noqa: PTH116 - the same


def remove(place: Place) -> None:
    """Remove a file, or a folder with all in it; nothing happens if there is none."""
    if isinstance(place, ObjectPath):
        _delete([place, *place.below()])
    elif place.is_dir():
        shutil.rmtree(place, ignore_errors=True)
    else:
        place.unlink(missing_ok=True)


def remove_all(places: Iterable[Place]) -> None:
    """Remove files or folders; in an object store single objects, all in one request."""
    objects = []
    for place in places:
        if isinstance(place, ObjectPath):
            objects.append(place)
        else:
            remove(place)
    _delete(objects)


def copy_object(source: ObjectPath, target: ObjectPath) -> None:
    """Copy an object inside the service, without fetching it."""
    import obstore

    with told(source):
        obstore.copy(source.client, source.key, target.key)


def publish_file(source: Path, target: ObjectPath) -> None:
    """Send a finished file to its key."""
    target.write(source)


def publish_folder(source: Path, target: ObjectPath, *, fresh: bool = False) -> None:
    """Send a finished folder to its keys, and remove what stood there and is not in it.

    Parameters
    ----------
    source, target
        From and to.
    fresh
        Whether nothing can stand there, because the name is one of the content: then nothing is listed.
    """
    before = {} if fresh else {entry.key: entry for entry in target.below()}
    files = {name: target / name for name in files_below(source)}
    in_parallel(lambda item: item[1].write(source / item[0]), list(files.items()))
    kept = {place.key for place in files.values()}
    _delete([entry for key, entry in before.items() if key not in kept])


@contextmanager
def fetched(place: Place) -> Iterator[Path]:
    """Yield a file or folder as one on this machine, for libraries that read nothing else; a copy lives in the block.

    Raises
    ------
    FileNotFoundError
        If there is nothing.
    """
    if isinstance(place, Path):
        yield place
        return
    with tempfile.TemporaryDirectory(dir=scratch_folder()) as folder:
        target = Path(folder) / place.name
        files = files_below(place)
        if not files:
            target.write_bytes(place.read_bytes())
        in_parallel(lambda item: _download(item[1], target / item[0]), list(files.items()))
        yield target


def in_parallel(work: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """Do something with every item, several at once, and return the results in order; the first failure is raised."""
    if len(items) < 2:
        return [work(item) for item in items]
    return list(_pool().map(work, items))


def _download(source: Place, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(source.read_bytes())


def _delete(places: Iterable[ObjectPath]) -> None:
    import obstore

    doomed = list(places)
    if doomed:
        with told(doomed[0]):
            obstore.delete(doomed[0].client, [place.key for place in doomed])


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="object-store")
