"""How a figure is judged against a limit, and how that is said: one way for files, groups and control points."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from twin.acceptance import Finding, Picture, Severity

__all__ = ["Judged", "asked", "asked_ja", "beyond", "worst_first"]

_SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")


@dataclass(slots=True, kw_only=True)
class Judged:
    """Findings, pictures and facts of one part of a delivery."""

    findings: list[Finding] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)


def beyond(value: float, limit: float | None) -> Severity:
    """Return ``error`` if a stated limit is exceeded, else ``info``."""
    return "error" if limit is not None and value > limit else "info"


def asked(limit: float | None, unit: str) -> str:
    """Return the end of a sentence that states a limit; nothing without one."""
    return "" if limit is None else f"; at most {_limit(limit, unit)} is asked for"


def asked_ja(limit: float | None, unit: str) -> str:
    """Return the end of a Japanese sentence that states a limit; nothing without one."""
    return "" if limit is None else f"(許容 {_limit(limit, unit)})"


def _limit(limit: float, unit: str) -> str:
    """Write a limit as the figures beside it are written: shares in percent."""
    return f"{100 * limit:g}%" if unit == "share" else f"{limit:g} {unit}"


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings by severity, those of one severity as they came."""
    return tuple(sorted(findings, key=lambda finding: _SEVERITIES.index(finding.severity)))
