"""What ``twin train`` does."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from twin.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from twin.cli.session import Session
    from twin.config import Settings

__all__ = ["settings_of", "train"]


def settings_of(session: Session, profile: str) -> Settings:
    """Return the layers that the ground filter takes its parameters from."""
    from twin.cli import derive

    return derive.layered(session.overrides(), profile)


def train(
    session: Session, out: Path, source: tuple[str, Path, Sequence[str]], settings: Settings, *, validate: bool
) -> None:
    """Write a model and its record.

    Parameters
    ----------
    session
        Where to report to.
    out
        File of the model.
    source
        Recipe, folder of its files, regions to leave out.
    settings
        Layers for the ground filter and the second look.
    validate
        Whether to score each region by a model without it.

    Raises
    ------
    ConfigError
        If the file's name ends in something else than ``.trees``, or LightGBM is missing.
    """
    from pipelines.classify import classify_stage
    from pipelines.learned.model import write_model
    from pipelines.learned.recipe import read_recipe
    from pipelines.learned.training import Trainer, record_of
    from pipelines.learned.validation import scores_region_out

    if out.suffix != ".trees":
        raise ConfigError(f"{out}: a model's name ends in .trees")
    steps = classify_stage(settings).steps
    recipe, data, leave_out = source
    trainer = Trainer(read_recipe(recipe).without(tuple(leave_out)), data, (steps.ground, steps.learned))
    for region in trainer.recipe.regions:
        rows = trainer.rows_of(region)
        session.say(
            f"{region.name}: " + ", ".join(f"{len(part.answer):,} rows for {head}" for head, part in rows.items())
        )
    model = trainer.train()
    record = record_of(trainer, model, datetime.now(UTC).date().isoformat())
    if validate:
        record["region_out"] = scores_region_out(trainer)
        _tell(session, record["region_out"])
    write_model(out, model)
    out.with_suffix(".yaml").write_text(_as_yaml(record), encoding="utf-8")
    size = out.stat().st_size
    session.count(model=str(out), digest=model.digest, bytes=size)
    session.say(f"{out}: {size:,} bytes, {model.digest}")


def _tell(session: Session, scores: Mapping[str, Any]) -> None:
    for region, clouds in scores.items():
        for name, facts in clouds.items():
            before, after = facts["filter"], facts["corrected"]
            session.say(
                f"without {region}: {name}: ground kappa {before['kappa']} to {after['kappa']}, total error"
                f" {before['total']} to {after['total']} %, buildings F1 {facts['building']['f1']}"
            )


def _as_yaml(record: Mapping[str, Any]) -> str:
    import yaml

    return str(yaml.safe_dump(dict(record), sort_keys=False, allow_unicode=True, width=120))
