"""`twin train` on small labelled files: the same bytes twice, a record of what it was made from, errors that help."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from pipelines.learned.model import HEADS, read_model
from pipelines.learned.recipe import read_recipe
from tiles.las_write import write_las
from twin.cli.app import build_app
from twin.errors import ConfigError
from twin.points import Points

if TYPE_CHECKING:
    from pathlib import Path

RECIPE: dict[str, Any] = {
    "regions": {
        "here": {"codes": "asprs", "licence": "ours", "files": ["here.las"]},
        "there": {"codes": "ahn", "licence": "ours", "files": ["there.las"]},
    },
    "copies": [{}, {"density_per_m2": 2, "noise_m": 0.05, "relief": 0.2, "echoes": False}],
    "trees": {"n_trees": 4, "depth": 3, "leaves": 6, "min_rows": 20, "rows_per_region": 4000},
}


def village(seed: int) -> Points:
    """A slope with cars, houses and trees, each with its class."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0, 60, (2, 14_000))
    kind = (np.floor(x / 6) + 3 * np.floor(y / 6)).astype(int) % 8
    rise = np.select(
        [kind == 1, kind == 3, kind == 5], [5.0, rng.uniform(0, 8, len(x)), rng.uniform(0, 1.4, len(x))], 0.0
    )
    code = np.select([(kind == 3) & (rise > 0.3), kind == 1, (kind == 5) & (rise > 0.2)], [5, 6, 1], 2)
    z = 0.05 * x + rise + rng.normal(0, 0.03, len(x))
    of = np.where(kind == 3, 3, 1).astype(np.uint8)
    number = rng.integers(1, of + 1).astype(np.uint8)
    attributes = {"classification": code.astype(np.uint8), "return_number": number, "number_of_returns": of}
    return Points(x=x, y=y, z=z, attributes=attributes)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two labelled files and a recipe."""
    for seed, name in enumerate(("here", "there")):
        write_las(tmp_path / f"{name}.las", village(seed), crs=None)
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(RECIPE), encoding="utf-8")
    return tmp_path


def train(folder: Path, out: str, *more: str) -> Any:
    command = ["train", str(folder / out), "--recipe", str(folder / "small.yaml"), "--data", str(folder), *more]
    return CliRunner().invoke(build_app(), command)


def test_trained_twice_from_the_same_files_a_model_is_the_same_bytes_and_tells_what_it_was_made_of(
    folder: Path,
) -> None:
    pytest.importorskip("lightgbm")
    assert train(folder, "a.trees").exit_code == 0
    assert train(folder, "b.trees", "--no-validate").exit_code == 0
    assert (folder / "a.trees").read_bytes() == (folder / "b.trees").read_bytes()
    model = read_model(folder / "a.trees")
    assert [model.heads[head].depth for head in HEADS] == [3, 3, 3]
    record = yaml.safe_load((folder / "a.yaml").read_text(encoding="utf-8"))
    assert record["digest"] == model.digest
    assert record["regions"]["here"]["files"]["here.las"]["points"] == 14_000
    assert "vegetation" not in record["regions"]["there"]["rows"]
    # Without `here` nobody tells vegetation from the rest, so only `there` is scored by a model that never saw it.
    assert list(record["region_out"]) == ["there"]
    score = record["region_out"]["there"]["there.las"]
    assert score["corrected"]["kappa"] > 80


def test_without_lightgbm_the_error_names_the_extra(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    result = train(folder, "a.trees")
    assert result.exit_code == 2
    assert "city-twin[train]" in result.output


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"regions": {}}, "no regions"),
        ({"regions": {"here": {"codes": "asprs", "licence": "ours"}}}, "neither files nor scenes"),
        ({"regions": {"here": {"codes": "asprs", "files": ["a.las"]}}}, "licence is missing"),
        (
            {"regions": {"here": {"codes": "martian", "licence": "ours", "files": ["a.las"]}}},
            "there are: ahn, asprs, ign",
        ),
        ({"copies": [{"density": 3}]}, "density_per_m2"),
        ({"forest": 1}, "unknown key 'forest'"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text(yaml.safe_dump(RECIPE | change), encoding="utf-8")
    with pytest.raises(ConfigError, match=told):
        read_recipe(path)


def test_a_region_that_there_is_not_cannot_be_left_out() -> None:
    recipe = read_recipe("default")
    assert [region.name for region in recipe.without(("NL",)).regions] == ["FR", "BR", "SYN"]
    with pytest.raises(ConfigError, match="no region 'DE' to leave out; there are: NL, FR, BR, SYN"):
        recipe.without(("DE",))
