"""The rows of a manifest, and the tables that they stand in."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from twin.bounds import Bounds
from twin.tiling import TileId

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

__all__ = [
    "INSERT_TILE",
    "SCHEMA",
    "SOURCE_COLUMNS",
    "STAGE_TILE",
    "TILE_COLUMNS",
    "ArtefactRow",
    "EpochRow",
    "RunRow",
    "SourceRow",
    "TileRow",
    "put_sources",
    "tile_row",
    "tile_values",
    "to_json",
]

SCHEMA = """
CREATE TABLE epochs (
    name TEXT PRIMARY KEY, sequence INTEGER NOT NULL, begun_at TEXT NOT NULL, changed_at TEXT NOT NULL);
CREATE TABLE sources (
    epoch TEXT NOT NULL, id INTEGER NOT NULL, uri TEXT NOT NULL, digest TEXT NOT NULL, size INTEGER NOT NULL,
    n_points INTEGER NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL, meta TEXT NOT NULL,
    replaced_by TEXT NOT NULL, replaced_at TEXT NOT NULL);
CREATE UNIQUE INDEX sources_done ON sources (epoch, id) WHERE state = 'done';
CREATE TABLE refusals (
    epoch TEXT, uri TEXT, digest TEXT NOT NULL, size INTEGER NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (epoch, uri));
CREATE TABLE tiles (
    epoch TEXT, z INTEGER, x INTEGER, y INTEGER, rev TEXT NOT NULL, n_points INTEGER NOT NULL,
    xmin REAL, ymin REAL, xmax REAL, ymax REAL, zmin REAL, zmax REAL,
    checksum TEXT NOT NULL, columns TEXT NOT NULL, inputs TEXT NOT NULL, PRIMARY KEY (epoch, z, x, y));
CREATE TABLE staged (
    z INTEGER, x INTEGER, y INTEGER, rev TEXT NOT NULL, n_points INTEGER NOT NULL,
    xmin REAL, ymin REAL, xmax REAL, ymax REAL, zmin REAL, zmax REAL,
    checksum TEXT NOT NULL, columns TEXT NOT NULL, inputs TEXT NOT NULL, PRIMARY KEY (z, x, y));
CREATE TABLE garbage (path TEXT PRIMARY KEY);
CREATE TABLE runs (
    run TEXT PRIMARY KEY, stage TEXT NOT NULL, params TEXT NOT NULL, inputs TEXT NOT NULL, state TEXT NOT NULL,
    figures TEXT NOT NULL, started_at TEXT NOT NULL, finished_at TEXT NOT NULL, sequence INTEGER NOT NULL, epoch TEXT);
CREATE TABLE artefacts (
    run TEXT, key TEXT, path TEXT NOT NULL, checksum TEXT NOT NULL, inputs TEXT NOT NULL, report TEXT NOT NULL,
    PRIMARY KEY (run, key));
"""
SOURCE_COLUMNS = "id, uri, digest, size, n_points, state, reason, meta, replaced_by, replaced_at"
TILE_COLUMNS = "z, x, y, rev, n_points, xmin, ymin, xmax, ymax, zmin, zmax, checksum, columns, inputs"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRow:
    """One delivered file."""

    id: int
    """Number that the points' ``source`` column holds, unique in its epoch; -1 for a refused file."""
    uri: str
    """Where it was read from, as given."""
    digest: str
    """BLAKE2b of its bytes; empty if it could not be read."""
    size: int
    """Bytes."""
    n_points: int
    """Points read from it; 0 for a refused file."""
    state: Literal["done", "refused", "replaced"]
    """A replaced file has no points in the store any more; it is kept as lineage."""
    reason: str = ""
    """Why it was refused."""
    meta: Mapping[str, Any] = field(default_factory=dict)
    """Format, CRS as found and as used, datum, kind, extra columns, remarks, level-0 tiles that it touches."""
    replaced_by: str = ""
    """Digest of the file that took its place and its number."""
    replaced_at: str = ""
    """UTC, ISO 8601, when that was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochRow:
    """One survey epoch."""

    name: str
    """Empty for the unnamed one."""
    n_points: int
    n_tiles: int
    n_sources: int
    """Files that are in it now."""
    begun_at: str
    """UTC, ISO 8601, when its first delivery became true; the newest epoch is the one that began last."""
    changed_at: str
    """UTC, ISO 8601, when its newest delivery became true."""


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


STAGE_TILE = f"INSERT OR REPLACE INTO staged ({TILE_COLUMNS}) VALUES ({', '.join('?' * 14)})"
"""Puts `tile_values` among the revisions that wait."""
INSERT_TILE = f"INSERT OR REPLACE INTO tiles ({TILE_COLUMNS}, epoch) VALUES ({', '.join('?' * 15)})"
"""Puts `tile_values` and an epoch among the tiles."""


def tile_values(row: TileRow) -> tuple[Any, ...]:
    """Return a tile as values of `TILE_COLUMNS`."""
    address = (row.tile.z, row.tile.x, row.tile.y)
    extent = (*row.bounds, row.zmin, row.zmax)
    return (*address, row.rev, row.n_points, *extent, row.checksum, to_json(row.columns), row.inputs)


def tile_row(values: tuple[Any, ...]) -> TileRow:
    """Return the tile of values of `TILE_COLUMNS`."""
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


def put_sources(connection: sqlite3.Connection, epoch: str, rows: Sequence[SourceRow], now: str) -> None:
    """Write files that are in from now on; those whose numbers they take become replaced."""
    connection.executemany(
        "UPDATE sources SET state = 'replaced', replaced_by = ?, replaced_at = ?"
        " WHERE epoch = ? AND id = ? AND state = 'done' AND digest <> ?",
        [(row.digest, now, epoch, row.id, row.digest) for row in rows],
    )
    connection.executemany(
        f"INSERT INTO sources (epoch, {SOURCE_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '', '')",
        [(epoch, s.id, s.uri, s.digest, s.size, s.n_points, s.state, s.reason, to_json(s.meta)) for s in rows],
    )


def to_json(value: Any) -> str:
    """Return a value as JSON, the same text for the same value."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
