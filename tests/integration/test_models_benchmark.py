"""The benchmark of 3D models measures what it says: its truth is exact, its figures are those of known models."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="module")
def evaluate(checkout: Path) -> Callable[[str], Any]:
    """Run lines of Python among the benchmark's own modules and return the JSON they print."""
    harness = checkout / "tests" / "benchmarks" / "models"

    def run(lines: str) -> Any:
        env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(checkout), str(harness)])}
        done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, env=env, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def test_true_planes_cover_the_outline_and_roof_points_scatter_by_the_noise_asked_for(
    evaluate: Callable[[str], Any],
) -> None:
    rows = evaluate(
        """
import json, numpy as np, shapely
from cases import cases, sample
from kinds import KINDS, height
rows = []
for case in cases(1, seed=7)[: len(KINDS)]:
    one = sample(case)
    faces = one.built.truth.roof_planes
    x, y, z = one.cloud.xyz[one.is_roof].T
    core = shapely.contains_xy(one.outline.buffer(-0.01), x, y)
    planes = np.full(len(x), np.nan)
    for face in faces:
        inside = shapely.contains_xy(face.polygon.buffer(-0.01), x, y)
        planes[inside] = face.a * x[inside] + face.b * y[inside] + face.c
    known = np.isfinite(planes) & core
    rows.append([
        case.kind, abs(sum(f.polygon.area for f in faces) - one.outline.area), float(known.mean()),
        float(np.abs(planes - height(one.built.parts, x, y))[known].max()), float((z - planes)[known].std()),
        len(x) / one.outline.area, sample(case).cloud.xyz.tobytes() == one.cloud.xyz.tobytes(),
    ])
print(json.dumps(rows))
"""
    )
    assert len(rows) == 17
    for kind, area, known, exact, noise, density, again in rows:
        assert area < 0.2, kind
        assert known > 0.95, kind
        assert exact < 1e-6, kind
        assert noise == pytest.approx(0.05, rel=0.12), kind
        assert density == pytest.approx(10.0, rel=0.15), kind
        assert again, kind


def test_there_are_two_thousand_buildings_of_all_kinds_densities_and_faults(evaluate: Callable[[str], Any]) -> None:
    found = evaluate(
        """
import json
from cases import cases, core_of
every = cases()
print(json.dumps([len(every), len({case.id for case in every}), len({case.kind for case in every}), len(core_of(every)),
                  sorted({case.survey.density for case in every}), sorted({case.survey.noise_m for case in every}),
                  sorted({case.survey.disturbance for case in every})]))
"""
    )
    assert found[0] == found[1] >= 2000
    assert found[2:4] == [17, 816]
    assert found[4:6] == [[2.0, 5.0, 10.0, 20.0, 30.0], [0.02, 0.05, 0.1]]
    assert found[6] == ["all", "chimney", "one-sided", "patch", "plain", "tree", "walls"]


def test_a_flat_roof_under_a_prism_fits_to_its_noise_and_a_gabled_one_does_not(
    evaluate: Callable[[str], Any], tmp_path: Path
) -> None:
    lines = f"""
import json
from pathlib import Path
from cases import cases, core_of
from synthetic import run_synthetic
found = core_of(cases(1, kinds=("flat", "gabled"), seed=7))[:6]
print(json.dumps(run_synthetic(found, Path({str(tmp_path)!r}), lambda text: None, lod="1.2")))
"""
    rows = evaluate(lines)["rows"]
    for row in rows:
        assert row["lod"] == "1.2"
        if row["kind"] == "flat":
            assert row["rmse_z"] == pytest.approx(0.05, abs=0.006)
            assert row["rmse_3d"] == pytest.approx(0.05, abs=0.006)
            assert row["rmse_truth"] < 0.01
        else:
            assert row["rmse_truth"] > 0.4
            assert row["rmse_z"] ** 2 == pytest.approx(row["rmse_truth"] ** 2 + 0.05**2, rel=0.1)
            assert row["rmse_3d"] <= row["rmse_z"]


def test_outlines_are_compared_by_the_blocks_that_they_form(evaluate: Callable[[str], Any]) -> None:
    found = evaluate(
        """
import json, shapely
from real import agreement
given = [shapely.box(0, 0, 10, 10), shapely.box(10, 0, 20, 10), shapely.box(50, 0, 60, 10), shapely.box(90, 0, 99, 9)]
drawn = [shapely.box(0, 0, 20, 8), shapely.box(50, 0, 60, 10), shapely.box(70, 0, 80, 10)]
print(json.dumps(agreement(given, drawn)))
"""
    )
    whole, groups = found
    assert sorted(groups) == pytest.approx([0.0, 0.8, 1.0])
    assert whole == pytest.approx((160 + 100) / (200 + 100 + 81))


def test_the_section_takes_its_place_on_the_page_and_leaves_the_rest(evaluate: Callable[[str], Any]) -> None:
    lines = "import json; from page import placed; one = placed('# A\\n\\nx\\n', 'first')\n"
    page = evaluate(lines + "print(json.dumps(placed(one + '\\n## After\\n', 'second')))")
    assert page.startswith("# A\n\nx\n\n<!-- begin 3D models -->\n\nsecond\n\n<!-- end 3D models -->")
    assert page.endswith("\n## After\n")
    assert "first" not in page
