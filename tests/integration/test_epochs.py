"""An area surveyed again lies beside the old survey, never on it, from the points to the flood."""

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pipelines.classify import ClassifyStage
from pipelines.executors import Sequential
from pipelines.flood import run_flood
from pipelines.flood.scenario import parse_scenario
from pipelines.ingest import IngestParams, ingest
from pipelines.runs import latest_run, run_once, run_tiled
from pipelines.terrain import TerrainParams, TerrainStage
from tiles.flood import flood_names, read_flood
from tiles.las import LasParams, write_las
from tiles.rasters import read_raster
from tiles.store import Store
from tiles.verify import verify_store
from twin.crs import parse_crs
from twin.errors import DatumError, StageError, StoreError
from twin.points import Points
from twin.vertical import TP

if TYPE_CHECKING:
    from pathlib import Path

CRS = parse_crs("EPSG:6677")
EDGE_M = 64.0


def meadow(path: Path, height_m: float, *, west_m: float = 0.0, edge_m: float = 60.0) -> Path:
    """Write level ground at 4 points a square metre."""
    steps = np.arange(0.25, edge_m, 0.5)
    x, y = (axis.ravel() for axis in np.meshgrid(steps + west_m, steps))
    ones = np.ones(len(x), np.uint8)
    points = Points(x=x, y=y, z=np.full(len(x), height_m)).with_attributes(return_number=ones, number_of_returns=ones)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_las(path, points, LasParams(), crs=CRS, vertical=TP)
    return path


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "store", crs=CRS, vertical=TP, tile_edge_m=EDGE_M)


def deliver(store: Store, path: Path, epoch: str = "", *, replace: bool = False) -> Store:
    ingest(store, [path], IngestParams(epoch=epoch, replace=replace), Sequential())
    return store.at_epoch(epoch)


def heights(store: Store) -> set[float]:
    return {float(z) for row in store.tiles() for z in np.unique(store.read_tile(row.tile, ()).z)}


def files(store: Store, folder: str = "points") -> dict[str, str]:
    paths = (path for path in sorted((store.path / folder).rglob("*")) if path.is_file())
    return {str(path.relative_to(store.path)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def test_an_epoch_holds_its_own_points_and_leaves_the_others_as_they_were(store: Store, tmp_path: Path) -> None:
    old = deliver(store, meadow(tmp_path / "2019" / "a.laz", 1.0), "2019")
    before, rows = files(old), old.tiles()
    new = deliver(store, meadow(tmp_path / "2024" / "a.laz", 2.0), "2024")
    assert (heights(old), heights(new)) == ({1.0}, {2.0})
    assert old.tiles() == rows
    assert before.items() <= files(old).items()
    assert [row.id for row in old.manifest.sources()] == [row.id for row in new.manifest.sources()] == [0]
    assert verify_store(old) == []


def test_the_default_is_the_epoch_with_points_whose_first_delivery_came_last(store: Store, tmp_path: Path) -> None:
    assert Store.open(store.path).epoch == ""
    deliver(store, meadow(tmp_path / "b" / "a.laz", 2.0), "2024")
    deliver(store, meadow(tmp_path / "a" / "a.laz", 1.0), "2019")
    deliver(store, meadow(tmp_path / "c" / "c.laz", 2.0, west_m=64.0), "2024")
    deliver(store, meadow(tmp_path / "d" / "a.laz", 0.0, edge_m=0.0), "2025")
    assert Store.open(store.path).epoch == "2019"
    assert [row.name for row in store.manifest.epochs()] == ["2024", "2019", "2025"]
    assert [(row.n_tiles, row.n_sources) for row in store.manifest.epochs()] == [(2, 2), (1, 1), (0, 1)]


def test_an_address_leads_back_to_its_epoch_whatever_came_since(store: Store, tmp_path: Path) -> None:
    unnamed = deliver(store, meadow(tmp_path / "a.laz", 0.5))
    assert unnamed.address == str(store.path)
    named = deliver(store, meadow(tmp_path / "b.laz", 1.0), "令和6年")
    assert named.address == f"{store.path}#令和6年"
    assert unnamed.address == f"{store.path}#"
    for one in (unnamed, named):
        again = Store.open(one.address)
        assert (again.epoch, again.tiles()) == (one.epoch, one.tiles())


def test_a_folder_may_have_the_sign_of_an_epoch_in_its_name(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "plan#2", crs=CRS, vertical=TP)
    assert Store.open(store.path).path == store.path
    assert Store.open(store.address).path == store.path
    with pytest.raises(StoreError, match="begins without epochs"):
        Store.create(f"{tmp_path}/new#2024", crs=CRS, vertical=TP)


def test_a_store_without_epochs_of_an_older_program_is_refused_with_the_way_out(store: Store) -> None:
    root = store.path / "zarr.json"
    root.write_text(root.read_text().replace('"version": 2', '"version": 1'))
    with pytest.raises(StoreError, match="version 1, this program reads version 2; make a new store and ingest"):
        Store.open(store.path)


def test_an_unknown_epoch_is_an_error_that_lists_those_there_are(store: Store, tmp_path: Path) -> None:
    for epoch in ("2019", "2024"):
        deliver(store, meadow(tmp_path / epoch / "a.laz", 1.0), epoch)
    with pytest.raises(StoreError, match=r"no epoch '2023'; there are: .*#2019, .*#2024"):
        Store.open(f"{store.path}#2023")
    with pytest.raises(StoreError, match="no unnamed epoch"):
        Store.open(f"{store.path}#")
    with pytest.raises(StoreError, match="a short name"):
        Store.open(f"{store.path}#a/b")


def test_the_epoch_of_a_geoid_is_no_epoch_of_a_survey() -> None:
    with pytest.raises(DatumError, match="--vertical TP@JGD2011"):
        IngestParams(epoch="JGD2011")


def test_a_revision_that_epochs_share_stays_until_the_last_lets_go(store: Store, tmp_path: Path) -> None:
    first = meadow(tmp_path / "a.laz", 1.0)
    old, new = deliver(store, first, "2019"), deliver(store, first, "2024")
    assert [row.rev for row in old.tiles()] == [row.rev for row in new.tiles()]
    deliver(store, meadow(tmp_path / "other" / "a.laz", 2.0), "2024", replace=True)
    assert heights(old) == {1.0}
    assert verify_store(store) == []
    deliver(store, tmp_path / "other" / "a.laz", "2019", replace=True)
    assert len(list((store.path / "points").glob("*/*/*"))) == 1
    assert verify_store(store) == []


def test_verify_counts_the_points_of_each_epoch(store: Store, tmp_path: Path) -> None:
    old = deliver(store, meadow(tmp_path / "a.laz", 1.0), "2019")
    deliver(store, meadow(tmp_path / "b.laz", 1.0), "2024")
    old.manifest.commit_tiles([], removed=[row.tile for row in old.tiles()])
    (problem,) = verify_store(Store.open(f"{store.path}#2024"))
    assert problem.reason.startswith("epoch 2019: sources brought 14400 points, the tiles hold 0")


SCENARIO = parse_scenario(
    {
        "title": {"en": "High", "ja": "高潮"},
        "level": {"value_m": 3.0, "datum": "TP"},
        "seeds": {"points": [[30.25, 30.25]]},
        "legend": "flood_depth_ja",
    },
    "test",
    "high",
)


def derive(store: Store) -> None:
    run_tiled(store, ClassifyStage(), Sequential())
    run_tiled(store, TerrainStage(steps=TerrainParams(), labels_run=latest_run(store, "classify")), Sequential())


def test_labels_rasters_and_floods_of_epochs_do_not_mix(store: Store, tmp_path: Path) -> None:
    old = deliver(store, meadow(tmp_path / "2019" / "a.laz", 1.0), "2019")
    new = deliver(store, meadow(tmp_path / "2024" / "a.laz", 2.0), "2024")
    derive(old)
    with pytest.raises(StageError, match=r"nothing from stage 'terrain' yet; run `twin terrain .*#2024`"):
        latest_run(new, "terrain")
    labelled, before = latest_run(old, "classify"), files(old, "rasters")
    derive(new)
    assert latest_run(old, "classify") == labelled != latest_run(new, "classify")
    assert before.items() <= files(old, "rasters").items()
    for one, height_m in ((old, 1.0), (new, 2.0)):
        dtm = read_raster(one, latest_run(one, "terrain"), "dtm").values
        assert np.nanmax(dtm) == np.nanmin(dtm) == pytest.approx(height_m, abs=0.001)
    run_flood(old, SCENARIO, latest_run(old, "terrain"), None)
    assert (flood_names(old), flood_names(new)) == (["high"], [])
    run_flood(new, SCENARIO, latest_run(new, "terrain"), None)
    for one, depth_m in ((old, 2.0), (new, 1.0)):
        assert np.nanmax(read_flood(one, "high").depth.values) == pytest.approx(depth_m, abs=0.001)
    assert verify_store(store) == []


def test_an_export_of_one_epoch_is_made_again_after_the_other_took_its_place(store: Store, tmp_path: Path) -> None:
    old = deliver(store, meadow(tmp_path / "2019" / "a.laz", 1.0), "2019")
    new = deliver(store, meadow(tmp_path / "2024" / "a.laz", 2.0), "2024")
    out = tmp_path / "answer.txt"

    def body(epoch: str) -> dict[str, int]:
        out.write_text(epoch)
        return {}

    done = [run_once(one, "export", {"out": str(out)}, [out], lambda e=one.epoch: body(e)) for one in (old, new, old)]  # type: ignore[misc]
    assert [summary.n_done for summary in done] == [1, 1, 1]
    assert out.read_text() == "2019"


@pytest.mark.slow
def test_after_a_replacement_only_tiles_within_the_halo_are_done_again_and_lost_ones_are_forgotten(
    store: Store, tmp_path: Path
) -> None:
    paths = [meadow(tmp_path / f"{column}.laz", 1.0, west_m=64.0 * column, edge_m=20.0) for column in range(8)]
    for path in paths:
        deliver(store, path)
    stage = ClassifyStage()
    derive(store)
    meadow(tmp_path / "new" / "7.laz", 1.0, west_m=64.0 * 7 + 2.0, edge_m=18.0)
    deliver(store, tmp_path / "new" / "7.laz", replace=True)
    again = run_tiled(store, stage, Sequential())
    reach = int(np.ceil(stage.halo_m / EDGE_M))
    assert (again.n_done, again.n_skipped) == (1 + reach, 7 - reach)
    meadow(tmp_path / "gone" / "7.laz", 1.0, edge_m=0.0)
    deliver(store, tmp_path / "gone" / "7.laz", replace=True)
    derive(store)
    labels = latest_run(store, "classify")
    assert sorted(store.manifest.artefacts(labels)) == [str(row.tile) for row in store.tiles()]
    assert not (store.path / "labels" / labels / "0" / "7_0").exists()
    assert verify_store(store) == []
    fresh = Store.create(tmp_path / "fresh", crs=CRS, vertical=TP, tile_edge_m=EDGE_M)
    for path in [*paths[:7], tmp_path / "gone" / "7.laz"]:
        deliver(fresh, path)
    derive(fresh)
    assert files(store, "labels") == files(fresh, "labels")
    assert files(store, "rasters") == files(fresh, "rasters")
    shutil.rmtree(fresh.path)
