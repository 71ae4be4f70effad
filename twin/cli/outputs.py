"""What the commands that show do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pipelines.runs import run_once
from twin.cli.export_job import inputs_of
from twin.errors import ConfigError, RenderError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tiles.store import Store
    from twin.cli.session import Session

__all__ = ["moment", "report", "snapshot"]


def moment(text: str) -> datetime | None:
    """Read a time with its zone, or nothing.

    Raises
    ------
    ConfigError
        If the text is no time or names no zone.
    """
    if not text:
        return None
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"time {text!r}: write ISO 8601, such as 2025-10-01T15:00:00+09:00") from None
    if parsed.tzinfo is None:
        raise ConfigError(f"time {text!r} has no zone; write 2025-10-01T15:00:00+09:00 or ...Z")
    return parsed


def snapshot(
    session: Session,
    store: Store,
    out: Path,
    *,
    layers: str = "",
    size: tuple[int, int] = (1600, 1000),
    now: str = "",
    title: str = "",
) -> bool:
    """Draw one picture; returns whether this machine could, and says what it lacks if not.

    Without live readings, or at a stated time, it depends on the store alone and is not drawn again while it stands.
    """
    from viewer.snapshot import snapshot as draw

    names: Any = [name.strip() for name in layers.split(",") if name.strip()] or None
    inputs = inputs_of(store)
    ages = now or (datetime.now(UTC).isoformat() if "live" in inputs["runs"] else "")
    facts = {"out": str(out.resolve()), "layers": layers, "size": size, "title": title, "now": ages, "inputs": inputs}

    def body() -> dict[str, Any]:
        made = draw(store, out, layers=names, size=size, now=moment(now), title=title or None)
        return {"path": str(made.path), "width": made.width, "height": made.height, "layers": list(made.layers)}

    try:
        with store.writing():
            summary = run_once(store, "snapshot", facts, [out], body)
    except RenderError as error:
        session.say(f"no picture: {error}")
        session.count(path=None, reason=str(error))
        return False
    session.count(**{key: summary.counts[key] for key in ("path", "width", "height", "layers")})
    text = f"{out}, layers {', '.join(summary.counts['layers'])}"
    session.tell("snapshot", text, summary.counts["seconds"], skipped=not summary.n_done)
    return True


def report(
    session: Session,
    store: Store,
    out: Path,
    *,
    snapshot_png: Path | None = None,
    now: str = "",
    title: str | Mapping[str, str] = "",
) -> None:
    """Write the report."""
    from viewer.report import write_report

    named = title or f"{store.path.name} {store.epoch}".strip()
    path = write_report(store, out, title=named, snapshot=snapshot_png, now=moment(now))
    session.count(path=str(path))
    session.tell("report", str(path))
