"""With which parameters a case is labelled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.classify import STAGES, classify_stage, profile_layer
from twin.config import Layer, Settings, parse_override, preset_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cases import Case

    from pipelines.classify import ClassifyStage

__all__ = ["Variant", "default_profile", "has_learned", "stage_for", "variants_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One way to label a case."""

    name: str
    profile: str = ""
    """The case's own, or the default, if empty."""
    is_learned: bool = False
    """Whether the learned second stage takes part, with a model that never saw the case's region."""


def default_profile() -> str:
    """Return the profile that ``twin classify`` takes by itself."""
    return "auto" if "auto" in preset_names("profiles") else "urban"


def has_learned() -> bool:
    """Return whether there is a learned second stage."""
    return "learned" in STAGES


def variants_of(case: Case) -> list[Variant]:
    """Return the ways in which the page shows a case: one fixed setting for the filter test, by itself, and learned."""
    learned = [Variant(name="learned", is_learned=True)] if has_learned() else []
    if case.group != "isprs":
        return [Variant(name="rules"), *learned]
    by_itself = [Variant(name="auto")] if default_profile() == "auto" else []
    return [Variant(name="urban", profile="urban"), *by_itself, *learned]


def stage_for(profile: str, overrides: Sequence[str], model: Layer | None = None) -> ClassifyStage:
    """Return the stage of a profile with ``--set`` on top, and the layer that names the learned stage's model."""
    settings = Settings().with_layer(profile_layer(profile or default_profile()))
    if model is not None:
        settings = settings.with_layer(model)
    for text in overrides:
        settings = settings.with_layer(parse_override(text))
    settings.check_stages(STAGES)
    return classify_stage(settings)
