"""The second look: trees answer as they were trained, features depend on nothing but the points, models are checked."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.learned import Filtered, LearnedParams, look_again
from pipelines.learned.cells import CELL_M
from pipelines.learned.features import FEATURES, REACH_M, FeatureSource
from pipelines.learned.model import HEADS, Model, load_model, model_file, read_model, write_model
from pipelines.learned.trees import LEAF_UNIT, Trees, flat_trees, per_cent
from pipelines.learned.truths import HABITS
from pipelines.objects.voxels import build_voxels, coarser
from twin.bounds import Bounds
from twin.errors import ConfigError, FormatError
from twin.raster import Frame

if TYPE_CHECKING:
    from pathlib import Path


def street(seed: int, n: int = 4000) -> Filtered:
    """A street with cars, a house and a tree, as a filter might have left it, in whole millimetres."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0, 40, (2, n)) + rng.integers(-1000, 1000, (2, 1))
    kind = rng.integers(0, 4, n)
    height = np.select([kind == 0, kind == 1, kind == 2], [rng.uniform(0, 1.5, n), 6.0, rng.uniform(0, 9, n)], 0.0)
    height = np.rint((height + rng.normal(0, 0.05, n)) * 1000) / 1000
    height[rng.random(n) < 0.01] = np.nan
    of = rng.integers(0, 4, n).astype(np.uint8)
    return Filtered(
        x=np.rint(x * 1000) / 1000,
        y=np.rint(y * 1000) / 1000,
        z=np.rint((np.nan_to_num(height) - 20.0 + 0.1 * (x - x.min())) * 1000) / 1000,
        height_m=height.astype(np.float32),
        tolerance_m=rng.uniform(0.2, 0.6, n).astype(np.float32),
        is_ground=np.nan_to_num(height, nan=9.0) < 0.3,
        return_number=np.minimum(rng.integers(0, 4, n), of).astype(np.uint8),
        number_of_returns=of,
    )


def taken(points: Filtered, index: np.ndarray) -> Filtered:
    return Filtered(**{f.name: getattr(points, f.name)[index] for f in dataclasses.fields(points)})


def frame_around(points: Filtered) -> Frame:
    return Frame.covering(Bounds.around(points.x, points.y).buffered(1.0).snapped(CELL_M), CELL_M)


def model_that_says(sums: int) -> Model:
    """Trees that give every point the same sum of leaves."""
    splits = np.zeros((1, 1), np.uint8)
    leaf = np.full((1, 2), sums, np.int32)
    trees = Trees(feature=splits, threshold=splits.astype(np.float32), leaf=leaf)
    return Model.of(dict.fromkeys(HEADS, trees))


def test_trees_answer_as_lightgbm_itself_does() -> None:
    lightgbm = pytest.importorskip("lightgbm")
    rng = np.random.default_rng(0)
    rows = rng.normal(0, 1, (3000, 6)).astype(np.float32)
    rows[rng.random(rows.shape) < 0.2] = -1.0
    answer = (rows[:, 0] * rows[:, 1] + np.sin(3 * rows[:, 2]) + rng.normal(0, 0.3, 3000)) > 0
    options = {"objective": "binary", "max_depth": 5, "num_leaves": 20, "num_threads": 1, "verbose": -1}
    data = lightgbm.Dataset(rows, label=answer.astype(int), params={"use_missing": False})
    booster = lightgbm.train({**options, "use_missing": False}, data, 25)
    own = flat_trees(booster.dump_model(), 6).sums(rows) * LEAF_UNIT
    np.testing.assert_allclose(own, booster.predict(rows, raw_score=True), atol=25 * LEAF_UNIT)


def test_a_tree_deeper_than_the_model_allows_is_refused() -> None:
    leaf = {"leaf_value": 1.0}
    deep = {"decision_type": "<=", "split_feature": 0, "threshold": 0.5, "left_child": leaf, "right_child": leaf}
    tree = {"tree_structure": {**deep, "left_child": deep}}
    assert flat_trees({"tree_info": [tree]}, 2).leaf.shape == (1, 4)
    with pytest.raises(ValueError, match="deeper than 1"):
        flat_trees({"tree_info": [tree]}, 1)


def test_per_cent_is_the_logistic_curve_and_does_not_leave_0_to_100() -> None:
    logit = np.array([-30.0, -2.0, 0.0, 2.0, 30.0])
    shares = per_cent(np.rint(logit / LEAF_UNIT).astype(np.int64))
    np.testing.assert_array_equal(shares, np.rint(100.0 / (1.0 + np.exp(-logit))))


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32 - 1))
def test_features_do_not_depend_on_the_order_of_points(seed: int) -> None:
    points = street(seed)
    order = np.random.default_rng(seed).permutation(len(points))
    rows = FeatureSource.of(points, frame_around(points)).rows(np.arange(len(points)))
    shuffled = taken(points, order)
    again = FeatureSource.of(shuffled, frame_around(shuffled)).rows(np.arange(len(points)))
    assert np.isfinite(rows).all()
    np.testing.assert_array_equal(again, rows[order])


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32 - 1))
def test_odds_of_a_window_are_those_of_the_whole(seed: int) -> None:
    points = street(seed)
    whole = look_again(points, Bounds.around(points.x, points.y).buffered(1.0), LearnedParams())
    middle = Bounds.around(points.x, points.y)
    core = Bounds(xmin=middle.xmin + 17.3, ymin=middle.ymin + 16.1, xmax=middle.xmax - 16.2, ymax=middle.ymax - 15.7)
    near = np.flatnonzero(core.buffered(LearnedParams().reach_m).contains(points.x, points.y))
    part = look_again(taken(points, near), core, LearnedParams())
    own = core.contains(points.x[near], points.y[near])
    assert own.any()
    for name in ("ground", "building", "vegetation", "is_ground", "in_doubt"):
        np.testing.assert_array_equal(getattr(part, name)[own], getattr(whole, name)[near][own])


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32 - 1), size=st.sampled_from([0.5, 1.0]))
def test_voxels_joined_by_eight_are_those_of_twice_the_edge(seed: int, size: float) -> None:
    points = street(seed)
    fine = build_voxels(points.x, points.y, points.z, size)
    joined, direct = coarser(fine), build_voxels(points.x, points.y, points.z, 2 * size)
    assert (joined.corner, joined.shape, joined.size_mm) == (direct.corner, direct.shape, direct.size_mm)
    for name in ("start", "layer", "moments"):
        np.testing.assert_array_equal(getattr(joined, name), getattr(direct, name))
    np.testing.assert_array_equal(joined.of_point[fine.of_point], direct.of_point)


def test_trees_that_always_say_yes_give_back_only_what_lies_close_to_the_surface() -> None:
    points, params = street(1), LearnedParams()
    odds = look_again(points, Bounds.around(points.x, points.y).buffered(1.0), params, model_that_says(10**6))
    given_back = odds.is_ground & ~points.is_ground
    limit = np.maximum(params.give_back_m, params.give_back_tolerances * points.tolerance_m)
    assert given_back.sum() > 100
    assert (np.abs(points.height_m[given_back]) <= limit[given_back]).all()
    assert odds.is_ground[points.is_ground].all()


def test_trees_that_always_say_no_leave_ground_on_steep_slopes_and_where_nothing_stands() -> None:
    points, params = street(2), LearnedParams()
    around = Bounds.around(points.x, points.y).buffered(1.0)
    odds = look_again(points, around, params, model_that_says(-(10**6)))
    kept = odds.is_ground & points.is_ground
    assert (points.is_ground & ~odds.is_ground).sum() > 100
    assert not odds.in_doubt[kept].any()
    steep = dataclasses.replace(points, z=points.z + 2.0 * (points.x - points.x.min()))
    np.testing.assert_array_equal(
        look_again(steep, around, params, model_that_says(-(10**6))).is_ground, points.is_ground
    )


def test_no_points_and_points_outside_the_core_get_no_odds() -> None:
    points = street(3)
    nothing = taken(points, np.zeros(0, np.intp))
    assert len(look_again(nothing, Bounds(xmin=0, ymin=0, xmax=9, ymax=9), LearnedParams()).is_ground) == 0
    far = Bounds(xmin=9e5, ymin=9e5, xmax=9.1e5, ymax=9.1e5)
    odds = look_again(points, far, LearnedParams())
    assert not odds.building.any()
    np.testing.assert_array_equal(odds.is_ground, points.is_ground)


def test_a_model_read_again_is_the_same_model(tmp_path: Path) -> None:
    model = load_model("default")
    write_model(tmp_path / "again.trees", model)
    assert (tmp_path / "again.trees").read_bytes() == model_file("default").read_bytes()
    assert read_model(tmp_path / "again.trees").digest == model.digest


@pytest.mark.parametrize("harm", ["cut", "changed", "another file"])
def test_a_broken_model_is_an_error_that_names_the_file(tmp_path: Path, harm: str) -> None:
    path = tmp_path / "broken.trees"
    raw = model_file("default").read_bytes()
    path.write_bytes({"cut": raw[:-7], "changed": raw[:-7] + b"?" + raw[-6:], "another file": b"LASF" + raw}[harm])
    with pytest.raises(FormatError, match=r"broken\.trees"):
        read_model(path)


def test_a_model_of_other_features_is_refused_and_says_which(tmp_path: Path) -> None:
    path = tmp_path / "older.trees"
    path.write_bytes(model_file("default").read_bytes().replace(b'"echo"', b'"hue"', 1))
    with pytest.raises(ConfigError, match="it has hue and lacks echo"):
        read_model(path)


def test_a_model_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"ends in \.trees, or `default`"):
        model_file("none")


def test_the_shipped_model_is_small_and_its_record_says_what_it_was_made_of() -> None:
    path = model_file("default")
    record = yaml.safe_load(path.with_suffix(".yaml").read_text(encoding="utf-8"))
    assert path.stat().st_size < 1_000_000
    assert record["digest"] == load_model("default").digest
    assert record["features"] == list(FEATURES)
    for region in record["regions"].values():
        assert region["licence"]
        for facts in region.get("files", {}).values():
            assert len(facts["sha256"]) == 64
            assert facts["points"] > 0
    assert {"trained_on", "libraries", "trees", "copies", "ground", "region_out"} <= set(record)
    assert not any("isprs" in name for region in record["regions"].values() for name in region.get("files", {}))


def test_codes_that_tell_nothing_are_neither_yes_nor_no() -> None:
    codes = np.array([1, 2, 5, 6, 9, 26, 66], np.uint8)
    assert HABITS["ahn"].truth("ground", codes).tolist() == [0, 1, 0, 0, -1, -1, 0]
    assert HABITS["ahn"].truth("vegetation", codes).tolist() == [-1] * 7
    assert HABITS["ign"].truth("building", codes).tolist() == [0, 0, 0, 1, -1, 0, -1]


def test_the_second_look_reaches_no_farther_than_its_features() -> None:
    assert LearnedParams().reach_m >= REACH_M
    assert LearnedParams(enabled=False).reach_m == 0.0
