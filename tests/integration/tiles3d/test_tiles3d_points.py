"""Laws of exported points, read back by pygltflib and meshoptimizer's decoder, placed by PROJ."""

from __future__ import annotations

import json
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tiles.tiles3d import PointTileParams, export_points
from twin.errors import StageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from tiles.manifest import TileRow
    from tiles.store import Store
    from twin.points import Points
    from twin.tiling import TileId

WEST_TILE_M = -124.0
"""East edge of a strip 4 m wide: few points, in one column of tiles."""
SMALL = PointTileParams(points_per_tile=1000)


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def linear(screen: int) -> int:
    share = screen / 255.0
    return round(255.0 * (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4))


def test_every_point_is_drawn_once_where_proj_puts_it(
    export: Path, survey: Points, contents_of: Callable[..., Any], true_ecef: Callable[..., Any]
) -> None:
    want = true_ecef(np.stack([survey.x, survey.y, survey.z], axis=1))
    seen = np.zeros(len(survey), dtype=int)
    contents = contents_of(export / "points" / "tileset.json")
    assert len(contents) > 30
    for content in contents:
        number = content.attributes["_INTENSITY"].astype(np.int64)
        np.add.at(seen, number, 1)
        off = np.abs((content.ecef() - want[number]) @ content.to_ecef[:3, :3])
        half_a_step = np.abs(content.gltf.nodes[0].scale)[[0, 2, 1]] / 2
        assert (off <= half_a_step + 2e-4).all()  # PROJ's way here takes GRS80 for WGS 84, 0.1 mm off
        assert half_a_step.max() <= 256.0 / 65535
        assert (content.attributes["_CLASSIFICATION"] == survey["classification"][number]).all()
    assert (seen == 1).all()


def test_points_lie_in_their_boxes_and_boxes_in_those_above(export: Path, contents_of: Callable[..., Any]) -> None:
    for content in contents_of(export / "tileset.json"):
        half = np.abs(np.diag(content.box[1:]))
        assert np.count_nonzero(content.box[1:]) == 3  # along the axes of its own frame
        assert (np.abs(content.positions() - content.box[0]) <= half + 1e-3).all()


def corners(tile: dict[str, Any], frame: NDArray[np.float64]) -> NDArray[np.float64]:
    box = np.array(tile["boundingVolume"]["box"]).reshape(4, 3)
    signs = np.array([[a, b, c] for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)])
    return (box[0] + signs @ box[1:]) @ frame[:3, :3].T + frame[:3, 3]


def test_children_lie_in_their_parents_and_errors_never_grow_downwards(export: Path) -> None:
    n_checked = 0

    def check(path: Path, tile: dict[str, Any], above: NDArray[np.float64]) -> None:
        nonlocal n_checked
        frame = above @ np.array(tile.get("transform", np.identity(4).ravel())).reshape(4, 4).T
        inner = [(path, child) for child in tile.get("children", [])]
        uri = tile.get("content", {}).get("uri", "")
        if uri.endswith(".json"):
            inner.append((path.parent / uri, json.loads((path.parent / uri).read_text())["root"]))
        for file, child in inner:
            n_checked += 1
            assert child["geometricError"] <= tile["geometricError"]
            if "box" in tile["boundingVolume"]:
                placed = frame @ np.array(child.get("transform", np.identity(4).ravel())).reshape(4, 4).T
                box = np.array(tile["boundingVolume"]["box"]).reshape(4, 3)
                local = (corners(child, placed) - frame[:3, 3]) @ frame[:3, :3] - box[0]
                axes = box[1:] / np.linalg.norm(box[1:], axis=1, keepdims=True)
                assert (np.abs(local @ axes.T) <= np.linalg.norm(box[1:], axis=1) + 0.02).all()
            check(file, child, frame)

    top = export / "tileset.json"
    check(top, json.loads(top.read_text())["root"], np.identity(4))
    assert n_checked > 40


def test_files_hold_neither_crumbs_nor_heaps(store: Store, contents_of: Callable[..., Any], tmp_path: Path) -> None:
    export_points(tmp_path, store, params=PointTileParams(points_per_tile=1000))
    sizes = [len(content.attributes["POSITION"]) for content in contents_of(tmp_path / "tileset.json")]
    assert max(sizes) <= 1500
    assert np.median(sizes) >= 500


def test_few_points_make_one_file(store: Store, contents_of: Callable[..., Any], tmp_path: Path) -> None:
    summary = export_points(tmp_path, store)
    sizes = [len(content.attributes["POSITION"]) for content in contents_of(tmp_path / "tileset.json")]
    # two: the town lies on both sides of x = 0, and cells left and right of an axis have no cell above them
    assert len(sizes) == 2
    assert sum(sizes) == summary.points == 50_000


def test_streams_are_of_codec_version_0_with_strides_of_four(export: Path, contents_of: Callable[..., Any]) -> None:
    n_streams = 0
    for content in contents_of(export / "points" / "tileset.json"):
        blob = content.gltf.binary_blob()
        for view in content.gltf.bufferViews:
            packed = view.extensions["EXT_meshopt_compression"]
            assert blob[packed["byteOffset"]] == 0xA0
            assert packed["byteStride"] % 4 == 0 == packed["byteOffset"] % 4
            n_streams += 1
    assert n_streams > 100


def test_a_rerun_and_another_order_of_tiles_give_the_same_bytes(store: Store, tmp_path: Path, export: Path) -> None:
    class Reversed:
        crs, vertical, grid = store.crs, store.vertical, store.grid
        read_tile, read_labels = store.read_tile, store.read_labels

        def tiles(self) -> list[TileRow]:
            return store.tiles()[::-1]

    export_points(tmp_path, Reversed(), params=SMALL)
    assert bytes_of(tmp_path / "points") == bytes_of(export / "points")


def test_overviews_prefer_the_coarse_level_of_detail(
    export: Path, survey: Points, contents_of: Callable[..., Any]
) -> None:
    top = [c for c in contents_of(export / "points" / "tileset.json") if c.path.parent.name == "content"]
    numbers = np.concatenate([c.attributes["_INTENSITY"] for c in top])
    assert len(numbers) > 1000
    assert (survey["lod"][numbers] == 0).all()


def test_labels_of_a_run_replace_the_delivered_classes(
    make_store: Callable[..., Store], survey: Points, contents_of: Callable[..., Any], tmp_path: Path
) -> None:
    store = make_store(tmp_path / "store", survey.take(survey.x < WEST_TILE_M))
    with store.writing():
        for row in store.tiles():
            store.write_labels("r1", row.tile, np.full(row.n_points, 9, np.uint8), np.full(row.n_points, 200, np.uint8))
    export_points(tmp_path / "out", store, labels_run="r1")
    for content in contents_of(tmp_path / "out" / "tileset.json"):
        assert (content.attributes["_CLASSIFICATION"] == 9).all()


def test_colours_of_the_survey_are_kept_in_linear_light(
    make_store: Callable[..., Store], survey: Points, contents_of: Callable[..., Any], tmp_path: Path
) -> None:
    points = survey.take(survey.x < WEST_TILE_M)
    n = len(points)
    shade = np.linspace(0, 255, n).astype(np.uint16)
    colours = {"red": shade * 257, "green": np.full(n, 128 * 257, np.uint16), "blue": np.zeros(n, np.uint16)}
    store = make_store(tmp_path / "store", points.with_attributes(**colours))
    export_points(tmp_path / "out", store)
    shade_of = dict(zip(points["intensity"].tolist(), shade.tolist(), strict=True))
    for content in contents_of(tmp_path / "out" / "tileset.json"):
        drawn, number = content.attributes["COLOR_0"], content.attributes["_INTENSITY"]
        assert drawn[:, 0].tolist() == [linear(int(shade_of[i])) for i in number.tolist()]
        assert set(drawn[:, 1].tolist()) == {linear(128)}
        assert set(drawn[:, 3].tolist()) == {255}


def test_classes_can_be_left_out(store: Store, survey: Points, contents_of: Callable[..., Any], tmp_path: Path) -> None:
    summary = export_points(tmp_path, store, params=PointTileParams(without_classes=(6,)))
    assert summary.points == np.count_nonzero(survey["classification"] != 6)
    for content in contents_of(tmp_path / "tileset.json"):
        assert not (content.attributes["_CLASSIFICATION"] == 6).any()
    with pytest.raises(StageError, match="left out"):
        export_points(tmp_path, store, params=PointTileParams(without_classes=(2, 6)))


def test_one_tile_is_in_memory_at_a_time(store: Store, tmp_path: Path) -> None:
    class Watched:
        crs, vertical, grid, tiles, read_labels = store.crs, store.vertical, store.grid, store.tiles, store.read_labels

        def __init__(self) -> None:
            self.alive: list[weakref.ref[NDArray[np.float64]]] = []
            self.most = 0

        def read_tile(self, tile: TileId, columns: Sequence[str] | None = None) -> Points:
            self.most = max(self.most, sum(ref() is not None for ref in self.alive))
            points = store.read_tile(tile, columns)
            self.alive.append(weakref.ref(points.x))
            return points

    watched = Watched()
    export_points(tmp_path, watched, params=SMALL)
    assert len(watched.alive) == len(store.tiles()) > 10
    assert watched.most == 0


def test_a_single_point_and_many_in_one_place_are_drawn(
    make_store: Callable[..., Store],
    survey: Points,
    contents_of: Callable[..., Any],
    true_ecef: Callable[..., Any],
    tmp_path: Path,
) -> None:
    for n in (1, 5000):
        points = survey.take(np.zeros(n, dtype=np.intp))
        export_points(tmp_path / f"out{n}", make_store(tmp_path / f"store{n}", points), params=SMALL)
        contents = contents_of(tmp_path / f"out{n}" / "tileset.json")
        assert sum(len(content.attributes["POSITION"]) for content in contents) == n
        want = true_ecef(np.array([[points.x[0], points.y[0], points.z[0]]]))
        assert max(np.abs(content.ecef() - want).max() for content in contents) < 0.002


def test_counts_and_bytes_are_those_of_the_folder(store: Store, tmp_path: Path) -> None:
    summary = export_points(tmp_path, store, params=SMALL)
    files = bytes_of(tmp_path / "points")
    assert (summary.files, summary.bytes) == (len(files), sum(map(len, files.values())))
    assert summary.points == 50_000
