"""A corrected file takes the place of the old one: as if it had come first, and only where either has points."""

from __future__ import annotations

import hashlib
import os
import signal
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from pipelines.executors import Sequential
from pipelines.ingest import IngestParams, IngestSummary, ingest
from tiles import manifest as manifest_module
from tiles.las import LasParams, write_las
from tiles.store import Store
from tiles.verify import verify_store
from twin.crs import parse_crs
from twin.points import Points
from twin.vertical import TP

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tiles.manifest import TileRow
    from twin.tiling import TileId

CRS = parse_crs("EPSG:6677")
SIZES = {"max_tile_points": 900, "rows_per_task": 400, "chunk_rows": 150}
PLAIN, REPLACE = IngestParams(**SIZES), IngestParams(**SIZES, replace=True)
STRIPS = {"a.laz": (0.0, 1100, 60.0), "b.laz": (0.0, 700, 60.0), "c.laz": (30.0, 500, 9.0), "d.laz": (200.0, 300, 60.0)}
"""West edge in metres, points, and width in metres of each strip."""


def write(path: Path, west_m: float, n: int, width_m: float, *, seed: int = 0) -> Path:
    """Write a strip; ``c.laz`` alone has colour and extra bytes."""
    random = np.random.default_rng([seed, n, int(west_m)])
    x, y = (random.integers(0, int(width_m * 1000), n) * 0.001 for _ in range(2))
    attributes: dict[str, Any] = {"classification": random.integers(0, 20, n).astype(np.uint8)}
    layout = LasParams(point_format=6)
    if path.name == "c.laz":
        attributes |= {"red": np.arange(n, dtype=np.uint16), "extra/score": np.arange(n, dtype=np.float32)}
        layout = LasParams(point_format=7, extra=(("extra/score", "<f4"),))
    points = Points(x=x + west_m - 10.0, y=y - 10.0, z=random.integers(0, 9000, n) * 0.001, attributes=attributes)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_las(path, points, layout, crs=CRS, vertical=TP)
    return path


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("delivery")
    return {name: write(folder / name, *facts) for name, facts in STRIPS.items()}


def make(path: Path, sources: list[Path]) -> Store:
    store = Store.create(path, crs=CRS, vertical=TP, tile_edge_m=64.0)
    ingest(store, sources, PLAIN, Sequential())
    return store


def corrected(delivery: dict[str, Path], new: Path) -> list[Path]:
    return [new if name == new.name else path for name, path in delivery.items()]


def tree(store: Store) -> dict[str, str]:
    """Digest of every file of points, by name."""
    files = (path for path in sorted((store.path / "points").rglob("*")) if path.is_file())
    return {str(path.relative_to(store.path)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


CORRECTIONS = {
    "other points in the same place": ("b.laz", 0.0, 700, 60.0),
    "fewer, so that quarters become one tile again": ("a.laz", 0.0, 20, 60.0),
    "more, so that a tile is split": ("d.laz", 200.0, 1500, 60.0),
    "elsewhere, so that tiles vanish": ("d.laz", 400.0, 300, 60.0),
    "the only one with colour, elsewhere": ("c.laz", 330.0, 500, 9.0),
    "with colour, fewer in the same place": ("c.laz", 30.0, 50, 2.0),
    "nothing any more": ("d.laz", 200.0, 0, 60.0),
}


@pytest.mark.parametrize("what", CORRECTIONS)
def test_replacing_a_file_gives_the_bytes_of_a_store_that_had_the_corrected_one_from_the_start(
    tmp_path: Path, delivery: dict[str, Path], what: str
) -> None:
    name, *facts = CORRECTIONS[what]
    new = write(tmp_path / "corrected" / name, *facts, seed=1)
    fresh = make(tmp_path / "fresh", corrected(delivery, new))
    store = make(tmp_path / "store", list(delivery.values()))
    summary = ingest(store, [new], REPLACE, Sequential())
    assert tree(store) == tree(fresh)
    assert [(row.tile, row.rev) for row in store.tiles()] == [(row.tile, row.rev) for row in fresh.tiles()]
    assert [(row.id, row.digest) for row in store.manifest.sources()] == [
        (row.id, row.digest) for row in fresh.manifest.sources()
    ]
    assert summary.sources == len(summary.replaced) == 1
    assert verify_store(store) == []
    assert not (store.path / ".work").exists()


@pytest.mark.parametrize("name", ["b.laz", "d.laz"])
def test_replacing_touches_only_the_tiles_in_which_the_old_or_the_new_file_has_points(
    tmp_path: Path, delivery: dict[str, Path], name: str
) -> None:
    store = make(tmp_path / "store", list(delivery.values()))
    number = list(delivery).index(name)
    west_m, n, width_m = STRIPS[name]

    def rows_and_touched() -> tuple[dict[TileId, TileRow], set[TileId]]:
        rows = {row.tile: row for row in store.tiles()}
        return rows, {tile for tile in rows if number in store.read_tile(tile, ("source",))["source"]}

    before, had = rows_and_touched()
    ingest(store, [write(tmp_path / name, west_m + 70.0, n, width_m, seed=1)], REPLACE, Sequential())
    after, has = rows_and_touched()
    both = set(before) & set(after)
    assert {tile for tile in both if after[tile] != before[tile]} == both & (had | has)
    assert both - had - has
    roots = {(tile.x >> tile.z, tile.y >> tile.z) for tile in had | has}
    assert all((tile.x >> tile.z, tile.y >> tile.z) in roots for tile in set(before) ^ set(after))


def test_a_file_of_a_known_name_with_other_bytes_is_refused_without_replace(
    tmp_path: Path, delivery: dict[str, Path]
) -> None:
    store = make(tmp_path / "store", list(delivery.values()))
    before = store.tiles()
    new = write(tmp_path / "b.laz", *STRIPS["b.laz"], seed=1)
    summary = ingest(store, [new], PLAIN, Sequential())
    (refusal,) = summary.refused
    assert refusal["uri"] == str(new)
    assert "another file of this name is in already" in refusal["reason"]
    assert "--replace" in refusal["reason"]
    assert store.tiles() == before
    assert ingest(store, [delivery["b.laz"]], PLAIN, Sequential()).refused == ()
    assert ingest(store.at_epoch("2024"), [new], PLAIN, Sequential()).sources == 1


def test_what_was_replaced_is_kept_as_lineage_and_counts_for_nothing(tmp_path: Path, delivery: dict[str, Path]) -> None:
    store = make(tmp_path / "store", list(delivery.values()))
    old = store.manifest.sources()[1]
    new = write(tmp_path / "b.laz", 0.0, 30, 60.0, seed=1)
    ingest(store, [new], REPLACE, Sequential())
    (kept,) = store.manifest.replaced_sources()
    now = store.manifest.sources()[1]
    assert (kept.state, kept.id, kept.digest, kept.n_points) == ("replaced", 1, old.digest, 700)
    assert (kept.replaced_by, now.id, now.n_points) == (now.digest, 1, 30)
    assert kept.replaced_at > old.replaced_at == ""
    assert sum(row.n_points for row in store.tiles()) == 1100 + 30 + 500 + 300
    assert verify_store(store) == []
    ingest(store, [delivery["b.laz"]], REPLACE, Sequential())
    assert [row.digest for row in store.manifest.replaced_sources()] == [old.digest, now.digest]
    assert tree(store) == tree(make(tmp_path / "fresh", list(delivery.values())))


def test_a_corrected_file_that_is_refused_leaves_the_old_one_in(tmp_path: Path, delivery: dict[str, Path]) -> None:
    store = make(tmp_path / "store", list(delivery.values()))
    before = (store.tiles(), [row for row in store.manifest.sources() if row.state == "done"])
    new = write(tmp_path / "b.laz", *STRIPS["b.laz"], seed=1)
    new.write_bytes(new.read_bytes()[:-2000])
    summary = ingest(store, [new], REPLACE, Sequential())
    assert (summary.sources, len(summary.refused), summary.replaced) == (0, 1, ())
    assert (store.tiles(), [row for row in store.manifest.sources() if row.state == "done"]) == before
    assert store.manifest.replaced_sources() == []


def test_files_of_one_name_are_told_apart_by_their_paths_and_never_guessed(tmp_path: Path) -> None:
    first = [write(tmp_path / side / "strip.laz", west, 50, 20.0) for side, west in (("east", 100.0), ("west", 0.0))]
    store = make(tmp_path / "store", first)
    assert len(store.manifest.sources()) == 2
    elsewhere = write(tmp_path / "new" / "strip.laz", 0.0, 60, 20.0, seed=1)
    (refusal,) = ingest(store, [elsewhere], REPLACE, Sequential()).refused
    assert "not clear which file of this name it replaces" in refusal["reason"]
    write(first[1], 0.0, 60, 20.0, seed=1)
    (change,) = ingest(store, first, REPLACE, Sequential()).replaced
    assert change["uri"] == str(first[1])
    assert sorted(row.n_points for row in store.manifest.sources() if row.state == "done") == [50, 60]


def dies_at(moment: str, job: Callable[[], IngestSummary]) -> bool:
    """Run `job` in a forked process that kills itself before it does that to the manifest."""
    child = os.fork()
    if child == 0:
        try:
            setattr(manifest_module.Manifest, moment, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
            job()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the test forks itself to be killed")
@pytest.mark.parametrize("moment", ["stage_tiles", "commit_tiles", "forget_garbage"])
def test_a_killed_replacement_leaves_the_old_file_or_the_new_one_and_a_rerun_ends_it(
    tmp_path: Path, delivery: dict[str, Path], moment: str
) -> None:
    new = write(tmp_path / "b.laz", 40.0, 500, 60.0, seed=1)
    wanted = tree(make(tmp_path / "fresh", corrected(delivery, new)))
    store = make(tmp_path / "store", list(delivery.values()))
    had, old = store.tiles(), tree(store)
    assert dies_at(moment, lambda: ingest(store, [new], REPLACE, Sequential()))
    is_new = moment == "forget_garbage"
    assert any(row.uri == str(new) for row in store.manifest.sources()) == is_new
    assert bool(store.manifest.replaced_sources()) == is_new
    assert is_new or store.tiles() == had
    assert verify_store(store) == []
    ingest(store, [new], PLAIN, Sequential())  # another job cleans up after it
    assert tree(store) == (wanted if is_new else old)
    assert not (store.path / ".work").exists()
    ingest(store, [new], REPLACE, Sequential())
    assert tree(store) == wanted


def test_pieces_of_one_file_are_no_versions_of_it(tmp_path: Path) -> None:
    path = write(tmp_path / "a.laz", 0.0, 400, 60.0)
    store = Store.create(tmp_path / "store", crs=CRS, vertical=TP, tile_edge_m=64.0)
    for west_m, east_m in ((-20.0, 10.0), (10.0, 60.0)):
        box = (west_m, -20.0, east_m, 60.0)
        assert ingest(store, [path], IngestParams(bbox=box), Sequential()).refused == ()
    assert sum(row.n_points for row in store.tiles()) == 400
    assert len(ingest(store, [path], PLAIN, Sequential()).refused) == 1
