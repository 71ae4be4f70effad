"""Deliveries that give little: no building, no point, one file that contradicts itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pyproj import CRS

from tiles.las import LasParams, write_las
from twin.crs import parse_crs
from twin.points import Points
from twin.vertical import TP

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SEQUENTIAL = ("--executor", "sequential")


def field(edge_m: float) -> Points:
    """Return a meadow: level ground at 4 points a square metre."""
    x, y = (axis.ravel() for axis in np.meshgrid(np.arange(0.25, edge_m, 0.5), np.arange(0.25, edge_m, 0.5)))
    ones = np.ones(len(x), np.uint8)
    return Points(x=x, y=y, z=np.full(len(x), 3.0)).with_attributes(return_number=ones, number_of_returns=ones)


@pytest.fixture
def meadow(tmp_path: Path) -> Path:
    write_las(tmp_path / "meadow.laz", field(40.0), LasParams(), crs=parse_crs("EPSG:6677"), vertical=TP)
    project = tmp_path / "meadow.yaml"
    project.write_text("name: meadow\ncrs: EPSG:6677\nvertical: TP\nsources: [meadow.laz]\n", encoding="utf-8")
    return project


def test_a_place_without_buildings_gets_everything_but_buildings(meadow: Path, twin: Callable[..., Any]) -> None:
    out = meadow.parent / "out"
    answer = twin("run", meadow, "--out", out, *SEQUENTIAL)
    assert (answer.code, answer.result["failed"]) == (0, []), answer.stderr
    assert (out / "exports" / "3dtiles" / "points" / "tileset.json").exists()
    assert not (out / "exports" / "3dtiles" / "buildings").exists()
    assert (out / "report.html").exists()


def test_a_delivery_of_which_nothing_can_be_taken_says_so(tmp_path: Path, twin: Callable[..., Any]) -> None:
    (tmp_path / "a.las").write_bytes(b"nothing")
    assert twin("init", tmp_path / "store", "--area", "tokyo").code == 0
    answer = twin("ingest", tmp_path / "store", tmp_path / "a.las", *SEQUENTIAL)
    assert answer.code == 1
    assert "none of the 1 sources" in answer.stderr
    assert answer.result["refused"][0]["uri"] == str(tmp_path / "a.las")


def test_a_definition_that_contradicts_its_own_code_is_never_converted_only_replaced(
    tmp_path: Path, twin: Callable[..., Any]
) -> None:
    broken = CRS.from_epsg(6677).to_wkt("WKT1_GDAL").replace('"latitude_of_origin",36', '"latitude_of_origin",33')
    path = tmp_path / "broken.las"
    write_las(path, field(10.0), LasParams(), crs=parse_crs(broken), vertical=TP)
    assert twin("init", tmp_path / "store", "--area", "tokyo").code == 0
    refused = twin("ingest", tmp_path / "store", path, "--vertical", "TP", "--convert", *SEQUENTIAL)
    assert refused.code == 1
    assert "--crs EPSG:6677" in refused.result["refused"][0]["reason"]
    taken = twin("ingest", tmp_path / "store", path, "--vertical", "TP", "--crs", "EPSG:6677", *SEQUENTIAL)
    assert (taken.code, taken.result["points"]) == (0, 400), taken.stderr
    assert any("EPSG:6677 was given and is used" in remark["message"] for remark in taken.result["remarks"])
