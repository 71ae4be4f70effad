"""Deliveries whose every figure is known, because they are made here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pytest

from pipelines.acceptance import AcceptanceParams, check_delivery
from pipelines.executors import Sequential
from pipelines.ingest import IngestParams
from tiles.las import LasParams, write_las
from twin.crs import parse_crs
from twin.points import Points
from twin.vertical import TP

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from twin.acceptance import DeliveryReport

CRS = parse_crs("EPSG:6677")
WEST, SOUTH = -5_960.0, -35_100.0
"""Corner of the survey; a border of blocks, x = -5 888 = -23 * 256, runs through it."""
Box = tuple[float, float, float, float]


class Strip(Protocol):
    """Makes a strip of four points in every square metre of a box, one in each quarter of it."""

    def __call__(self, box: Box, number: int, **changes: Any) -> Points: ...


def terrain(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return heights of a gentle slope."""
    return 20.0 + 0.02 * (x - WEST) - 0.01 * (y - SOUTH)


@pytest.fixture(scope="session")
def strip() -> Strip:
    def make(box: Box, number: int, *, dz: float = 0.0, seed: int = 0, hole: Box | None = None) -> Points:
        xmin, ymin, xmax, ymax = box
        rng = np.random.default_rng(seed)
        rows, columns = int(2 * (ymax - ymin)), int(2 * (xmax - xmin))
        j, i = np.meshgrid(np.arange(columns), np.arange(rows))
        x = xmin + 0.5 * j.ravel() + 0.25 + rng.uniform(-0.2, 0.2, j.size)
        y = ymin + 0.5 * i.ravel() + 0.25 + rng.uniform(-0.2, 0.2, j.size)
        z = terrain(x, y) + dz + rng.normal(0.0, 0.01, j.size)
        ones = np.ones(j.size, np.uint8)
        attributes: dict[str, NDArray[Any]] = {
            "gps_time": 3.0e8 + 400.0 * number + np.arange(j.size) * (20.0 / j.size),
            "point_source_id": np.full(j.size, number, np.uint16),
            "return_number": ones,
            "number_of_returns": ones,
            "classification": ones * 2,
        }
        points = Points(x=np.round(x, 3), y=np.round(y, 3), z=np.round(z, 3), attributes=attributes)
        if hole is not None:
            inside = (x >= hole[0]) & (x < hole[2]) & (y >= hole[1]) & (y < hole[3])
            points = points.take(np.flatnonzero(~inside))
        return points

    return make


@pytest.fixture
def deliver(tmp_path: Path) -> Callable[..., list[Path]]:
    """Write clouds as files by name."""

    def write(clouds: dict[str, Points], **params: Any) -> list[Path]:
        folder = tmp_path / "delivery"
        folder.mkdir(exist_ok=True)
        for name, points in clouds.items():
            write_las(
                folder / name, points, LasParams(offset=(-6000.0, -35_000.0, 0.0), **params), crs=CRS, vertical=TP
            )
        return [folder / name for name in clouds]

    return write


@pytest.fixture
def judge(tmp_path: Path) -> Callable[..., DeliveryReport]:
    """Check files here and now; what is left of the scratch folder fails the test."""

    def run(files: Sequence[Path], *, executor: Any = None, ingest: IngestParams | None = None, **limits: Any) -> Any:
        scratch = tmp_path / "scratch"
        report = check_delivery(
            files,
            ingest=ingest or IngestParams(),
            params=AcceptanceParams(**limits),
            executor=executor or Sequential(),
            scratch=scratch,
        )
        assert list(scratch.iterdir()) == []
        return report

    return run
