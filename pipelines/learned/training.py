"""Examples to a model, the same bytes every time, and what there is to say about how it came to be."""

from __future__ import annotations

import dataclasses
import hashlib
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.learned.examples import examples_of
from pipelines.learned.features import FEATURES
from pipelines.learned.model import HEADS, Model
from pipelines.learned.recipe import Copy
from pipelines.learned.trees import flat_trees
from tiles.las_read import read_las
from twin.errors import ConfigError, StageError
from twin.scene import Scene, SceneParams

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pipelines.ground import SmrfParams
    from pipelines.learned.examples import Rows
    from pipelines.learned.params import LearnedParams
    from pipelines.learned.recipe import Recipe, Region, TreeParams
    from twin.points import Points

__all__ = ["Trainer", "clouds_of", "record_of"]

_LIBRARIES = ("lightgbm", "numpy", "numba", "opencv-python-headless")


class Trainer:
    """Examples of every region, made once, and models of any choice of regions.

    Parameters
    ----------
    recipe
        What to train from.
    data
        Folder that the recipe's files are in.
    steps
        Parameters of the ground filter and of the second look, as the chain uses them.

    Raises
    ------
    ConfigError
        If LightGBM is not installed, or a file of the recipe is not there.
    """

    def __init__(self, recipe: Recipe, data: Path, steps: tuple[SmrfParams, LearnedParams]) -> None:
        _lightgbm()
        self.recipe, self.data, self.steps = recipe, data, steps
        self._rows: dict[str, dict[str, Rows]] = {}

    def train(self, leave_out: Sequence[str] = ()) -> Model:
        """Return a model of all regions but some.

        Notes
        -----
        The rows of a region take about half a minute a million points and copy; the trees 20 s for half a million rows.
        """
        recipe = self.recipe.without(tuple(leave_out))
        rows = [self.rows_of(region) for region in recipe.regions]
        heads = {}
        for head in HEADS:
            parts = [part[head] for part in rows if head in part]
            if not parts:
                raise StageError(f"{recipe.name}: no region left tells {head} from the rest; add one that does")
            heads[head] = flat_trees(_grown(parts, recipe.trees), recipe.trees.depth)
        return Model.of(heads)

    def rows_of(self, region: Region) -> dict[str, Rows]:
        """Return the examples of a region by head; made at the first call."""
        if region.name not in self._rows:
            clouds = clouds_of(region, self.data)
            self._rows[region.name] = examples_of(region, clouds, self.recipe, self.steps)
        return self._rows[region.name]


def clouds_of(region: Region, data: Path) -> dict[str, Points]:
    """Read a region's files and make its scenes, by name.

    Raises
    ------
    ConfigError
        If a file is not there.
    """
    clouds = {}
    for name in region.files:
        path = data / name
        if not path.is_file():
            raise ConfigError(f"{path}: not there; give the folder of the recipe's files with --data")
        clouds[name] = read_las(path)
    for scene in region.scenes:
        params = SceneParams(**dataclasses.asdict(scene))
        clouds[f"{scene.kind} {scene.seed}"] = Scene.build(params).all_points()
    return clouds


def record_of(trainer: Trainer, model: Model, trained_on: str) -> dict[str, Any]:
    """Return what a person should know of a model: from what, how, with which libraries, when.

    Parameters
    ----------
    trainer
        What made it.
    model
        What it made.
    trained_on
        Date, ISO 8601.
    """
    recipe = trainer.recipe
    return {
        "digest": model.digest,
        "trained_on": trained_on,
        "recipe": recipe.name,
        "libraries": {name: version(name) for name in _LIBRARIES},
        "heads": list(HEADS),
        "features": list(FEATURES),
        "trees": dataclasses.asdict(recipe.trees),
        "copies": [_without_defaults(copy) for copy in recipe.copies],
        "ground": _plain(dataclasses.asdict(trainer.steps[0])),
        "regions": {region.name: _facts(region, trainer) for region in recipe.regions},
    }


def _facts(region: Region, trainer: Trainer) -> dict[str, Any]:
    clouds = clouds_of(region, trainer.data)
    files = {
        name: {
            "sha256": hashlib.sha256((trainer.data / name).read_bytes()).hexdigest(),
            "points": len(clouds[name]),
        }
        for name in region.files
    }
    rows = {head: len(part.answer) for head, part in trainer.rows_of(region).items()}
    facts: dict[str, Any] = {"licence": region.licence, "codes": region.codes, "rows": rows}
    if files:
        facts["files"] = files
    if region.scenes:
        facts["scenes"] = [dataclasses.asdict(scene) for scene in region.scenes]
    return facts


def _grown(parts: Sequence[Rows], params: TreeParams) -> Mapping[str, Any]:
    """Train one head; every region weighs the same."""
    lightgbm = _lightgbm()
    features = np.concatenate([part.features for part in parts])
    answer = np.concatenate([part.answer for part in parts])
    weight = np.concatenate([part.weight for part in parts])
    options = {
        "objective": "binary",
        "num_leaves": params.leaves,
        "max_depth": params.depth,
        "learning_rate": params.learning_rate,
        "min_data_in_leaf": params.min_rows,
        "feature_fraction": params.feature_share,
        "lambda_l2": params.l2,
        "max_bin": 127,
        "use_missing": False,
        "boost_from_average": True,
        "num_threads": 1,
        "deterministic": True,
        "force_row_wise": True,
        "seed": params.seed,
        "verbose": -1,
    }
    table = lightgbm.Dataset(features, label=answer, weight=weight / weight.mean(), params=options)
    dump: Mapping[str, Any] = lightgbm.train(options, table, params.n_trees).dump_model()
    return dump


def _lightgbm() -> Any:
    try:
        import lightgbm
    except ImportError:
        raise ConfigError("training needs LightGBM; install it with: pip install 'city-twin[train]'") from None
    return lightgbm


def _without_defaults(copy: Copy) -> dict[str, Any]:
    plain = dataclasses.asdict(Copy())
    return {key: value for key, value in dataclasses.asdict(copy).items() if value != plain[key]}


def _plain(params: Mapping[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in params.items()}
