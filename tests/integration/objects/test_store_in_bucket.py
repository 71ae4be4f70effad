"""A store in an object store is the same store as in a folder: byte by byte, row by row, for every command."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from tiles.atomic import tree_checksum
from tiles.storage import files_below, place_of
from tiles.store import Store
from twin.crs import parse_crs
from twin.vertical import TP

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

SEQUENTIAL = ("--executor", "sequential")
DASK = ("--executor", "dask", "--workers", "2")
EDGE_M = 128.0
"""Tiles of this size make four of the scene, with halos between them."""
NOW = "2025-10-01T06:05:00Z"


def contents(address: str | Path) -> Mapping[str, bytes]:
    """Every byte of a store but the manifest, whose rows are compared apart."""
    return {
        name: file.read_bytes()
        for name, file in files_below(place_of(address)).items()
        if not name.startswith(("manifest.sqlite", ".lock"))
    }


def rows(address: str | Path) -> list[object]:
    """Everything that the manifest says, but times and costs."""
    manifest = Store.open(str(address)).manifest
    runs = [(row.run, row.stage, row.inputs, row.state) for row in manifest.runs()]
    artefacts = [
        (row.run, key, entry.path, entry.checksum, entry.inputs)
        for row in manifest.runs()
        for key, entry in manifest.artefacts(row.run).items()
    ]
    return [manifest.sources(), manifest.tiles(), runs, artefacts, manifest.staged_tiles(), manifest.garbage()]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A survey of a small bay and a recording of its gauges."""
    from pipelines.live.demo_feed import write_demo_feed
    from pipelines.synth import write_survey
    from twin.scene import Scene, SceneParams

    folder = tmp_path_factory.mktemp("scene")
    params = SceneParams(kind="bay", n_points=60_000, seed=0)
    write_survey(folder / "survey", params)
    write_demo_feed(folder / "feed.jsonl", Scene.build(params))
    return folder


def build(
    twin: Callable[..., dict[str, Any]],
    store: str | Path,
    scene: Path,
    requests: Any = None,
    options: tuple[str, ...] = SEQUENTIAL,
) -> dict[str, Any]:
    """Do every stage; returns the requests that each of them made."""
    Store.create(store, crs=parse_crs("EPSG:6677"), vertical=TP, tile_edge_m=EDGE_M)
    stages = {
        "ingest": (scene / "survey", *options),
        "classify": options,
        "terrain": ("--resolution", "1", *options),
        "model": options,
        "flood": ("surge_holding",),
    }
    cost = {}
    for stage, arguments in stages.items():
        before = sum(requests.values()) if requests is not None else 0
        twin(stage, store, *arguments)
        cost[stage] = (sum(requests.values()) if requests is not None else 0) - before
    twin("live", "replay", store, scene / "feed.jsonl", "--feed", "bay_demo")
    return cost


@pytest.mark.slow
def test_every_command_gives_the_bytes_and_rows_of_a_folder(  # noqa: PLR0913 - fixtures
    twin: Callable[..., dict[str, Any]],
    scene: Path,
    tmp_path: Path,
    address: str,
    server: Any,
    record_property: Callable[[str, object], None],
) -> None:
    folder = tmp_path / "store"
    build(twin, folder, scene)
    cost = build(twin, address, scene, server.requests)
    assert contents(address) == contents(folder)
    assert rows(address) == rows(folder)
    n_tiles = len(Store.open(address).tiles())
    for stage, count in cost.items():
        record_property(f"requests a tile, {stage}", round(count / n_tiles, 1))
    assert n_tiles == 4
    assert cost["ingest"] / n_tiles < 70
    for stage in ("classify", "terrain", "model"):
        assert cost[stage] / n_tiles < 150

    first, second = (twin("info", store) for store in (folder, address))
    timed = {"seconds", "runs", "epochs"}
    assert {key: first[key] for key in first.keys() - timed} == {key: second[key] for key in second.keys() - timed}
    assert twin("verify", address)["ok"]
    for export in ("laz", "cog", "3dtiles", "cityjson"):
        outs = [tmp_path / kind / export for kind in ("of folder", "of bucket")]
        for store, out in zip((folder, address), outs, strict=True):
            out.parent.mkdir(exist_ok=True)
            twin("export", store, export, out)
        assert tree_checksum(outs[0]) == tree_checksum(outs[1]), export
    assert_same_scene(folder, address)


def assert_same_scene(folder: Path, address: str) -> None:
    from viewer.load import load_scene

    first, second = (load_scene(Store.open(str(store)), now=datetime.fromisoformat(NOW)) for store in (folder, address))
    assert first.title  # a folder may be named by the one above, so titles need not agree
    assert second.title
    assert first.points is not None
    assert second.points is not None
    np.testing.assert_array_equal(first.points.points.x, second.points.points.x)
    assert first.flood is not None
    assert second.flood is not None
    np.testing.assert_array_equal(first.flood.depth.values, second.flood.depth.values)
    assert [building.id for building in first.buildings] == [building.id for building in second.buildings]
    assert first.gauges == second.gauges


@pytest.mark.slow
def test_worker_processes_make_the_same_store_and_pictures(
    twin: Callable[..., dict[str, Any]], scene: Path, tmp_path: Path, address: str, server: Any
) -> None:
    folder = tmp_path / "area" / "store"  # a picture is named after these
    build(twin, folder, scene)
    server.fail(0.03, seed=5)
    build(twin, address, scene, options=DASK)
    server.calm()
    assert contents(address) == contents(folder)
    assert rows(address) == rows(folder)
    for store in (folder, address):
        twin("snapshot", store, tmp_path / f"{store == folder}.png", "--now", NOW)
        twin("report", store, tmp_path / f"{store == folder}.html", "--now", NOW)
    first, second = (np.asarray(Image.open(tmp_path / f"{name}.png"), np.int16) for name in (True, False))
    assert first.std() > 10
    assert np.mean(np.abs(first - second) > 8) < 0.002  # the renderer's last bits are its own
    assert (tmp_path / "False.html").stat().st_size > 50_000
