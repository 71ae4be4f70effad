"""The files of a synthetic survey, read by software that is not ours."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import geopandas
import laspy
import numpy as np
import pytest

from pipelines.synth import SurveyFiles, write_survey
from twin.scene import Scene, SceneParams

if TYPE_CHECKING:
    from pathlib import Path

PARAMS = SceneParams(kind="bay", n_points=40_000, pulses_per_piece=5_000)


class Listener:
    """Counts what it hears."""

    def __init__(self) -> None:
        self.n = 0

    def start(self, stage: str, total: int, unit: str) -> None:
        assert (stage, total, unit) == ("synth", PARAMS.n_points, "points")

    def advance(self, n: int) -> None:
        self.n += n

    def finish(self) -> None:
        self.n = -self.n


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> SurveyFiles:
    return write_survey(tmp_path_factory.mktemp("survey"), PARAMS)


def test_progress_hears_of_every_point(tmp_path: Path) -> None:
    listener = Listener()
    assert write_survey(tmp_path, PARAMS, listener).n_points == -listener.n


def test_laspy_reads_every_strip_as_it_was_generated(survey: SurveyFiles) -> None:
    scene = Scene.build(PARAMS)
    assert [path.name for path in survey.files] == [f"strip_0{k}.laz" for k in (1, 2, 3, 4)]
    total = 0
    for strip, path in zip(scene.strips, survey.files, strict=True):
        las = laspy.read(path)
        total += len(las.points)
        assert las.header.version == laspy.header.Version(1, 4)
        assert las.header.point_format.id == 7
        assert las.header.scales.tolist() == [0.001] * 3
        parts = [scene.points(piece) for piece in scene.pieces() if piece.strip == strip.number]
        for name, column in (("x", las.x), ("y", las.y), ("z", las.z)):
            own = np.concatenate([getattr(part, name) for part in parts])
            assert np.abs(np.asarray(column) - own).max() < 1e-6
        for ours, theirs in (("classification",) * 2, ("intensity",) * 2, ("gps_time",) * 2, ("red",) * 2,
                             ("return_number",) * 2, ("number_of_returns",) * 2, ("scan_angle",) * 2):  # fmt: skip
            assert np.array_equal(np.concatenate([part[ours] for part in parts]), np.asarray(las[theirs]))
        assert set(np.unique(las.point_source_id)) == {strip.number}
        assert int(np.asarray(las.edge_of_flight_line).sum()) > 0
        assert las.header.global_encoding.gps_time_type == laspy.header.GpsTimeType.STANDARD
    assert total == survey.n_points


def test_files_state_both_parts_of_their_crs(survey: SurveyFiles) -> None:
    for path in survey.files:
        with laspy.open(path) as reader:
            crs = reader.header.parse_crs()
        assert crs is not None
        horizontal, vertical = crs.sub_crs_list
        assert (horizontal.to_epsg(min_confidence=20), vertical.to_epsg()) == (6677, 6695)


def test_same_parameters_give_the_same_files(survey: SurveyFiles, tmp_path: Path) -> None:
    again = write_survey(tmp_path, PARAMS)
    for one, two in zip(
        (*survey.files, survey.truth, survey.footprints), (*again.files, again.truth, again.footprints), strict=True
    ):
        assert one.read_bytes() == two.read_bytes()


def test_gdal_reads_the_footprints_in_their_crs(survey: SurveyFiles) -> None:
    scene = Scene.build(PARAMS)
    frame = geopandas.read_file(survey.footprints)
    assert frame.crs.to_epsg() == 6677
    assert frame.is_valid.all()
    buildings = list(scene.buildings())
    assert frame["id"].tolist() == [building.id for building in buildings]
    assert survey.n_buildings == len(buildings)
    for outline, building in zip(frame.geometry, buildings, strict=True):
        assert outline.equals_exact(building.footprint, 1e-9)


def test_truth_tells_levels_planes_and_offsets(survey: SurveyFiles) -> None:
    scene = Scene.build(PARAMS)
    truth = json.loads(survey.truth.read_text(encoding="utf-8"))
    assert truth["crs"] == "EPSG:6677"
    assert truth["vertical"] == "TP"
    assert truth["n_points"] == survey.n_points
    assert truth["water_level_m"] == pytest.approx(scene.water_level_m, abs=1e-4)
    assert [strip["offset_m"] for strip in truth["strips"]] == [
        [pytest.approx(value, abs=1e-5) for value in strip.offset_m] for strip in scene.strips
    ]
    assert {gauge["vertical"] for gauge in truth["gauges"]} == {"AP"}
    assert SceneParams(**{**truth["params"], "features": tuple(truth["params"]["features"])}) == PARAMS
    for told, building in zip(truth["buildings"], scene.buildings(), strict=True):
        for face, plane in zip(told["roof_planes"], building.roof_planes, strict=True):
            x, y = plane.polygon.centroid.coords[0]
            height = face["a"] * (x - told["anchor"][0]) + face["b"] * (y - told["anchor"][1]) + face["c"]
            assert height == pytest.approx(plane.a * x + plane.b * y + plane.c, abs=1e-3)


def test_undelivered_classes_travel_beside_the_points(tmp_path: Path) -> None:
    params = SceneParams(kind="hills", n_points=10_000, delivered="none")
    files = write_survey(tmp_path, params).files
    truth = Scene.build(SceneParams(kind="hills", n_points=10_000)).all_points()["classification"]
    read = [laspy.read(path) for path in files]
    assert not np.concatenate([np.asarray(las.classification) for las in read]).any()
    assert np.array_equal(np.concatenate([np.asarray(las["truth_class"]) for las in read]), truth)
