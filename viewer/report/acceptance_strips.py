"""Flight strips on the page: when each was flown, and how pairs of them fit in height."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from viewer.report.chartsvg import draw_spans

if TYPE_CHECKING:
    from collections.abc import Mapping

    from markupsafe import Markup

__all__ = ["StripsView", "strips_of"]

_MOST_STRIPS = 60
"""Strips of a time line; more would not be told apart."""
_MOST_PAIRS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class StripsView:
    """Strips of the files of one CRS."""

    name: str
    """The CRS, if there are several."""
    timeline: Markup | None
    """None if no strip has times, or all of them fall on one second."""
    n_drawn: int
    """Strips on the time line."""
    n_timed: int
    """Strips with times."""
    pairs: tuple[Mapping[str, Any], ...]
    """Pairs of strips, the worst first: strips, n, median_m, rmse_m, p05_m, p95_m."""
    n_pairs: int


def strips_of(group: Mapping[str, Any], *, is_one_of_many: bool) -> StripsView | None:
    """Lay out the strips of a group's facts; None if there is nothing to show."""
    timed = sorted(
        (float(strip["first_s"]), float(strip["last_s"]), str(strip["name"]))
        for strip in group.get("strips", ())
        if isinstance(strip, dict) and strip.get("first_s") is not None
    )
    pairs = tuple(group.get("pairs", ()))
    drawn = timed[:_MOST_STRIPS]
    timeline = None
    if drawn and max(last for _, last, _ in drawn) > drawn[0][0]:
        timeline = draw_spans([(name, first, last) for first, last, name in drawn], "GPS time, s", "GPS time of strips")
    if timeline is None and not pairs:
        return None
    return StripsView(
        name=str(group.get("name", "")) if is_one_of_many else "",
        timeline=timeline,
        n_drawn=len(drawn),
        n_timed=len(timed),
        pairs=pairs[:_MOST_PAIRS],
        n_pairs=len(pairs),
    )
