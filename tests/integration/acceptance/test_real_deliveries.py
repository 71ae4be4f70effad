"""Real deliveries against figures that laspy and NumPy find on their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import laspy
import numpy as np
import pytest

from pipelines.ingest import IngestParams
from twin.acceptance import MapPicture

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

DELFT = IngestParams(crs="EPSG:28992", vertical="EPSG:5709")
FRANCE = IngestParams(vertical="EPSG:5720")


def read(paths: list[Path]) -> dict[str, NDArray[Any]]:
    """Return columns of all files together, and the number of the file."""
    files = [laspy.read(path) for path in paths]
    names = ("x", "y", "z", "gps_time", "return_number", "number_of_returns", "point_source_id", "classification")
    columns = {name: np.concatenate([np.asarray(file[name]) for file in files]) for name in names}
    columns["file"] = np.repeat(np.arange(len(files)), [len(file.points) for file in files])
    return columns


def cells(columns: dict[str, NDArray[Any]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return column and row of the cell of 1 m of each point; coordinates are whole millimetres."""
    return tuple(np.rint(columns[axis] * 1000).astype(np.int64) // 1000 for axis in "xy")  # type: ignore[return-value]


@pytest.mark.parametrize(("pattern", "ingest"), [("delft*.laz", DELFT), ("fr_occitanie*.laz", FRANCE)])
def test_density_is_what_numpy_counts_in_every_cell(
    shared_data: Path, judge: Any, pattern: str, ingest: IngestParams
) -> None:
    paths = sorted((shared_data / "lidar").glob(pattern))
    report = judge(paths, ingest=ingest)
    picture = next(p for p in report.pictures if isinstance(p, MapPicture) and p.name == "density")
    assert picture.frame.resolution_m == 1.0
    columns = read(paths)
    column, row = cells(columns)
    expected = np.zeros(picture.frame.shape, np.int64)
    at = (picture.frame.row0 + picture.frame.rows - 1 - row, column - picture.frame.column0)
    np.add.at(expected, at, 1)
    inside = np.isfinite(picture.values)
    assert np.array_equal(picture.values[inside], expected[inside])
    assert np.all(expected[~inside] == 0)
    occupied = np.count_nonzero(expected)
    facts = report.facts["groups"][0]
    # Everything occupied is surveyed, and what is surveyed beyond it is gaps: a tenth here, canals included.
    assert occupied <= facts["surveyed_m2"] <= 1.12 * occupied
    assert facts["points"] == len(column)


@pytest.mark.parametrize("pattern", ["lidar/fr_occitanie*.laz", "edge/duplicate_points_10m.laz"])
def test_repeats_are_what_numpy_finds(shared_data: Path, judge: Any, pattern: str) -> None:
    paths = sorted(shared_data.glob(pattern))
    facts = judge(paths, ingest=FRANCE).facts["groups"][0]
    columns = read(paths)
    keys = np.column_stack(
        [np.rint(columns[axis] * 1000) for axis in "xyz"]
        + [columns["gps_time"], columns["return_number"], columns["number_of_returns"]]
    )
    once_a_file = len(np.unique(np.column_stack([keys, columns["file"]]), axis=0))
    assert facts["duplicates"] == len(keys) - once_a_file
    assert facts["duplicates_between_files"] == once_a_file - len(np.unique(keys, axis=0))


def test_strips_of_delft_close_the_loop_and_agree_with_plain_cell_means(shared_data: Path, judge: Any) -> None:
    paths = sorted((shared_data / "lidar").glob("delft*.laz"))
    facts = judge(paths, ingest=DELFT).facts["groups"][0]
    pairs = {tuple(pair["strips"]): pair for pair in facts["pairs"]}
    first, second, third = "44266", "57138", "57139"
    loop = pairs[first, second]["median_m"] + pairs[second, third]["median_m"] - pairs[first, third]["median_m"]
    assert abs(loop) < 0.005
    columns = read(paths)
    column, row = cells(columns)
    ground = (columns["classification"] == 2) & (columns["return_number"] == columns["number_of_returns"])
    means = []
    for strip in (second, third):
        own = ground & (columns["point_source_id"] == int(strip))
        places, inverse = np.unique(row[own] * 10**6 + column[own], return_inverse=True)
        n = np.bincount(inverse)
        z = np.bincount(inverse, columns["z"][own]) / n
        means.append(dict(zip(places[n >= 3].tolist(), z[n >= 3].tolist(), strict=True)))
    both = [means[1][place] - means[0][place] for place in set(means[0]) & set(means[1])]
    assert np.median(both) == pytest.approx(pairs[second, third]["median_m"], abs=0.004)


def test_canals_are_water_and_the_seam_between_two_files_is_none(shared_data: Path, judge: Any) -> None:
    facts = judge(sorted((shared_data / "lidar").glob("delft*.laz")), ingest=DELFT).facts["groups"][0]
    assert facts["voids_with_water_m2"] > 5000
    assert facts["voids_m2"] < 150
    assert not [void for void in facts["voids"] if void["box"][0] <= 85_000 < void["box"][2] and not void["is_water"]]


def test_a_folder_of_many_systems_is_judged_group_by_group(shared_data: Path, judge: Any) -> None:
    report = judge(sorted((shared_data / "lidar").glob("*.la[sz]")))
    names = [group["crs"] for group in report.facts["groups"]]
    assert {"EPSG:2154", "EPSG:2975"} <= set(names)
    assert len(set(names)) == len(names)
    assert report.verdict == "refused"
    assert all(finding.message_ja for finding in report.findings)
    assert all(finding.message_ja for source in report.sources for finding in source.findings)
