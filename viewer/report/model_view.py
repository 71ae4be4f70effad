"""The quality of the city model laid out for the page: bars, histograms, and a card for each of the worst."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from twin.acceptance import Chart, Series
from viewer.report.building_svg import draw_building
from viewer.report.chartsvg import draw_chart

if TYPE_CHECKING:
    from collections.abc import Mapping

    from markupsafe import Markup
    from numpy.typing import NDArray

    from viewer.report.model_facts import ModelQuality, WorstBuilding

__all__ = ["view_quality"]

_FIGURES = ("rmse_all_m", "p95_m", "density_per_m2", "share_without_data", "n_roof_planes")


def view_quality(quality: ModelQuality | None) -> dict[str, Any] | None:
    """Return what the template of the model's quality shows; None if there is nothing to show."""
    if quality is None:
        return None
    return {
        "modes": _shares(quality.modes),
        "codes": _shares(quality.codes),
        "reasons": quality.reasons,
        "distances": _histogram(quality.distance_m, 0.05, "RMSE, m", "distance of the points to the model"),
        "gaps": _histogram(100 * quality.empty_share, 5.0, "%", "share of the outline without points"),
        "alignment": quality.alignment,
        "worst": [_card(entry) for entry in quality.worst],
    }


def _shares(counts: Mapping[str, int]) -> list[tuple[str, int, float]]:
    """Name, number, and share of the largest."""
    most = max(counts.values(), default=1)
    return [(name, n, n / most) for name, n in counts.items()]


def _histogram(values: NDArray[np.float64], step: float, unit: str, title: str) -> Markup | None:
    """Draw how many buildings have which value, in steps from 0; None if no building states it."""
    known = values[np.isfinite(values)]
    if not len(known):
        return None
    cells = np.maximum(np.floor(known / step).astype(np.int64), 0)
    counts = np.bincount(cells)
    middles = (np.arange(len(counts)) + 0.5) * step
    series = Series(name="buildings", name_ja="棟数", x=middles, y=counts)
    return draw_chart(Chart(name="h", title=title, title_ja=title, series=(series,), x_label=unit, y_label="n"))


def _card(entry: WorstBuilding) -> dict[str, Any]:
    building = entry.building
    facts = {name: building.attributes.get(name) for name in _FIGURES}
    return {
        "id": building.id,
        "lod": building.lod,
        "height_m": building.measured_height_m,
        "n_points": building.n_points,
        "reason": building.attributes.get("recon_reason", ""),
        "svg": draw_building(building, entry.xyz),
        **facts,
    }
