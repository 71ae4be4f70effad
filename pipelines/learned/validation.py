"""How good a model is where it never was: each region scored by a model trained without it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.learned.examples import filtered, seen_as
from pipelines.learned.odds import look_again
from pipelines.learned.recipe import Copy
from pipelines.learned.training import clouds_of
from pipelines.learned.truths import habit_named
from pipelines.quality.scores import confusion, score_class, score_ground
from twin.bounds import Bounds

if TYPE_CHECKING:
    from pipelines.learned.model import Model
    from pipelines.learned.recipe import Region
    from pipelines.learned.training import Trainer
    from twin.points import Points

__all__ = ["score_region", "scores_region_out"]


def scores_region_out(trainer: Trainer) -> dict[str, Any]:
    """Return scores of every region by a model that was trained on the others, in per cent.

    Regions whose absence leaves a question without any answer to learn from are left out.
    """
    recipe, scores = trainer.recipe, {}
    for region in recipe.regions:
        others = [trainer.rows_of(other) for other in recipe.regions if other.name != region.name]
        heads = set().union(*others) if others else set()
        if heads == set().union(*others, trainer.rows_of(region)):
            scores[region.name] = score_region(trainer, region, trainer.train((region.name,)))
    return scores


def score_region(trainer: Trainer, region: Region, model: Model) -> dict[str, Any]:
    """Return each cloud's scores as delivered: ground before and after the second look, and what stands on it.

    Ground is scored on the points whose truth is known, as the filter and the trees leave it, without the later steps.
    """
    rng = np.random.default_rng(0)
    clouds = clouds_of(region, trainer.data)
    return {
        name: _scored(seen_as(cloud, Copy(turn=False), rng), region, trainer, model) for name, cloud in clouds.items()
    }


def _scored(cloud: Points, region: Region, trainer: Trainer, model: Model) -> dict[str, Any]:
    ground, params = trainer.steps
    points, _ = filtered(cloud, ground)
    odds = look_again(points, Bounds.around(cloud.x, cloud.y).buffered(1.0), params, model)
    habit, codes = habit_named(region.codes), cloud["classification"]
    facts: dict[str, Any] = {"points": len(cloud)}
    for name, found in (("filter", points.is_ground), ("corrected", odds.is_ground)):
        truth = habit.truth("ground", codes)
        table = confusion(truth[truth >= 0].astype(np.uint8), found[truth >= 0].astype(np.uint8))
        score = score_ground(table, (1,))
        facts[name] = {"kappa": _rounded(score.kappa), "total": _rounded(score.total)}
    standing = np.nan_to_num(points.height_m) > params.standing_m
    for head in ("building", "vegetation"):
        truth = habit.truth(head, codes)
        known = standing & (truth >= 0)
        found = getattr(odds, head)[known] >= 50
        score_1 = score_class(confusion(truth[known].astype(np.uint8), found.astype(np.uint8)), (1,))
        facts[head] = {"f1": _rounded(score_1.f1)}
    return facts


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 2)
