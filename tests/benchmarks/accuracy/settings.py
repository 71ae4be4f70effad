"""With which parameters a case is labelled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.classify import STAGES, classify_stage, profile_layer
from twin.config import Settings, parse_override, preset_names

if TYPE_CHECKING:
    from pipelines.classify import ClassifyStage

__all__ = ["default_profile", "stage_for"]


def default_profile() -> str:
    """Return the profile that ``twin classify`` takes by itself."""
    return "auto" if "auto" in preset_names("profiles") else "urban"


def stage_for(profile: str, overrides: list[str], region: str) -> ClassifyStage:
    """Return the stage of a profile with ``--set`` on top; nothing in it may have been trained on `region`."""
    settings = Settings().with_layer(profile_layer(profile or default_profile()))
    for text in overrides:
        settings = settings.with_layer(parse_override(text))
    settings.check_stages(STAGES)
    return classify_stage(settings)
