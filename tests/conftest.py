"""What every test may ask for: the real files, and repeatable random examples."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

os.environ.setdefault("MPLBACKEND", "Agg")

# Examples are derived from the test itself, so a run on another day or machine tries the same ones. A loaded machine
# must not fail a law: there is no deadline. `HYPOTHESIS_PROFILE=thorough` looks further.
settings.register_profile(
    "repeatable",
    derandomize=True,
    max_examples=40,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("thorough", max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what goes on for as long as it is told, unless it is asked for by name: ``-m fuzz``."""
    if "fuzz" not in config.getoption("markexpr"):
        endless = [item for item in items if item.get_closest_marker("fuzz")]
        items[:] = [item for item in items if item not in endless]
        config.hook.pytest_deselected(items=endless)


@pytest.fixture(scope="session")
def checkout() -> Path:
    """Return the root of the source tree that holds these tests."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data(checkout: Path) -> Path:
    """Return the folder of real survey files beside the checkout; without it the test is skipped."""
    folder = checkout.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real files: {Path('..') / 'shared' / 'data'} does not stand beside the checkout")
    return folder


@pytest.fixture
def val3dity(tmp_path: Path) -> Callable[..., dict[str, tuple[int, ...]]]:
    """Return a function that asks val3dity about solids: names to lists of shells in, names to sorted codes out.

    A shell is its vertices, shape (n, 3), metres, on 0.1 mm, and its faces as rings of indices. The test is skipped
    unless `TWIN_VAL3DITY` names the program; to have it, build https://github.com/tudelft3d/val3dity (CGAL, Eigen,
    GEOS). 2.6.0 was asked when the tests were written.
    """
    program = os.environ.get("TWIN_VAL3DITY")
    if not program:
        pytest.skip("TWIN_VAL3DITY names no val3dity program (https://github.com/tudelft3d/val3dity)")

    def ask(solids: Mapping[str, Sequence[tuple[Any, Any]]], *options: str) -> dict[str, tuple[int, ...]]:
        vertices: list[list[int]] = []
        objects = {}
        for name, shells in solids.items():
            boundaries = []
            for points, faces in shells:
                n = len(vertices)
                vertices.extend((points * 10_000).round().astype(int).tolist())
                boundaries.append([[[int(i) + n for i in ring] for ring in face] for face in faces])
            geometry = {"type": "Solid", "lod": "2", "boundaries": boundaries}
            objects[name] = {"type": "Building", "geometry": [geometry]}
        model = {
            "type": "CityJSON",
            "version": "2.0",
            "transform": {"scale": [1e-4] * 3, "translate": [85_000.0, 446_000.0, 0.0]},
            "CityObjects": objects,
            "vertices": vertices,
        }
        path, report = tmp_path / "solids.city.json", tmp_path / "report.json"
        path.write_text(json.dumps(model))
        subprocess.run([program, *options, path, "--report", report], check=True, capture_output=True, cwd=tmp_path)
        features = json.loads(report.read_text())["features"]
        return {each["id"]: tuple(sorted({error["code"] for error in each["errors"]})) for each in features}

    return ask
