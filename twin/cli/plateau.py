"""What `twin check` does with city models: PLATEAU's quality check of buildings."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twin.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.quality.plateau import Finding
    from twin.cli.session import Session

__all__ = ["check", "models_among"]

_LISTED = 200
"""Faults that are printed; ``--json`` has all."""


def models_among(sources: Sequence[str | Path]) -> list[Path]:
    """Return the files of buildings if a delivery is a city model: ``.gml`` files, or folders with ``udx/bldg``.

    Raises
    ------
    ConfigError
        If there are survey files beside them.
    """
    found: list[Path] = []
    others: list[str] = []
    for source in sources:
        path = Path(source)
        if path.is_dir() and (path / "udx" / "bldg").is_dir():
            found.extend(sorted((path / "udx" / "bldg").glob("*.gml")))
        elif path.suffix.lower() == ".gml" and path.is_file():
            found.append(path)
        else:
            others.append(str(source))
    if found and others:
        raise ConfigError(f"{others[0]} is no city model; check survey files and CityGML in two commands")
    return found


def check(session: Session, files: Sequence[Path]) -> None:
    """Check the buildings of a delivery, tell each fault, and fail if there is one."""
    from pipelines.quality.plateau import check_files

    faults = check_files(files)
    for fault in faults[:_LISTED]:
        level = f" LOD{fault.level}" if fault.level and "LOD" not in fault.title else ""
        session.say(f"{fault.file}: {fault.title}{level}: {fault.id}: {fault.message}")
    if len(faults) > _LISTED:
        session.say(f"{len(faults) - _LISTED:,} more; --json has all")
    by_file: dict[str, list[Finding]] = {}
    for fault in faults:
        by_file.setdefault(fault.file, []).append(fault)
    sources = [_source(path, by_file.get(path.name, [])) for path in files]
    verdict = "refused" if faults else "accepted"
    session.count(sources=sources, verdict=verdict, columns=dict(Counter(fault.title for fault in faults)))
    faulty = [source for source in sources if source["findings"]]
    session.failed.extend({"uri": source["uri"], "reason": f"{len(source['findings'])} faults"} for source in faulty)
    session.say(f"{verdict}: {len(files):,} files, {len(faults):,} faults by PLATEAU's rules")


def _source(path: Path, faults: Sequence[Finding]) -> dict[str, Any]:
    return {
        "uri": str(path),
        "verdict": "refused" if faults else "accepted",
        "points": 0,
        "findings": [
            {"rule": one.rule, "severity": "error", "message": one.message, "message_ja": one.title, "id": one.id}
            for one in faults
        ],
    }
