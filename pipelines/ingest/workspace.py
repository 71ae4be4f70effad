"""What a job has in hand, under ``STORE/.work``: fragments of files, and tiles that wait to become true.

Everything is named by a digest of what it was made from, so an interrupted job finds its own work again, and nobody
else's.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from pipelines.ingest.scatter import FRAGMENT_VERSION, ScatterTask
from tiles.atomic import tree_checksum
from tiles.pointfiles import row_ranges, worth_carrying
from tiles.revisions import keep_waiting
from tiles.storage import ObjectPath, names_in, remove, remove_all
from twin.config import digest
from twin.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pipelines.ingest.admission import Admission
    from pipelines.ingest.params import IngestParams
    from tiles.manifest import TileRow
    from tiles.storage import Place
    from tiles.store import Store
    from twin.tiling import TileId

__all__ = ["Workspace"]

_TEMPORARY_BYTES = 36
"""Most bytes that a point takes on the disk while it is in hand: its fragment (measured on airborne LAZ: 9 to 14) and
the new tile that waits beside it (5 to 13); only noise in every bit of four colours takes more."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """The working folder of one ingest."""

    store: Store
    params: IngestParams

    @property
    def fragments(self) -> Place:
        """Folder of fragments."""
        return self.store.path / ".work" / "fragments"

    @property
    def staged(self) -> Place:
        """Folder in which revisions wait."""
        return self.store.path / ".work" / "staged"

    def ranges(self, admission: Admission) -> list[ScatterTask]:
        """Cut a file into tasks, each with a fragment named by all that determines it."""
        store, step = self.store, self.params.rows_per_task
        tasks = []
        for start, stop in row_ranges(admission.header, step):
            facts = (admission.digest, start, stop, asdict(admission.placement), store.grid.edge_m)
            name = digest(FRAGMENT_VERSION, *facts, store.scale, store.offset, self.params.chunk_rows)
            tasks.append(
                ScatterTask(
                    source=admission.source,
                    state=admission.state,
                    start=start,
                    stop=stop,
                    reading=admission.header.reading,
                    header=worth_carrying(admission.header),
                    placement=admission.placement,
                    edge_m=store.grid.edge_m,
                    scale=store.scale,
                    offset=store.offset,
                    chunk_rows=self.params.chunk_rows,
                    fragment=str(self.fragments / f"{name}.frag"),
                    scratch=str(store.scratch),
                )
            )
        return tasks

    def keep_fragments(self, wanted: Iterable[ScatterTask]) -> None:
        """Remove what an interrupted job with other files left."""
        keep = {task.fragment for task in wanted}
        for name in names_in(self.fragments):
            if str(self.fragments / name) not in keep:
                remove_all([self.fragments / name])

    def require_room(self, fresh: Sequence[Admission]) -> None:
        """Refuse to begin what the disk cannot hold; an object store has room.

        Raises
        ------
        StoreError
            If there is less room than the points take while they are in hand.
        """
        if isinstance(self.store.path, ObjectPath):
            return
        needed = _TEMPORARY_BYTES * sum(admission.header.n_selected for admission in fresh)
        free = shutil.disk_usage(self.store.path).free
        if needed > free:
            sizes = f"needs {needed / 1e6:,.1f} MB while it works, the disk has {free / 1e6:,.1f} MB free"
            raise StoreError(f"{self.store.address}: {sizes}; make room or ingest fewer files at once")

    def reclaim(self, wanted: set[tuple[TileId, str]]) -> dict[TileId, TileRow]:
        """Return the tiles that an interrupted job made of the same (tile, inputs), and forget all others."""
        staged = self.store.manifest.staged_tiles()
        usable = [row for row in staged if (row.tile, row.inputs) in wanted and self._is_there(row)]
        kept = {row.tile for row in usable}  # one staged revision a tile
        other = [row for row in staged if row.tile not in kept]
        self.store.manifest.discard_staged(other, [self.store.tile_path(row) for row in other])
        self.store.sweep()
        keep_waiting(self.store, self.staged, {(str(row.tile), row.rev) for row in usable})
        return {row.tile: row for row in usable}

    def clean(self) -> None:
        """Remove everything, once others see what was made of it."""
        self.store.manifest.publish()
        keep_waiting(self.store, self.staged, set())
        for folder in (self.fragments, self.staged):
            remove(folder)

    def _is_there(self, row: TileRow) -> bool:
        """Whether a staged revision is on the disk, byte by byte: it may not have survived a power cut.

        What an object store took, it has.
        """
        place = self.store.path / self.store.tile_path(row)
        if isinstance(place, ObjectPath):
            return (place / "zarr.json").is_file()
        places = (self.staged / str(row.tile) / row.rev, place)
        return any(place.exists() and tree_checksum(place) == row.checksum for place in places)
