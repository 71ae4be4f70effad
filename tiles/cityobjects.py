"""What the city model holds beside buildings, in the store: one CityJSONSeq file a tile.

::

    STORE/objects/<run>/<z>/<x>_<y>.city.jsonl    the tile's terrain first, then its objects sorted by id
    STORE/objects/<run>/without_object.json       [{"id", "reason"}] of what could not be modelled, sorted by id
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tiles.atomic import tree_checksum, write_text
from tiles.cityjson import write_cityjsonseq
from tiles.cityjson.objects import read_objects
from twin.cityobject import Tin
from twin.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tiles.cityjson.objects import Item
    from tiles.storage import Place
    from tiles.store import Store
    from twin.cityobject import CityObject
    from twin.tiling import TileId

__all__ = ["iter_objects", "objects_folder", "write_tile_objects", "write_without_object"]


def objects_folder(store: Store, run: str) -> Place:
    """Folder of a run of objects."""
    return store.path / "objects" / run


def write_tile_objects(
    store: Store, run: str, tile: TileId, relief: Tin | None, objects: Sequence[CityObject]
) -> tuple[str, str]:
    """Write what a tile owns; returns the path relative to the store and the checksum."""
    relative = f"objects/{run}/{tile}.city.jsonl"
    target = store.path / relative
    corner = store.grid.bounds(tile)
    items: list[Item] = [] if relief is None else [relief]
    items += sorted(objects, key=lambda item: item.id)
    write_cityjsonseq(
        target,
        items,
        crs=store.crs,
        vertical=store.vertical,
        translate=(corner.xmin, corner.ymin, 0.0),
        scratch=store.scratch,
    )
    return relative, tree_checksum(target)


def iter_objects(store: Store, run: str, kinds: Iterable[str] | None = None) -> Iterator[CityObject | Tin]:
    """Yield a run's objects tile by tile.

    Parameters
    ----------
    store, run
        Store and run of ``objects``.
    kinds
        Yield only these, such as ``TINRelief`` or ``Bridge``; all if None.

    Raises
    ------
    StoreError
        If a tile's file is gone.
    """
    wanted = None if kinds is None else set(kinds)
    for _, artefact in sorted(store.manifest.artefacts(run).items()):
        path = store.path / artefact.path
        try:
            for item in read_objects(path):
                if wanted is None or ("TINRelief" if isinstance(item, Tin) else item.kind) in wanted:
                    yield item
        except FileNotFoundError:
            raise StoreError(f"{path} is gone; run `twin objects {store.address}` again") from None


def write_without_object(store: Store, run: str, entries: Iterable[Mapping[str, str]]) -> Mapping[str, str]:
    """Write the list of what could not be modelled; returns its checksum by its path relative to the store."""
    relative = f"objects/{run}/without_object.json"
    lines = sorted(entries, key=lambda entry: (entry["id"], entry["reason"]))
    write_text(store.path / relative, json.dumps(lines, ensure_ascii=False, indent=1) + "\n", scratch=store.scratch)
    return {relative: tree_checksum(store.path / relative)}
