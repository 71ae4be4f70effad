"""What `twin check` judges by, prints and returns: presets over defaults, lines for people, keys for programs."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twin.config import Layer, Settings, load_named, require_mapping
from twin.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipelines.acceptance import AcceptanceParams
    from pipelines.ingest import IngestParams
    from twin.acceptance import DeliveryReport, Finding, SourceReport
    from twin.cli.session import Session

__all__ = ["as_json", "check", "judged_by", "lines", "refused"]

_SMALL_BYTES = 200_000_000
"""A delivery that is checked sooner than workers start."""

_NOT_VERIFIED = "原文未確認 / not verified"
_LISTED = 20
"""Files that are named one by one; of more, only those with something to say."""
_MOST_LINES = 200
"""Lines about files; a delivery of 5 000 files without a CRS says so once, not 5 000 times."""


def judged_by(session: Session, preset: str, controls: str) -> tuple[AcceptanceParams, dict[str, dict[str, Any]]]:
    """Return the limits, and for each its value and where it comes from.

    Parameters
    ----------
    session
        Its ``--set check.x=y`` go before the preset.
    preset
        Name under ``config/acceptance`` or path of a YAML file; none if empty.
    controls
        CSV of control points; what the layers say if empty.

    Raises
    ------
    ConfigError
        If a layer has an unknown key or a value of another type, or a preset does not say where a number is from.
    """
    from pipelines.acceptance.params import AcceptanceParams
    from twin.cli.derive import layered

    layers = list(layered(session.overrides()).layers)
    stated: dict[str, str] = {}
    if preset:
        layer, stated = _preset(preset)
        layers.insert(0, layer)
    if controls:
        layers.append(Layer(where="--controls", stages={"check": {"controls": controls}}))
    params = Settings(layers=tuple(layers)).params("check", AcceptanceParams)
    for layer in layers[bool(preset) :]:
        stated |= dict.fromkeys(layer.stages.get("check", {}), layer.where)
    return params, {
        field.name: {"value": getattr(params, field.name), "source": stated.get(field.name, "default")}
        for field in dataclasses.fields(params)
    }


def check(
    session: Session,
    files: Sequence[Path],
    told: IngestParams,
    judged: tuple[AcceptanceParams, dict[str, dict[str, Any]]],
    scratch: str,
) -> DeliveryReport:
    """Check a delivery; a small one stays in this process unless an executor is named."""
    from pipelines.acceptance import check_delivery

    params, requirements = judged
    n_bytes = sum(file.stat().st_size for file in files)
    with session.executor(small=n_bytes < _SMALL_BYTES) as executor:
        report = check_delivery(
            files,
            ingest=told,
            params=params,
            executor=executor,
            progress=session.progress,
            scratch=Path(scratch or tempfile.gettempdir()),
        )
    return dataclasses.replace(report, requirements=requirements)


def refused(report: DeliveryReport) -> list[dict[str, str]]:
    """List what makes the exit code 1: refused files, and limits that the delivery as a whole breaks."""
    files = [
        {"uri": source.uri, "reason": source.findings[0].message}
        for source in report.sources
        if source.verdict == "refused"
    ]
    whole = [{"rule": one.rule, "reason": one.message} for one in report.findings if one.severity == "error"]
    return files + whole


def as_json(report: DeliveryReport) -> dict[str, Any]:
    """Return what ``--json`` promises of a delivery, and everything else but the pictures."""
    return {
        "sources": [_source_as_json(source) for source in report.sources],
        "verdict": report.verdict,
        "findings": [_finding_as_json(finding) for finding in report.findings],
        "facts": dict(report.facts),
        "requirements": dict(report.requirements),
    }


def lines(report: DeliveryReport) -> Iterator[str]:
    """Yield what is printed: files by verdict and name, refused ones last with the way out, then the delivery.

    Of more than 20 files only those with something to say are named, each with its first reason. Facts are for the
    report and for programs.
    """
    order = ("accepted", "accepted_with_remarks", "refused")
    ranked = sorted(report.sources, key=lambda source: (order.index(source.verdict), source.uri))
    many = len(ranked) > _LISTED
    told = [source for source in ranked if not (many and source.verdict == "accepted")]
    if len(told) > _MOST_LINES:
        yield f"{len(told) - _MOST_LINES:,} more files with remarks or refused before these; --report tells of all"
    for source in told[-_MOST_LINES:]:
        grave = [finding for finding in source.findings if finding.severity != "info"]
        yield f"{source.verdict}: {source.uri} ({source.points:,} points)"
        yield from (f"  {finding.severity}: {finding.message}" for finding in grave[: 1 if many else None])
    for finding in report.findings:
        if finding.severity != "info" or len(report.findings) <= _LISTED:
            yield f"delivery: {finding.severity}: {finding.message}"
    counts = [f"{sum(source.verdict == verdict for source in ranked):,} {verdict}" for verdict in order]
    points = sum(source.points for source in ranked)
    yield f"{report.verdict}: {len(ranked):,} files, {points:,} points: {', '.join(counts).replace('_', ' ')}"


def _preset(name: str) -> tuple[Layer, dict[str, str]]:
    """Read a preset: its layer, and for each of its keys where the number comes from."""
    content, where, _ = load_named("acceptance", name)
    check = require_mapping(content.get("check"), f"{where}: check")
    unknown = set(content) - {"title", "check", "sources", "unverified"}
    if unknown:
        raise ConfigError(f"{where}: unknown key {sorted(unknown)[0]!r}; there are title, check, sources, unverified")
    said = require_mapping(content.get("sources"), f"{where}: sources", or_nothing=True)
    doubtful = require_mapping(content.get("unverified"), f"{where}: unverified", or_nothing=True)
    sources = {}
    for key in check:
        if (key in said) == (key in doubtful):
            raise ConfigError(f"{where}: check.{key}: say where it comes from, once, under sources or unverified")
        sources[key] = f"{where}: {said[key]}" if key in said else f"{where}: {doubtful[key]} [{_NOT_VERIFIED}]"
    return Layer(where=where, stages={"check": dict(check)}), sources


def _source_as_json(source: SourceReport) -> dict[str, Any]:
    return {
        "uri": source.uri,
        "verdict": source.verdict,
        "points": source.points,
        "findings": [_finding_as_json(finding) for finding in source.findings],
        "facts": dict(source.facts),
    }


def _finding_as_json(finding: Finding) -> dict[str, Any]:
    keys = ("rule", "severity", "message", "message_ja", "value", "limit", "unit")
    return {key: getattr(finding, key) for key in keys}
