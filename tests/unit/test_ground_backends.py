"""Whoever finds the ground, the same scenes come out right; what is not installed is said in words."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
import types
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pytest

from pipelines.classify import ClassifyParams, classify_points
from pipelines.ground import SmrfParams, find_ground, ground_frame_step_m
from pipelines.ground.backends_pdal import stage_of
from pipelines.ground.smrf import GroundBackendName
from twin.config import parse_override, resolve
from twin.errors import ConfigError, StageError
from twin.points import Points
from twin.raster import Frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.ground import Ground

PACKAGE = {"smrf": "numba", "csf": "CSF", "pdal.smrf": "pdal", "pdal.csf": "pdal"}


def installed(backend: str) -> pytest.param:
    missing = importlib.util.find_spec(PACKAGE[backend]) is None
    why = f"{PACKAGE[backend]} is not installed (PDAL has no wheel)" if missing else ""
    return pytest.param(backend, marks=pytest.mark.skipif(missing, reason=why))


every_backend = pytest.mark.parametrize("backend", [installed(name) for name in get_args(GroundBackendName)])


def town(n: int = 12_000) -> tuple[Points, NDArray[np.bool_]]:
    """A gentle slope with four houses, 80 m wide, 2 points a square metre; which points are truly ground."""
    random = np.random.default_rng(5)
    x, y = np.round(random.uniform(0, 80, (2, n)), 3)
    z = 5 + 0.03 * x + random.normal(0, 0.02, n)
    house = ((x % 40) > 12) & ((x % 40) < 26) & ((y % 40) > 10) & ((y % 40) < 24)
    z[house] += 6.0
    ones = np.ones(n, np.uint8)
    points = Points(x=x, y=y, z=np.round(z, 3), attributes={"return_number": ones, "number_of_returns": ones})
    return points, ~house


def found(points: Points, backend: str, **options: Any) -> Ground:
    params = SmrfParams(backend=backend, backend_options=options)  # type: ignore[arg-type]
    frame = Frame.covering(points.bounds.buffered(1).snapped(ground_frame_step_m(params)), params.cell_m)
    return find_ground(points.x, points.y, points.z, frame, params)


@every_backend
def test_streets_are_ground_and_roofs_are_not(backend: str) -> None:
    points, truth = town()
    ground = found(points, backend)
    assert (ground.is_ground == truth).mean() > 0.97
    assert not ground.is_ground[~truth].any()


@every_backend
def test_heights_above_the_surface_are_those_of_the_scene(backend: str) -> None:
    points, truth = town()
    ground = found(points, backend)
    assert np.nanmedian(ground.height_m[~truth]) == pytest.approx(6.0, abs=0.3)
    assert np.nanpercentile(np.abs(ground.height_m[truth]), 95) < 0.3
    assert ground.surface.shape == ground.low.shape
    assert (np.abs(ground.height_m) <= ground.tolerance_m)[ground.is_ground].all()


@every_backend
def test_the_order_of_points_does_not_matter(backend: str) -> None:
    points, _ = town(4000)
    order = np.random.default_rng(0).permutation(len(points))
    assert np.array_equal(found(points, backend).is_ground[order], found(points.take(order), backend).is_ground)


@every_backend
def test_no_points_are_no_ground(backend: str) -> None:
    points, _ = town(0 + 4000)
    frame = Frame.covering(points.bounds.snapped(16.0), 1.0)
    empty = np.zeros(0)
    ground = find_ground(empty, empty, empty, frame, SmrfParams(backend=backend))  # type: ignore[arg-type]
    assert ground.is_ground.size == 0
    assert np.isnan(ground.surface).all()


@every_backend
def test_the_whole_chain_runs_on_it(backend: str) -> None:
    points, truth = town()
    params = ClassifyParams(ground=SmrfParams(backend=backend))  # type: ignore[arg-type]
    label, confidence = classify_points(points, points.bounds, params)
    assert ((label == 2) == truth).mean() > 0.97
    assert confidence.max() <= 100


def test_a_cloth_says_nothing_on_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("CSF", reason="the package cloth-simulation-filter is not installed")
    found(town(2000)[0], "csf")
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(("backend", "package"), [("csf", "cloth-simulation-filter"), ("pdal.smrf", "python-pdal")])
def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, backend: str, package: str) -> None:
    monkeypatch.setitem(sys.modules, PACKAGE[backend], None)
    with pytest.raises(ConfigError, match=package):
        found(town(500)[0], backend)


def test_an_option_that_a_backend_does_not_have_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"has no option 'stiffness'.*rigidness"):
        stage_of(SmrfParams(backend="pdal.csf", backend_options={"stiffness": 1}))
    with pytest.raises(ValueError, match="another backend"):
        SmrfParams(backend_options={"rigidness": 1})


def test_set_chooses_the_backend_and_its_options() -> None:
    layers = [
        (layer.where, layer.stages["ground"])
        for layer in map(parse_override, ["ground.backend=pdal.csf", "ground.backend_options={rigidness: 1}"])
    ]
    stage = stage_of(resolve(SmrfParams, layers, "ground"))
    assert (stage["type"], stage["rigidness"], stage["resolution"]) == ("filters.csf", 1, 1.0)
    with pytest.raises(ConfigError, match="expected one of smrf, csf"):
        resolve(SmrfParams, [("--set", {"backend": "tin"})], "ground")


class FakePipeline:
    """What PDAL documents of a pipeline over arrays; its filter finds ground below 7 m, and turns the points over."""

    asked: dict[str, Any]
    lost = 0

    def __init__(self, text: str, arrays: list[NDArray[Any]]) -> None:
        FakePipeline.asked = json.loads(text)
        (self._points,) = (array.copy() for array in arrays)
        self._done = False

    def execute(self) -> int:
        if "fail" in json.dumps(FakePipeline.asked):
            raise RuntimeError("filters.smrf: no\nreturns")
        self._points["Classification"] = np.where(self._points["Z"] < 9.0, 2, 1)
        self._done = True
        return len(self._points)

    @property
    def arrays(self) -> list[NDArray[Any]]:
        if not self._done:
            raise RuntimeError("call execute() first")
        return [self._points[::-1][self.lost :]]


@pytest.fixture
def pdal(monkeypatch: pytest.MonkeyPatch) -> type[FakePipeline]:
    module = types.ModuleType("pdal")
    module.Pipeline = FakePipeline  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pdal", module)
    monkeypatch.setattr(FakePipeline, "lost", 0)
    return FakePipeline


def test_pdal_is_asked_by_its_own_options_and_its_order_is_undone(pdal: type[FakePipeline]) -> None:
    points, truth = town(3000)
    ground = found(points, "pdal.smrf", cut=40.0)
    assert np.array_equal(ground.is_ground, truth)
    (stage,) = pdal.asked["pipeline"]
    assert stage == {
        "type": "filters.smrf", "cell": 1.0, "slope": 0.13, "window": 25.0,
        "scalar": 1.25, "threshold": 0.5, "cut": 40.0,
    }  # fmt: skip


def test_pdal_that_loses_points_or_fails_is_an_error(pdal: type[FakePipeline], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdal, "lost", 3)
    with pytest.raises(StageError, match="497 points of 500"):
        found(town(500)[0], "pdal.csf")
    with pytest.raises(StageError, match="no returns"):
        found(town(500)[0], "pdal.csf", hdiff="fail")
