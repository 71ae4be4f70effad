"""The whole job on the built-in scene."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from twin.cli.project import run_project
from twin.config import load_yaml, preset
from twin.project import Project

if TYPE_CHECKING:
    from collections.abc import Sequence

    from twin.cli.session import Session

__all__ = ["run_demo"]


def run_demo(session: Session, out: Path, n_points: int) -> None:
    """Write a survey of the bay and a recording of its gauges, then run the project ``demo`` on them.

    A second call with the same arguments finds everything done.
    """
    from pipelines.live.demo_feed import write_demo_feed
    from pipelines.synth import write_survey
    from twin.scene import Scene, SceneParams

    params = SceneParams(kind="bay", n_points=n_points, seed=0)
    survey = write_survey(out / "survey", params, session.progress)
    session.tell("survey", f"{survey.n_points:,} points in {len(survey.files)} LAZ files in {out / 'survey'}")
    _forget_another_survey(out, survey.files)
    write_demo_feed(out / "feed.jsonl", Scene.build(params))
    content = preset("areas", "demo")
    path = out / "project.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    run_project(session, Project.load(path), out)
    made = [str(path) for path in (out / "report.html", out / "snapshot.png") if path.is_file()]
    session.say(f"look at {' and '.join(made)}, or walk through it:")
    session.say(f"  {_program()} view {out / 'store'} --web --now {content['now']}")


def _forget_another_survey(out: Path, files: Sequence[Path]) -> None:
    """Remove what an earlier demo made of another survey: added to this one, every place would count twice."""
    from tiles.atomic import tree_checksum
    from tiles.store import Store

    project, store = out / "project.yaml", out / "store"
    if not project.is_file() or load_yaml(project).get("name") != "demo":
        return
    for path in set((out / "survey").glob("*.laz")) - set(files):
        path.unlink()
    if (store / "zarr.json").is_file():
        known = {row.digest for row in Store.open(store).manifest.sources() if row.state == "done"}
        if known - {tree_checksum(path) for path in files}:
            shutil.rmtree(store)


def _program() -> str:
    """Return how this program was called, as a person would type it again."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return f"{Path(sys.executable).name} -m twin.cli"
    if called.is_relative_to(Path.cwd()):
        called = called.relative_to(Path.cwd())
    return called.name if called.is_absolute() else str(called)
