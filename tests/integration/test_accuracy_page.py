"""The page of accuracy says what was measured: its parts on cases whose figures are known."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="module")
def evaluate(checkout: Path) -> Callable[[str], Any]:
    """Run lines of Python among the benchmark's own modules and return the JSON they print."""
    harness = checkout / "tests" / "benchmarks" / "accuracy"

    def run(lines: str) -> Any:
        env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(checkout), str(harness)])}
        done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, env=env, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def result(name: str, group: str, variant: str, **figures: Any) -> dict[str, Any]:
    about = {"name": name, "group": group, "region": group.upper(), "kind": "file", "variant": variant}
    return {**about, "points": 1000, "cpu_seconds": 1.0, "confusion": [], "reliability": [[90, 10, 9]], **figures}


def test_what_was_asked_is_judged_by_what_was_measured(evaluate: Callable[[str], Any]) -> None:
    rows = [
        result("samp11", "isprs", "urban", type1=3.0, type2=5.0, total=4.4, kappa=86.0),
        result("samp12", "isprs", "urban", type1=1.0, type2=2.0, total=3.4, kappa=90.0),
        result(
            "delft a", "dense", "rules", kappa=97.0, building_f1=94.0, building_iou=88.0, building_precision=94.9,
            objects_50_true=20, objects_50_found=10, objects_50_precision=90.0, objects_50_recall=95.0,
            confusion=[[9, 9, 80], [9, 2, 10], [2, 9, 10], [2, 2, 500], [17, 2, 7]],
        ),
        result("twice", "dense", "rules", kappa=10.0) | {"kind": "mosaic"},
        result("bay", "synthetic", "rules", dtm_rmse=0.1, cliff_rmse=0.6, lost_50=0, buildings_50=9),
    ]  # fmt: skip
    made = f"import json; from pathlib import Path; from page import render\nrows = json.loads({json.dumps(rows)!r})\n"
    page = evaluate(made + "print(json.dumps(render(rows, Path('pictures'))))")
    held = {
        cells[1].strip(): (cells[3].strip(), cells[4].strip())
        for line in page.splitlines()
        if len(cells := line.split("|")) == 6
    }
    assert held["ISPRS samples here, one fixed setting, mean"] == ("3.90, 88.0", "yes")
    assert held["ground kappa, dense files, rules alone"] == ("97.0, least 97.0", "yes")
    assert held["building F1 / IoU, dense files, mean, rules alone"] == ("94.0 / 88.0, precision 94.9", "**no**")
    assert held["building objects >= 50 m², dense, pooled, rules alone"] == ("90.0 / 95.0", "**no**")
    assert held["water IoU, all labelled files and scenes, pooled, rules alone"] == ("80.0", "yes")
    assert held["bridge IoU, all labelled files and scenes, pooled, rules alone"] == ("0.0", "**no**")
    assert held["scenes: DTM RMSE, rules alone"] == ("0.10 m worst, cliff edges 0.60 m worst", "**no**")
    assert held["scenes: buildings >= 50 m² lost, rules alone"] == ("0 of 9", "yes")
    assert "| **mean** | urban |  | 2.0 | 3.5 | 3.90 | 88.0 |" in page


def test_a_confidence_that_is_kept_has_no_calibration_error(evaluate: Callable[[str], Any]) -> None:
    honest = [[50, 100, 50], [90, 200, 180], [100, 50, 50]]
    boasting = [[90, 100, 60], [60, 100, 60]]
    errors = evaluate(
        "import json; from calibration import expected_error, summed\n"
        f"both = [summed([{{'reliability': rows}}]) for rows in ({honest}, {boasting})]\n"
        "print(json.dumps([expected_error(*one) for one in both]))"
    )
    assert errors == pytest.approx([0.0, 15.0])


def test_exact_ground_has_no_error_and_a_bump_of_a_metre_has_one_of_its_size(evaluate: Callable[[str], Any]) -> None:
    lines = (
        "import json, numpy as np; from cases import Loaded; from terrains import score_terrain\n"
        "from twin.points import Points; from twin.scene import Scene, SceneParams\n"
        "scene = Scene.build(SceneParams(kind='hills', n_points=20_000)); b = scene.bounds\n"
        "axes = np.arange(b.xmin, b.xmax, 0.25), np.arange(b.ymin, b.ymax, 0.25)\n"
        "x, y = (axis.ravel() + 0.125 for axis in np.meshgrid(*axes))\n"
        "z = scene.ground(x, y); ones = np.ones(len(x), np.uint8); answers = []\n"
        "for bump in (0.0, 1.0):\n"
        "    raised = z + bump * (x < b.xmin + 0.25 * b.width_m)\n"
        "    cloud = Points(x=x, y=y, z=raised, attributes={'return_number': ones})\n"
        "    loaded = Loaded(points=cloud, truth=2 * ones, scene=scene)\n"
        "    answers.append(score_terrain(loaded, 2 * ones)['dtm_rmse'])\n"
        "print(json.dumps(answers))"
    )
    exact, bumped = evaluate(lines)
    assert exact < 0.03
    assert bumped == pytest.approx(np.sqrt(0.25), abs=0.05)  # of the land; the pond does not count


def test_a_page_made_anew_keeps_what_another_program_put_between_its_markers(evaluate: Callable[[str], Any]) -> None:
    old = "# Accuracy\n\nold\n\n<!-- begin 3D models -->\n\n## Models\n\n<!-- end 3D models -->\n\n<!-- begin odd -->"
    call = f"with_foreign_sections('# Accuracy\\n\\nnew\\n', {old!r})"
    page = evaluate(f"import json; from page import with_foreign_sections; print(json.dumps({call}))")
    assert page == "# Accuracy\n\nnew\n\n<!-- begin 3D models -->\n\n## Models\n\n<!-- end 3D models -->\n"
