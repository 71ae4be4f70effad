"""The record of what is in a store: a thing exists if and only if its row here says so.

One SQLite file in write-ahead mode. Only the client process writes it; workers and viewers read. Every operation opens
its own connection, so a `Manifest` can be pickled, forked and shared, and no ``-wal`` file stays behind.
"""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from twin.bounds import Bounds
from twin.errors import StoreError
from twin.tiling import TileId

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["ArtefactRow", "Manifest", "RunRow", "SourceRow", "TileRow"]

_SCHEMA = """
CREATE TABLE sources (
    id INTEGER PRIMARY KEY, uri TEXT NOT NULL, digest TEXT NOT NULL, size INTEGER NOT NULL, n_points INTEGER NOT NULL,
    state TEXT NOT NULL, reason TEXT NOT NULL, meta TEXT NOT NULL);
CREATE TABLE refusals (uri TEXT PRIMARY KEY, digest TEXT NOT NULL, size INTEGER NOT NULL, reason TEXT NOT NULL);
CREATE TABLE tiles (
    z INTEGER, x INTEGER, y INTEGER, rev TEXT NOT NULL, n_points INTEGER NOT NULL,
    xmin REAL, ymin REAL, xmax REAL, ymax REAL, zmin REAL, zmax REAL,
    checksum TEXT NOT NULL, columns TEXT NOT NULL, inputs TEXT NOT NULL, PRIMARY KEY (z, x, y));
CREATE TABLE staged (
    z INTEGER, x INTEGER, y INTEGER, rev TEXT NOT NULL, n_points INTEGER NOT NULL,
    xmin REAL, ymin REAL, xmax REAL, ymax REAL, zmin REAL, zmax REAL,
    checksum TEXT NOT NULL, columns TEXT NOT NULL, inputs TEXT NOT NULL, PRIMARY KEY (z, x, y));
CREATE TABLE garbage (path TEXT PRIMARY KEY);
CREATE TABLE runs (
    run TEXT PRIMARY KEY, stage TEXT NOT NULL, params TEXT NOT NULL, inputs TEXT NOT NULL, state TEXT NOT NULL,
    figures TEXT NOT NULL, started_at TEXT NOT NULL, finished_at TEXT NOT NULL, sequence INTEGER NOT NULL);
CREATE TABLE artefacts (
    run TEXT, key TEXT, path TEXT NOT NULL, checksum TEXT NOT NULL, inputs TEXT NOT NULL, report TEXT NOT NULL,
    PRIMARY KEY (run, key));
"""
_TILE_COLUMNS = "z, x, y, rev, n_points, xmin, ymin, xmax, ymax, zmin, zmax, checksum, columns, inputs"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRow:
    """One delivered file."""

    id: int
    """Number that the points' ``source`` column holds; -1 for a refused file."""
    uri: str
    """Where it was read from, as given."""
    digest: str
    """BLAKE2b of its bytes; empty if it could not be read."""
    size: int
    """Bytes."""
    n_points: int
    """Points read from it; 0 for a refused file."""
    state: Literal["done", "refused"]
    reason: str = ""
    """Why it was refused."""
    meta: Mapping[str, Any] = field(default_factory=dict)
    """Format, CRS as found and as used, datum, kind, epoch, extra columns, remarks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TileRow:
    """One tile of points in its current revision."""

    tile: TileId
    rev: str
    """Name of the revision's folder: the first 16 digits of its checksum."""
    n_points: int
    bounds: Bounds
    """Box around the tile's points (closed), metres."""
    zmin: float
    """Lowest height, metres above the store's datum."""
    zmax: float
    """Highest height."""
    checksum: str = ""
    """Digest of the revision's files as written."""
    columns: tuple[str, ...] = ()
    """Attributes that the tile carries beside x, y, z."""
    inputs: str = ""
    """Digest of what the revision was made from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One run of one stage."""

    run: str
    stage: str
    params: Mapping[str, Any]
    inputs: Mapping[str, Any]
    state: Literal["running", "done"]
    figures: Mapping[str, Any]
    started_at: str
    """UTC, ISO 8601."""
    finished_at: str
    """UTC, ISO 8601; empty while running."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtefactRow:
    """One thing that a run made."""

    key: str
    """Tile address, or a name."""
    path: str
    """Where it is, relative to the store."""
    checksum: str
    inputs: Any
    """Digest of, or facts about, what it was made from."""
    report: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Manifest:
    """The rows of one store."""

    path: Path
    """The SQLite file."""

    @staticmethod
    def create(path: Path) -> Manifest:
        """Create an empty manifest."""
        connection = sqlite3.connect(path)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(_SCHEMA)
        finally:
            connection.close()
        return Manifest(path)

    # Sources -----------------------------------------------------------------------------------------------------

    def sources(self) -> list[SourceRow]:
        """Return accepted files by id, then refused ones by name."""
        with self._reading() as connection:
            done = connection.execute(
                "SELECT id, uri, digest, size, n_points, state, reason, meta FROM sources ORDER BY id"
            ).fetchall()
            refused = connection.execute("SELECT uri, digest, size, reason FROM refusals ORDER BY uri").fetchall()
        rows = [
            SourceRow(id=i, uri=u, digest=d, size=s, n_points=n, state=state, reason=r, meta=json.loads(meta))
            for i, u, d, s, n, state, r, meta in done
        ]
        return rows + [
            SourceRow(id=-1, uri=u, digest=d, size=s, n_points=0, state="refused", reason=r) for u, d, s, r in refused
        ]

    # Tiles -------------------------------------------------------------------------------------------------------

    def tiles(self) -> list[TileRow]:
        """Return all tiles in order of their addresses."""
        return self._tiles(f"SELECT {_TILE_COLUMNS} FROM tiles ORDER BY z, x, y")

    def tile(self, tile: TileId) -> TileRow | None:
        """Return one tile, or None."""
        rows = self._tiles(
            f"SELECT {_TILE_COLUMNS} FROM tiles WHERE z = ? AND x = ? AND y = ?", (tile.z, tile.x, tile.y)
        )
        return rows[0] if rows else None

    def tiles_near(self, bounds: Bounds) -> list[TileRow]:
        """Return the tiles whose points' closed box touches `bounds`, in order of their addresses."""
        return self._tiles(
            f"SELECT {_TILE_COLUMNS} FROM tiles WHERE xmin <= ? AND xmax >= ? AND ymin <= ? AND ymax >= ?"
            " ORDER BY z, x, y",
            (bounds.xmax, bounds.xmin, bounds.ymax, bounds.ymin),
        )

    def commit_tiles(
        self,
        rows: Sequence[TileRow],
        *,
        removed: Iterable[TileId] = (),
        sources: Iterable[SourceRow] = (),
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
            Files whose points are in the tiles from now on, and refused ones with their reasons.
        garbage
            Folders, relative to the store, that nothing refers to any more; see `garbage`.
        finished
            A run that ends with this, and its figures.
        """
        every = list(sources)
        done = [row for row in every if row.state == "done"]
        refused = [row for row in every if row.state == "refused"]
        with self._writing() as connection:
            connection.executemany(
                "DELETE FROM tiles WHERE z = ? AND x = ? AND y = ?", [(t.z, t.x, t.y) for t in removed]
            )
            connection.executemany(_insert_tile("tiles"), [_tile_values(row) for row in rows])
            connection.executemany(
                "INSERT INTO sources VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [(s.id, s.uri, s.digest, s.size, s.n_points, s.state, s.reason, _json(s.meta)) for s in done],
            )
            connection.executemany("DELETE FROM refusals WHERE uri = ?", [(s.uri,) for s in done])
            connection.executemany(
                "INSERT OR REPLACE INTO refusals VALUES (?, ?, ?, ?)",
                [(row.uri, row.digest, row.size, row.reason) for row in refused],
            )
            connection.executemany("INSERT OR IGNORE INTO garbage VALUES (?)", [(path,) for path in garbage])
            connection.execute("DELETE FROM staged")
            if finished is not None:
                self._finish(connection, *finished)

    def stage_tile(self, row: TileRow) -> None:
        """Remember a finished revision that is not true yet, so that an interrupted job need not make it again."""
        with self._writing() as connection:
            connection.execute(_insert_tile("staged"), _tile_values(row))

    def staged_tiles(self) -> list[TileRow]:
        """Return the revisions that wait to become true."""
        return self._tiles(f"SELECT {_TILE_COLUMNS} FROM staged ORDER BY z, x, y")

    def discard_staged(self, rows: Iterable[TileRow], garbage: Iterable[str]) -> None:
        """Forget staged revisions and note their folders as garbage."""
        with self._writing() as connection:
            keys = [(r.tile.z, r.tile.x, r.tile.y) for r in rows]
            connection.executemany("DELETE FROM staged WHERE z = ? AND x = ? AND y = ?", keys)
            connection.executemany("INSERT OR IGNORE INTO garbage VALUES (?)", [(path,) for path in garbage])

    def garbage(self) -> list[str]:
        """Return folders, relative to the store, that can be removed."""
        with self._reading() as connection:
            return [path for (path,) in connection.execute("SELECT path FROM garbage ORDER BY path")]

    def forget_garbage(self, paths: Iterable[str]) -> None:
        """Note that folders are removed."""
        with self._writing() as connection:
            connection.executemany("DELETE FROM garbage WHERE path = ?", [(path,) for path in paths])

    # Runs and artefacts ------------------------------------------------------------------------------------------

    def begin_run(self, run: str, stage: str, params: Mapping[str, Any], inputs: Mapping[str, Any]) -> None:
        """Note that a run has begun, or begun again; its artefacts stay."""
        values = (run, stage, _json(params), _json(inputs), "running", "{}", _now(), "", 0)
        with self._writing() as connection:
            connection.execute("INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)

    def finish_run(self, run: str, figures: Mapping[str, Any]) -> None:
        """Note that a run is done; it becomes the newest of its stage.

        Raises
        ------
        StoreError
            If the run was never begun.
        """
        with self._writing() as connection:
            self._finish(connection, run, figures)

    def _finish(self, connection: sqlite3.Connection, run: str, figures: Mapping[str, Any]) -> None:
        found = connection.execute(
            "UPDATE runs SET state = 'done', figures = ?, finished_at = ?,"
            " sequence = (SELECT MAX(sequence) + 1 FROM runs) WHERE run = ?",
            (_json(figures), _now(), run),
        )
        if found.rowcount == 0:
            raise StoreError(f"{self.path}: run {run} was never begun")

    def runs(self) -> list[RunRow]:
        """Return finished runs, oldest first, then those that are not."""
        with self._reading() as connection:
            rows = connection.execute(
                "SELECT run, stage, params, inputs, state, figures, started_at, finished_at FROM runs"
                " ORDER BY state = 'running', sequence, run"
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
        with self._reading() as connection:
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
        with self._writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO artefacts VALUES (?, ?, ?, ?, ?, ?)",
                (run, key, path, checksum, _json(inputs), _json(report)),
            )

    # Connections -------------------------------------------------------------------------------------------------

    def _tiles(self, query: str, values: tuple[Any, ...] = ()) -> list[TileRow]:
        with self._reading() as connection:
            return [_tile_row(row) for row in connection.execute(query, values)]

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        # A write-ahead database needs a writable folder even to be read, unless it is declared immutable.
        # The last connection must be able to write, or the log stays behind.
        mode = "rw" if os.access(self.path.parent, os.W_OK) else "ro&immutable=1"
        connection = _connect(f"{self.path.absolute().as_uri()}?mode={mode}")
        try:
            connection.execute("PRAGMA query_only = ON")
            yield connection
        finally:
            connection.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        connection = _connect(f"{self.path.absolute().as_uri()}?mode=rw")
        try:
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                yield connection
        finally:
            connection.close()


def _connect(uri: str) -> sqlite3.Connection:
    try:
        return sqlite3.connect(uri, uri=True, timeout=30.0, isolation_level=None)
    except sqlite3.OperationalError as error:
        raise StoreError(f"cannot open the manifest {uri}: {error}") from None


def _insert_tile(table: str) -> str:
    return f"INSERT OR REPLACE INTO {table} ({_TILE_COLUMNS}) VALUES ({', '.join('?' * 14)})"


def _tile_values(row: TileRow) -> tuple[Any, ...]:
    address = (row.tile.z, row.tile.x, row.tile.y)
    return (
        *address, row.rev, row.n_points, *row.bounds, row.zmin, row.zmax, row.checksum, _json(row.columns), row.inputs,
    )  # fmt: skip


def _tile_row(values: tuple[Any, ...]) -> TileRow:
    z, x, y, rev, n_points, xmin, ymin, xmax, ymax, zmin, zmax, checksum, columns, inputs = values
    return TileRow(
        tile=TileId(z, x, y),
        rev=rev,
        n_points=n_points,
        bounds=Bounds(xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax),
        zmin=zmin,
        zmax=zmax,
        checksum=checksum,
        columns=tuple(json.loads(columns)),
        inputs=inputs,
    )


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
