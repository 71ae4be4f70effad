"""Rows of figures as text: quantiles of a subset, a line for each kind, density, noise and disturbance."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["breakdown", "quantiles", "summary", "table"]

_HEAD = (
    "n", "kept at 2.2, %", "rmse z p50", "p90", "p95", "3D p50", "p95", "roof vs truth p50", "p90", "planes found/true",
    "ms p50", "ms mean",
)  # fmt: skip
_Rows = "Sequence[Mapping[str, Any]]"


def quantiles(rows: _Rows, key: str, shares: Sequence[float] = (50, 90, 95)) -> list[float]:
    """Percentiles of a figure over the rows that have it; NaN if none."""
    values = np.array([row[key] for row in rows if row.get(key) is not None], float)
    values = values[np.isfinite(values)]
    return [float(np.percentile(values, share)) for share in shares] if len(values) else [float("nan")] * len(shares)


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a table in Markdown, columns padded so that a terminal shows it too."""
    widths = [max(len(line[i]) for line in (head, *lines)) for i in range(len(head))]
    yield _line(head, widths)
    yield "|" + "|".join("-" * (width + 1) + (":" if i else "-") for i, width in enumerate(widths)) + "|"
    for line in lines:
        yield _line(line, widths)


def breakdown(rows: _Rows, key: str, title: str) -> Iterator[str]:
    """Yield one table: a line for each value of `key`."""
    head = (title, *_HEAD)
    groups: dict[Any, list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row[key], []).append(row)
    lines = []
    for value, own in sorted(groups.items()):
        planes = [row["planes"] / row["true_planes"] for row in own if row.get("planes")]
        lines.append(
            (
                str(value), str(len(own)), f"{_kept(own):.1f}",
                *(f"{q:.3f}" for q in quantiles(own, "rmse_z")),
                *(f"{q:.3f}" for q in quantiles(own, "rmse_3d", (50, 95))),
                *(f"{q:.3f}" for q in quantiles(own, "rmse_truth", (50, 90))),
                f"{np.median(planes):.2f}" if planes else "–",
                f"{quantiles(own, 'cpu_ms', (50,))[0]:.1f}", f"{np.mean([row['cpu_ms'] for row in own]):.1f}",
            )
        )  # fmt: skip
    yield from table(head, lines)


def summary(result: Mapping[str, Any]) -> Iterator[str]:
    """Yield the figures that a person who tunes looks at first."""
    rows = result["rows"]
    core = [row for row in rows if row["is_core"]]
    for title, own in (("10 pts/m2, 5 cm, nothing else", core), ("all", rows)):
        if not own:
            continue
        q = quantiles
        yield (
            f"{title}: {len(own)} buildings, kept at 2.2 {_kept(own):.2f} %, rmse z p50/p90/p95 "
            f"{'/'.join(f'{v:.3f}' for v in q(own, 'rmse_z'))}, 3D {'/'.join(f'{v:.3f}' for v in q(own, 'rmse_3d'))}, "
            f"roof vs truth {'/'.join(f'{v:.3f}' for v in q(own, 'rmse_truth'))} m"
        )
        spent = np.mean([row["cpu_ms"] + row["clip_ms"] for row in own]) + result["writing_ms"]
        points = np.mean([row["points"] for row in own])
        rate = f"{1e3 / spent:.1f}/s"
        yield f"    {points:.0f} points, {spent:.1f} ms CPU a building, clipping and writing included: {rate}"
    levels = Counter(row["lod"] for row in rows)
    faulty = Counter(code for row in rows for code in row.get("codes", "").split())
    n_faulty = sum(bool(row.get("codes")) for row in rows)
    yield f"levels {dict(sorted(levels.items()))}; our check: {n_faulty} faulty {dict(faulty)}"
    for name, verdict in result["verdicts"].items():
        which = " ".join(verdict["invalid"][:8])
        yield f"val3dity {name}: {verdict['valid']} of {verdict['n']} valid, codes {verdict['codes']}, {which}"
    reasons = Counter(row["reason"] for row in rows if row["reason"])
    for reason, n in reasons.most_common(8):
        yield f"    {n} x {reason}"


def worst(rows: _Rows, key: str, n: int) -> list[Mapping[str, Any]]:
    """Rows with the largest figures."""
    return sorted((row for row in rows if row.get(key) is not None), key=lambda row: -row[key])[:n]


def _kept(rows: _Rows) -> float:
    return 100.0 * sum(row["lod"] == "2.2" for row in rows) / len(rows)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = zip(cells, widths, strict=True)
    return " | ".join([f"| {first[0].ljust(first[1])}", *(cell.rjust(width) for cell, width in others)]) + " |"
