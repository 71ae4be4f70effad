"""The command line as a user runs it, judged by what it prints and how it exits."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from twin.cli.app import build_app

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True)
class Answer:
    code: int
    result: dict[str, Any]
    stdout: str
    stderr: str


@pytest.fixture
def twin(capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Run ``twin ARGS --json`` in this process: the same command table, without a second start of the interpreter."""

    def run(*arguments: object) -> Answer:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            build_app()(prog_name="twin", args=[*map(str, arguments), "--json"])
        code = end.value.code or 0
        printed = capsys.readouterr()
        lines = printed.out.splitlines()
        return Answer(int(code), json.loads(lines[-1]) if lines else {}, printed.out, printed.err)

    return run


@pytest.fixture(scope="session")
def small_survey(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the survey of a small bay."""
    from pipelines.synth import write_survey
    from twin.scene import SceneParams

    folder = tmp_path_factory.mktemp("survey")
    write_survey(folder, SceneParams(kind="bay", n_points=60_000, seed=0))
    return folder
