"""A check says the same however its work was cut, ordered and spread."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.acceptance import AcceptanceParams, check_delivery
from pipelines.acceptance.cells import CellGrid, block_of_key, place_points, point_bits, summarise
from pipelines.acceptance.footprint import COARSE_SIDE, surveyed_area
from pipelines.acceptance.identity import repeats_between
from pipelines.executors import Sequential, Threads
from pipelines.ingest import IngestParams
from tiles.las import LasParams, write_las
from tiles.las_records import record_dtype
from twin.acceptance import MapPicture
from twin.crs import parse_crs
from twin.points import Points
from twin.vertical import TP

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from twin.acceptance import DeliveryReport


def survey(seed: int, n: int = 6000) -> Points:
    """Return points of three strips, scattered over four blocks, some of them twice."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(-80, 60, n), rng.uniform(-40, 50, n)
    strip = rng.integers(1, 4, n)
    columns: dict[str, NDArray[Any]] = {
        "gps_time": 3e8 + 1000.0 * strip + rng.uniform(0, 30, n),
        "point_source_id": strip.astype(np.uint16),
        "return_number": np.ones(n, np.uint8),
        "number_of_returns": rng.integers(1, 3, n).astype(np.uint8),
        "classification": rng.choice([1, 2, 5, 7, 9], n).astype(np.uint8),
    }
    cloud = Points(x=x.round(3), y=y.round(3), z=(0.01 * strip + rng.normal(0, 0.02, n)).round(3), attributes=columns)
    return Points.concatenate([cloud, cloud.take(slice(0, 50))])


def checked(clouds: dict[str, Points], order: list[int], ingest: IngestParams, executor: Any) -> DeliveryReport:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, points in clouds.items():
            write_las(folder / file, points, LasParams(), crs=parse_crs("EPSG:6677"), vertical=TP)
        files = [folder / sorted(clouds)[i] for i in order]
        limits = AcceptanceParams(density_per_m2=0.5, overlap_cells=1, footprint_closing_m=16.0)
        return check_delivery(files, ingest=ingest, params=limits, executor=executor, scratch=folder / "scratch")


def essence(report: DeliveryReport) -> Any:
    """Return all that a report says, but for paths and cost."""
    pictures = [
        (p.name, p.frame, p.values.tobytes())
        if isinstance(p, MapPicture)
        else (p.name, [(s.x.tobytes(), s.y.tobytes()) for s in p.series])
        for p in report.pictures
    ]
    sources = {Path(s.uri).name: ([asdict(f) for f in s.findings], s.facts) for s in report.sources}
    facts = {key: value for key, value in report.facts.items() if key != "cost"}
    return report.verdict, sources, [asdict(f) for f in report.findings], facts, pictures


@settings(max_examples=5)
@given(
    seed=st.integers(0, 3),
    rows=st.sampled_from([1000, 2500, 100_000]),
    chunk=st.sampled_from([500, 1000, 50_000]),
    order=st.permutations(range(3)),
    workers=st.sampled_from([1, 3]),
)
def test_a_report_does_not_depend_on_chunks_order_and_workers(
    seed: int, rows: int, chunk: int, order: list[int], workers: int
) -> None:
    cloud = survey(seed)
    parts = np.array_split(np.arange(len(cloud)), 3)
    clouds = {name: cloud.take(part) for name, part in zip(("a.las", "b.las", "c.las"), parts, strict=True)}
    whole = checked(clouds, [0, 1, 2], IngestParams(), Sequential())
    executor = Threads(workers) if workers > 1 else Sequential()
    other = checked(clouds, list(order), IngestParams(rows_per_task=rows, chunk_rows=chunk), executor)
    assert essence(other) == essence(whole)


@settings(max_examples=5)
@given(seed=st.integers(0, 50), pieces=st.integers(2, 5))
def test_the_delivery_says_the_same_of_one_file_and_of_its_parts(seed: int, pieces: int) -> None:
    cloud = survey(seed).take(slice(0, 6000))
    shuffled = np.random.default_rng(seed).permutation(len(cloud))
    parts = np.array_split(shuffled, pieces)
    clouds = {f"{i}.las": cloud.take(np.sort(part)) for i, part in enumerate(parts)}
    one = checked({"all.las": cloud}, [0], IngestParams(), Sequential())
    many = checked(clouds, list(range(pieces)), IngestParams(), Sequential())
    (first,), (second,) = one.facts["groups"], many.facts["groups"]
    assert {**first, "files": 0} == {**second, "files": 0}


@given(
    places=st.lists(st.tuples(st.integers(-700_000, 700_000), st.integers(-300_000, 300_000)), min_size=1, max_size=80),
    cell=st.sampled_from([0.25, 0.5, 1.0, 2.0]),
    split=st.integers(0, 80),
)
def test_every_point_lands_in_the_cell_that_floor_says_and_sums_add_up(
    places: list[tuple[int, int]], cell: float, split: int
) -> None:
    records = np.zeros(len(places), record_dtype(6))
    records["X"], records["Y"] = np.array(places).T
    records["Z"] = np.arange(len(places)) * 7 - 100
    records["returns"] = 0x11
    grid = CellGrid(scale=(0.001, 0.001, 0.001), offset=(0.0, 0.0, 0.0), cell=cell)
    expected: dict[tuple[int, int], list[int]] = {}
    step = round(cell * 1000)
    for (x, y), z in zip(places, records["Z"].tolist(), strict=True):
        expected.setdefault((x // step, y // step), []).append(z)
    found: dict[tuple[int, int], list[int]] = {}
    for part in (records[:split], records[split:]):
        if not len(part):
            continue
        placed = place_points(part, grid, np.zeros(len(part), np.int32), capacity=4)
        bits = point_bits(np.full(len(part), 2, np.uint8), part["returns"].copy(), np.zeros(len(part), np.bool_), 4)
        cells, starts, _ = summarise(placed, bits)
        column, row, _ = block_of_key(placed.keys)
        for slot in range(len(placed.keys)):
            for entry in cells[starts[slot] : starts[slot + 1]]:
                key = (
                    int(column[slot]) * 256 + int(entry["cell"] & 255),
                    int(row[slot]) * 256 + int(entry["cell"] >> 8),
                )
                total = found.setdefault(key, [0, 0, 0])
                total[0] += int(entry["points"])
                total[1] += int(entry["sum"])
                total[2] += int(entry["square"])
    assert found == {key: [len(z), sum(z), sum(v * v for v in z)] for key, z in expected.items()}


@given(files=st.lists(st.lists(st.integers(0, 30), max_size=20), min_size=1, max_size=4))
def test_repeats_between_files_are_points_that_an_earlier_file_has(files: list[list[int]]) -> None:
    by_file = {i: np.array(sorted(values), np.uint64) for i, values in enumerate(files)}
    seen: dict[int, int] = {}
    expected: dict[tuple[int, int], int] = {}
    for number, values in enumerate(files):
        for value in sorted(set(values)):
            if value in seen:
                expected[seen[value], number] = expected.get((seen[value], number), 0) + 1
            else:
                seen[value] = number
    assert repeats_between(by_file) == expected


@given(
    occupied=st.lists(st.tuples(st.integers(-40, 60), st.integers(-40, 60)), min_size=1, max_size=30),
    closing=st.sampled_from([0.0, 16.0, 48.0]),
)
def test_the_surveyed_area_holds_every_occupied_cell_and_has_no_holes(
    occupied: list[tuple[int, int]], closing: float
) -> None:
    blocks: dict[tuple[int, int], NDArray[np.uint8]] = {}
    for column, row in occupied:
        key = (column // COARSE_SIDE, row // COARSE_SIDE)
        mask = blocks.setdefault(key, np.zeros((COARSE_SIDE, COARSE_SIDE), np.uint8))
        mask[row % COARSE_SIDE, column % COARSE_SIDE] = 1
    areas = surveyed_area({key: np.packbits(mask) for key, mask in blocks.items()}, closing)
    inside = {
        (int(c) + COARSE_SIDE * key[0], int(r) + COARSE_SIDE * key[1])
        for key, area in areas.items()
        for r, c in zip(*np.nonzero(np.unpackbits(area.inside).reshape(COARSE_SIDE, COARSE_SIDE)), strict=True)
    }
    assert set(occupied) <= inside
    if closing == 0.0:
        enclosed = {cell for cell in inside if cell not in set(occupied)}
        assert not enclosed or len(occupied) >= 4


def test_parameters_out_of_range_are_refused() -> None:
    for wrong in (
        {"density_share": 1.5},
        {"density_cell_m": 0.0},
        {"footprint_closing_m": -1.0},
        {"strip_gap_s": 0.0},
    ):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            AcceptanceParams(**wrong)  # type: ignore[arg-type]
