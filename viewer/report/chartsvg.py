"""A `Chart` as an SVG: bars, lines or points on two axes with round numbers; no font and no script is needed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup, escape

from viewer.report.pages import unit_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from twin.acceptance import Chart

__all__ = ["LINE_COLORS", "draw_chart", "draw_spans", "ticks"]

LINE_COLORS = ("#0a4f80", "#d55e00", "#009e73", "#cc79a7", "#e6a000", "#56b4e9")
"""Okabe and Ito's set, darkest first (Color Universal Design, 2008)."""

_WIDTH, _HEIGHT = 520.0, 240.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 58.0, 10.0, 10.0, 44.0
_MANY_BARS, _TAIL = 80, 0.002
"""Bars from which a histogram is cut at its ends, and the share that is left out at each."""
_MOST_MARKS = 4000
"""Points of a series that are drawn; more are thinned evenly."""


def draw_chart(chart: Chart) -> Markup:
    """Draw a chart; its title and the names of its series belong beside it.

    Notes
    -----
    Values that are not finite are left out. A series of more than 4 000 points is thinned evenly.
    """
    series = [_finite(one.x, one.y) for one in chart.series]
    x_low, x_high = _span([x for x, _ in series])
    y_low, y_high = _span([y for _, y in series])
    beyond = ""
    if chart.kind == "bars":
        series, beyond = _without_tails(series)
        x_low, x_high = _span([x for x, _ in series])
        y_low, y_high = min(y_low, 0.0), max(y_high, 0.0)
        half = _step(series) / 2
        x_low, x_high = x_low - half, x_high + half
    else:
        margin = (y_high - y_low) * 0.06
        y_low, y_high = y_low - margin, y_high + margin
    frame = _Axes(x_low, x_high, y_low, y_high)
    parts = [
        f'<svg class="chart" viewBox="0 0 {_WIDTH:.0f} {_HEIGHT:.0f}" role="img" aria-label="{escape(chart.title)}">'
    ]
    parts += frame.grid(chart.x_label, chart.y_label)
    for i, (x, y) in enumerate(series):
        parts.append(_MARKS[chart.kind](frame, x, y, i, len(series)))
    if beyond:
        parts.append(f'<text x="{_WIDTH - _RIGHT}" y="{_TOP + 10}" class="end soft">{beyond}</text>')
    parts.append("</svg>")
    return Markup("".join(parts))


def draw_spans(spans: Sequence[tuple[str, float, float]], x_label: str, title: str) -> Markup:
    """Draw spans of time below each other, each from its first to its last second, with its name.

    Parameters
    ----------
    spans
        Name, first and last second of each, in the order from top to bottom; at least one.
    x_label
        What the axis counts.
    title
        For those who do not see it.
    """
    height = 14.0 * len(spans) + _TOP + _BOTTOM
    low, high = min(first for _, first, _ in spans), max(last for *_, last in spans)
    margin = max((high - low) * 0.02, 0.5)
    frame = _Axes(low - margin, high + margin, 0.0, 1.0, height=height, left=92.0)
    parts = [f'<svg class="chart" viewBox="0 0 {_WIDTH:.0f} {height:.0f}" role="img" aria-label="{escape(title)}">']
    parts += frame.x_grid(x_label)
    for i, (name, first, last) in enumerate(spans):
        y, x0, x1 = _TOP + 14.0 * i, float(frame.x(first)), float(frame.x(last))
        parts.append(f'<text x="86" y="{y + 10:.1f}" class="end">{escape(name)}</text>')
        parts.append(
            f'<rect x="{x0:.1f}" y="{y + 1:.1f}" width="{max(x1 - x0, 1.5):.1f}" height="11" fill="{LINE_COLORS[0]}"/>'
        )
    parts.append("</svg>")
    return Markup("".join(parts))


def ticks(low: float, high: float, n: int = 5) -> list[float]:
    """Return about `n` round numbers between two ends.

    Examples
    --------
    >>> ticks(0.0, 10.0), ticks(-0.13, 0.21)
    ([0.0, 2.0, 4.0, 6.0, 8.0, 10.0], [-0.1, 0.0, 0.1, 0.2])
    """
    raw = max(high - low, 1e-12) / n
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(times * power for times in (1, 2, 5, 10) if times * power >= raw * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


class _Axes:
    """Where values come to lie on the paper."""

    def __init__(  # noqa: PLR0913 - two axes and a sheet
        self, x_low: float, x_high: float, y_low: float, y_high: float, *, height: float = _HEIGHT, left: float = _LEFT
    ) -> None:
        self.x_low, self.x_high, self.y_low, self.y_high = x_low, x_high, y_low, y_high
        self.height, self.left = height, left

    def x(self, value: NDArray[np.float64] | float) -> NDArray[np.float64]:
        share = (np.asarray(value) - self.x_low) / (self.x_high - self.x_low)
        return self.left + share * (_WIDTH - self.left - _RIGHT)

    def y(self, value: NDArray[np.float64] | float) -> NDArray[np.float64]:
        share = (np.asarray(value) - self.y_low) / (self.y_high - self.y_low)
        return self.height - _BOTTOM - share * (self.height - _TOP - _BOTTOM)

    def grid(self, x_label: str, y_label: str) -> list[str]:
        """Draw lines at round numbers, the numbers, and what they count."""
        parts = []
        for at in ticks(self.y_low, self.y_high):
            y = float(self.y(at))
            style = "axis" if at == 0 else "grid"
            parts.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" class="{style}"/>')
            parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" class="end">{_number(at)}</text>')
        middle = (_TOP + self.height - _BOTTOM) / 2
        turned = f'transform="rotate(-90 12 {middle})"'
        parts.append(f'<text x="12" y="{middle}" class="middle soft" {turned}>{escape(y_label)}</text>')
        return parts + self.x_grid(x_label)

    def x_grid(self, x_label: str) -> list[str]:
        """Draw the axis along the bottom."""
        base, parts = self.height - _BOTTOM, []
        # Times since 1980 are far from zero: what is read are differences.
        origin = ticks(self.x_low, self.x_high)[0] if self._is_far else 0.0
        for at in ticks(self.x_low, self.x_high, 6):
            x = float(self.x(at))
            parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{base}" y2="{base + 4}" class="axis"/>')
            parts.append(f'<text x="{x:.1f}" y="{base + 17}" class="middle">{_number(at - origin)}</text>')
        unit = unit_text(x_label) + (f" − {origin:,.0f}" if origin else "")
        parts.append(f'<line x1="{self.left}" x2="{_WIDTH - _RIGHT}" y1="{base}" y2="{base}" class="axis"/>')
        middle = (self.left + _WIDTH - _RIGHT) / 2
        parts.append(f'<text x="{middle}" y="{self.height - 6}" class="middle soft">{escape(unit)}</text>')
        return parts

    @property
    def _is_far(self) -> bool:
        return max(abs(self.x_low), abs(self.x_high)) > 1e5 and abs(self.x_low) > 10 * (self.x_high - self.x_low)


def _bars(frame: _Axes, x: NDArray[np.float64], y: NDArray[np.float64], i: int, n: int) -> str:
    step = _step([(x, y)])
    width = 0.84 * step / n
    zero = float(frame.y(0.0))
    parts = []
    for left, height in zip(x - 0.42 * step + i * width, y, strict=True):
        x0, x1, top = float(frame.x(left)), float(frame.x(left + width)), float(frame.y(height))
        parts.append(
            f'<rect x="{x0:.1f}" y="{min(top, zero):.1f}" width="{max(x1 - x0, 0.6):.1f}"'
            f' height="{max(abs(zero - top), 0.6 if height else 0):.1f}"/>'
        )
    return f'<g fill="{_color(i)}">{"".join(parts)}</g>'


def _line(frame: _Axes, x: NDArray[np.float64], y: NDArray[np.float64], i: int, n: int) -> str:
    places = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(frame.x(x), frame.y(y), strict=True))
    return f'<polyline points="{places}" fill="none" stroke="{_color(i)}" stroke-width="1.6"/>'


def _dots(frame: _Axes, x: NDArray[np.float64], y: NDArray[np.float64], i: int, n: int) -> str:
    radius = 3.4 if len(x) <= 60 else 1.6
    marks = "".join(
        f'<circle cx="{a:.1f}" cy="{b:.1f}" r="{radius}"/>' for a, b in zip(frame.x(x), frame.y(y), strict=True)
    )
    return f'<g fill="{_color(i)}">{marks}</g>'


_MARKS = {"bars": _bars, "lines": _line, "points": _dots}


def _finite(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    kept = np.isfinite(x) & np.isfinite(y)
    x, y = x[kept], y[kept]
    step = max(1, math.ceil(len(x) / _MOST_MARKS))
    return x[::step], y[::step]


def _without_tails(
    series: list[tuple[NDArray[np.float64], NDArray[np.float64]]],
) -> tuple[list[tuple[NDArray[np.float64], NDArray[np.float64]]], str]:
    """Leave out the thinnest bars at the ends of one long histogram, and say how much they hold."""
    if len(series) != 1 or series[0][0].size < _MANY_BARS or series[0][1].sum() <= 0:
        return series, ""
    x, y = series[0]
    share = np.cumsum(y) / y.sum()
    kept = (share > _TAIL) & (share - y / y.sum() < 1 - _TAIL)
    lost = float(y[~kept].sum() / y.sum())
    return [(x[kept], y[kept])], f"… {lost:.2%}" if lost else ""


def _span(parts: Sequence[NDArray[np.float64]]) -> tuple[float, float]:
    whole = np.concatenate(parts) if parts else np.empty(0)
    if not whole.size:
        return 0.0, 1.0
    low, high = float(whole.min()), float(whole.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _step(series: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]]) -> float:
    """Return the least distance between bars."""
    places = np.unique(np.concatenate([x for x, _ in series])) if series else np.empty(0)
    return float(np.diff(places).min()) if places.size > 1 else 1.0


def _color(i: int) -> str:
    return LINE_COLORS[i % len(LINE_COLORS)]


def _number(value: float) -> str:
    size = abs(value)
    for least, divisor, unit in ((1e9, 1e9, " G"), (1e6, 1e6, " M"), (1e4, 1e3, " k")):
        if size >= least:
            return f"{value / divisor:g}{unit}".replace("-", "−")
    return f"{value:g}".replace("-", "−")
