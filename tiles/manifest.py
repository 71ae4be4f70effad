"""The record of what is in a store: a thing exists if and only if its row here says so.

One SQLite file (`tiles.manifest_file`). Only the client process writes it; workers and viewers read. A `Manifest` holds
no connection, so it can be pickled, forked and shared.

Tiles, sources and runs belong to a survey epoch, and a `Manifest` speaks of one: areas surveyed twice lie beside each
other. What waits to become true (``staged``) is named by what it was made of, so it needs no epoch.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tiles import storage
from tiles.manifest_file import create_file, reading, writing
from tiles.manifest_rows import (
    INSERT_TILE,
    SCHEMA,
    SOURCE_COLUMNS,
    STAGE_TILE,
    TILE_COLUMNS,
    ArtefactRow,
    EpochRow,
    RunRow,
    SourceRow,
    TileRow,
    put_sources,
    tile_row,
    tile_values,
    to_json,
)
from twin.errors import StoreError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence

    from tiles.storage import Place
    from twin.bounds import Bounds
    from twin.tiling import TileId

__all__ = ["ArtefactRow", "EpochRow", "Manifest", "RunRow", "SourceRow", "TileRow"]


@dataclass(frozen=True, slots=True)
class Manifest:
    """The rows of one store, as one of its epochs sees them."""

    path: Place
    """The SQLite file."""
    epoch: str | None = ""
    """Survey epoch whose rows are meant, empty for the unnamed one; None reads the rows of all epochs, and a run that
    is begun so belongs to every epoch, as live feeds do."""

    @staticmethod
    def create(path: Place) -> Manifest:
        """Create an empty manifest; one that is there already is replaced."""
        create_file(path, SCHEMA)
        return Manifest(path)

    def publish(self) -> None:
        """Let others see every change so far; in a folder they do already.

        Raises
        ------
        StoreError
            If somebody else wrote the manifest of an object store meanwhile.
        """
        storage.publish(self.path)

    def faults(self) -> list[str]:
        """Return what SQLite finds broken in the file's structure."""
        with reading(self.path) as connection:
            found = [text for (text,) in connection.execute("PRAGMA integrity_check")]
        return [] if found == ["ok"] else found

    # Epochs ------------------------------------------------------------------------------------------------------

    def of_epoch(self, epoch: str | None) -> Manifest:
        """Return the rows of another epoch, or of all."""
        return replace(self, epoch=epoch)

    def epochs(self) -> list[EpochRow]:
        """Return all epochs that had a delivery, the oldest first, with what they hold."""
        with reading(self.path) as connection:
            rows = connection.execute(
                "SELECT name, (SELECT COALESCE(SUM(n_points), 0) FROM tiles WHERE epoch = name),"
                " (SELECT COUNT(*) FROM tiles WHERE epoch = name),"
                " (SELECT COUNT(*) FROM sources WHERE epoch = name AND state = 'done'), begun_at, changed_at"
                " FROM epochs ORDER BY sequence"
            ).fetchall()
        return [
            EpochRow(name=name, n_points=points, n_tiles=tiles, n_sources=sources, begun_at=begun, changed_at=changed)
            for name, points, tiles, sources, begun, changed in rows
        ]

    def epoch_names(self, *, with_points: bool = False) -> list[str]:
        """Return the names of the epochs, the oldest first; with points only, the last is the newest."""
        having = " WHERE EXISTS (SELECT 1 FROM tiles WHERE epoch = name)" if with_points else ""
        with reading(self.path) as connection:
            return [name for (name,) in connection.execute(f"SELECT name FROM epochs{having} ORDER BY sequence")]

    # Sources -----------------------------------------------------------------------------------------------------

    def sources(self) -> list[SourceRow]:
        """Return the files that are in by id, then refused ones by name."""
        which, values = self._mine()
        with reading(self.path) as connection:
            refused = connection.execute(
                f"SELECT uri, digest, size, reason FROM refusals WHERE {which} ORDER BY uri", values
            ).fetchall()
        return self._sources("done") + [
            SourceRow(id=-1, uri=u, digest=d, size=s, n_points=0, state="refused", reason=r) for u, d, s, r in refused
        ]

    def replaced_sources(self) -> list[SourceRow]:
        """Return the files that others took the place of, in that order."""
        return self._sources("replaced")

    def _sources(self, state: str) -> list[SourceRow]:
        which, values = self._mine()
        query = f"SELECT {SOURCE_COLUMNS} FROM sources WHERE {which} AND state = ? ORDER BY replaced_at, epoch, id"
        names = SOURCE_COLUMNS.split(", ")
        with reading(self.path) as connection:
            rows = [dict(zip(names, row, strict=True)) for row in connection.execute(query, (*values, state))]
        return [SourceRow(**{**row, "meta": json.loads(row["meta"])}) for row in rows]

    # Tiles -------------------------------------------------------------------------------------------------------

    def tiles(self) -> list[TileRow]:
        """Return all tiles in order of their addresses."""
        which, values = self._mine()
        return self._tiles(f"SELECT {TILE_COLUMNS} FROM tiles WHERE {which} ORDER BY z, x, y, epoch", values)

    def tile(self, tile: TileId) -> TileRow | None:
        """Return one tile, or None."""
        which, values = self._mine()
        query = f"SELECT {TILE_COLUMNS} FROM tiles WHERE {which} AND z = ? AND x = ? AND y = ?"
        rows = self._tiles(query, (*values, tile.z, tile.x, tile.y))
        return rows[0] if rows else None

    def tiles_near(self, bounds: Bounds) -> list[TileRow]:
        """Return the tiles whose points' closed box touches `bounds`, in order of their addresses."""
        which, values = self._mine()
        return self._tiles(
            f"SELECT {TILE_COLUMNS} FROM tiles WHERE {which} AND xmin <= ? AND xmax >= ? AND ymin <= ? AND ymax >= ?"
            " ORDER BY z, x, y, epoch",
            (*values, bounds.xmax, bounds.xmin, bounds.ymax, bounds.ymin),
        )

    def commit_tiles(  # noqa: PLR0913 - all that one transaction makes true
        self,
        rows: Sequence[TileRow],
        *,
        removed: Iterable[TileId] = (),
        sources: Iterable[SourceRow] = (),
        settled: Iterable[str] = (),
        garbage: Iterable[str] = (),
        finished: tuple[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Make tiles and sources true, take others away, and finish the run, all in one transaction.

        Parameters
        ----------
        rows
            Tiles that are new or have a new revision.
        removed
            Tiles that exist no longer, such as one that was split.
        sources
            Files whose points are in the tiles from now on, and refused ones with their reasons. One with the number
            of a file that is in takes its place; the other is kept as replaced.
        settled
            Names of files that are no longer to be listed as refused, because their very bytes are in.
        garbage
            Folders, relative to the store, that nothing refers to any more; see `garbage`.
        finished
            A run that ends with this, and its figures.
        """
        every, epoch, now = list(sources), self._own(), _now()
        done = [row for row in every if row.state == "done"]
        refused = [row for row in every if row.state == "refused"]
        with writing(self.path) as connection:
            connection.executemany(
                "DELETE FROM tiles WHERE epoch = ? AND z = ? AND x = ? AND y = ?",
                [(epoch, t.z, t.x, t.y) for t in removed],
            )
            connection.executemany(INSERT_TILE, [(*tile_values(row), epoch) for row in rows])
            put_sources(connection, epoch, done, now)
            settled_uris = [*(s.uri for s in done), *settled]
            connection.executemany(
                "DELETE FROM refusals WHERE epoch = ? AND uri = ?", [(epoch, uri) for uri in settled_uris]
            )
            connection.executemany(
                "INSERT OR REPLACE INTO refusals VALUES (?, ?, ?, ?, ?)",
                [(epoch, row.uri, row.digest, row.size, row.reason) for row in refused],
            )
            connection.executemany("INSERT OR IGNORE INTO garbage VALUES (?)", [(path,) for path in garbage])
            connection.execute("DELETE FROM staged")
            if rows or done:
                connection.execute(
                    "INSERT INTO epochs VALUES (?, (SELECT COUNT(*) FROM epochs), ?, ?)"
                    " ON CONFLICT (name) DO UPDATE SET changed_at = excluded.changed_at",
                    (epoch, now, now),
                )
            if finished is not None:
                self._finish(connection, *finished)

    def stage_tiles(self, rows: Iterable[TileRow]) -> None:
        """Remember finished revisions that are not true yet, so that an interrupted job need not make them again."""
        with writing(self.path) as connection:
            connection.executemany(STAGE_TILE, [tile_values(row) for row in rows])

    def staged_tiles(self) -> list[TileRow]:
        """Return the revisions that wait to become true."""
        return self._tiles(f"SELECT {TILE_COLUMNS} FROM staged ORDER BY z, x, y")

    def discard_staged(self, rows: Iterable[TileRow], garbage: Iterable[str]) -> None:
        """Forget staged revisions and note their folders as garbage."""
        with writing(self.path) as connection:
            keys = [(r.tile.z, r.tile.x, r.tile.y) for r in rows]
            connection.executemany("DELETE FROM staged WHERE z = ? AND x = ? AND y = ?", keys)
            connection.executemany("INSERT OR IGNORE INTO garbage VALUES (?)", [(path,) for path in garbage])

    def garbage(self) -> list[str]:
        """Return folders and files, relative to the store, that can be removed."""
        with reading(self.path) as connection:
            return [path for (path,) in connection.execute("SELECT path FROM garbage ORDER BY path")]

    def forget_garbage(self, paths: Iterable[str]) -> None:
        """Note that folders are removed."""
        with writing(self.path) as connection:
            connection.executemany("DELETE FROM garbage WHERE path = ?", [(path,) for path in paths])

    # Runs and artefacts ------------------------------------------------------------------------------------------

    def begin_run(self, run: str, stage: str, params: Mapping[str, Any], inputs: Mapping[str, Any]) -> None:
        """Note that a run has begun, or begun again; its artefacts stay."""
        values = (run, stage, to_json(params), to_json(inputs), "running", "{}", _now(), "", 0, self.epoch)
        with writing(self.path) as connection:
            connection.execute(f"INSERT OR REPLACE INTO runs VALUES ({', '.join('?' * len(values))})", values)

    def finish_run(self, run: str, figures: Mapping[str, Any]) -> None:
        """Note that a run is done; it becomes the newest of its stage.

        Raises
        ------
        StoreError
            If the run was never begun.
        """
        with writing(self.path) as connection:
            self._finish(connection, run, figures)

    def _finish(self, connection: sqlite3.Connection, run: str, figures: Mapping[str, Any]) -> None:
        found = connection.execute(
            "UPDATE runs SET state = 'done', figures = ?, finished_at = ?,"
            " sequence = (SELECT MAX(sequence) + 1 FROM runs) WHERE run = ?",
            (to_json(figures), _now(), run),
        )
        if found.rowcount == 0:
            raise StoreError(f"{self.path}: run {run} was never begun")

    def runs(self) -> list[RunRow]:
        """Return finished runs of this epoch and of every epoch, oldest first, then those that are not finished."""
        which, values = self._mine()
        with reading(self.path) as connection:
            rows = connection.execute(
                "SELECT run, stage, params, inputs, state, figures, started_at, finished_at FROM runs"
                f" WHERE {which} OR epoch IS NULL ORDER BY state = 'running', sequence, run",
                values,
            ).fetchall()
        return [
            RunRow(
                run=run,
                stage=stage,
                params=json.loads(params),
                inputs=json.loads(inputs),
                state=state,
                figures=json.loads(figures),
                started_at=started,
                finished_at=finished,
            )
            for run, stage, params, inputs, state, figures, started, finished in rows
        ]

    def latest_run(self, stage: str) -> RunRow | None:
        """Return the run of a stage that finished last, or None."""
        done = [row for row in self.runs() if row.stage == stage and row.state == "done"]
        return done[-1] if done else None

    def artefacts(self, run: str) -> dict[str, ArtefactRow]:
        """Return what a run made, by key."""
        with reading(self.path) as connection:
            rows = connection.execute(
                "SELECT key, path, checksum, inputs, report FROM artefacts WHERE run = ? ORDER BY key", (run,)
            ).fetchall()
        return {
            key: ArtefactRow(
                key=key, path=path, checksum=checksum, inputs=json.loads(inputs), report=json.loads(report)
            )
            for key, path, checksum, inputs, report in rows
        }

    def commit_artefact(  # noqa: PLR0913 - one row, one value a column
        self, run: str, key: str, path: str, checksum: str, inputs: Any, report: Mapping[str, Any]
    ) -> None:
        """Make one thing that a run made true; `path` is relative to the store."""
        self.commit_artefacts(run, [ArtefactRow(key=key, path=path, checksum=checksum, inputs=inputs, report=report)])

    def commit_artefacts(self, run: str, rows: Iterable[ArtefactRow]) -> None:
        """Make several things that a run made true in one transaction."""
        values = [(run, row.key, row.path, row.checksum, to_json(row.inputs), to_json(row.report)) for row in rows]
        with writing(self.path) as connection:
            connection.executemany("INSERT OR REPLACE INTO artefacts VALUES (?, ?, ?, ?, ?, ?)", values)

    def forget_artefacts(self, run: str, keys: Iterable[str], garbage: Iterable[str]) -> None:
        """Take away things that a run made of tiles that are no more, and note their paths as garbage."""
        with writing(self.path) as connection:
            connection.executemany("DELETE FROM artefacts WHERE run = ? AND key = ?", [(run, key) for key in keys])
            connection.executemany("INSERT OR IGNORE INTO garbage VALUES (?)", [(path,) for path in garbage])

    # -------------------------------------------------------------------------------------------------------------

    def _mine(self) -> tuple[str, tuple[str, ...]]:
        """Return the condition that a row is of this epoch, and its values."""
        return ("1", ()) if self.epoch is None else ("epoch = ?", (self.epoch,))

    def _own(self) -> str:
        """Return the epoch to write into."""
        if self.epoch is None:
            raise StoreError(f"{self.path}: tiles belong to one epoch; say which")
        return self.epoch

    def _tiles(self, query: str, values: tuple[Any, ...] = ()) -> list[TileRow]:
        with reading(self.path) as connection:
            return [tile_row(row) for row in connection.execute(query, values)]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
