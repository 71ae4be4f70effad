"""Facts and requirements of an acceptance report as rows of text, each with its name in both languages."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viewer.palette import class_colors
from viewer.report.acceptance_words import AUXILIARY, FACTS, REQUIREMENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from twin.acceptance import DeliveryReport, SourceReport

__all__ = ["class_rows", "common", "fact_rows", "requirement_rows"]

Pair = tuple[str, str]
"""Japanese, English."""
_LISTED = 8
"""Entries of a list that are written out."""


def requirement_rows(stated: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """Return rows of what is judged, in the order of the words, with the source of each value."""
    rows = []
    for key, (japanese, english, unit) in REQUIREMENTS.items():
        entry = stated.get(key)
        value, source = (entry.get("value"), entry.get("source", "")) if isinstance(entry, dict) else (entry, "")
        if value is None or value in ("", [], ()):
            continue
        if key in AUXILIARY and not any(_stated(stated.get(main)) for main in AUXILIARY[key]):
            continue
        rows.append({"name": (japanese, english), "value": _value(value, unit), "source": str(source)})
    return tuple(rows)


def _value(value: Any, unit: str) -> str:
    if unit == "%":
        return f"{100 * value:g} %"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    if isinstance(value, str):
        return Path(value).name
    return f"{value:g} {unit}".strip()


def class_rows(report: DeliveryReport) -> tuple[Mapping[str, Any], ...]:
    """Add up the class histograms of all files that state one."""
    counts: Counter[int] = Counter()
    for source in report.sources:
        stated = source.facts.get("classes")
        if isinstance(stated, dict):
            counts.update({int(code): int(n) for code, n in stated.items()})
    words = {entry.code: entry for entry in class_colors()}
    total = sum(counts.values())
    return tuple(
        {
            "code": code,
            "n": n,
            "share": n / total,
            "color": words[code].color if code in words else "#969696",
            "name": (words[code].name_ja, words[code].name_en) if code in words else ("", ""),
        }
        for code, n in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    )


def _stated(entry: Any) -> bool:
    return (entry.get("value") if isinstance(entry, dict) else entry) is not None


def common(sources: Sequence[SourceReport], key: str, written: Callable[[str], str] = str) -> str:
    """Return what files state under a key, most frequent first."""
    counts = Counter(written(str(value)) for source in sources if (value := source.facts.get(key)))
    return ", ".join(value for value, _ in counts.most_common())


def fact_rows(facts: Mapping[str, Any]) -> tuple[tuple[Pair, str], ...]:
    """Write facts as text, each with its name."""
    return tuple(
        (FACTS.get(key, (key.replace("_", " "),) * 2), _plain(value))
        for key, value in facts.items()
        if value not in (None, "", [], {})
    )


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_plain(one)}" for key, one in value.items())
    if isinstance(value, (list, tuple)):
        more = f" … ({len(value):,})" if len(value) > _LISTED else ""
        return ("; " if value and isinstance(value[0], dict) else ", ").join(map(_plain, value[:_LISTED])) + more
    if isinstance(value, float):
        return f"{value:,.3f}".rstrip("0").rstrip(".") if abs(value) >= 0.001 else f"{value:g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
