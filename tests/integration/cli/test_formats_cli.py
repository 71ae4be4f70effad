"""Formats at the command line: text with named columns and a box, and terrain scored against elevation meshes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pyproj import Transformer

from tiles.rasters import create_rasters, tile_frame, write_raster_block
from tiles.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SEQUENTIAL = ("--executor", "sequential")
X0, Y0 = -6000.0, -35000.0


def soundings(path: Path) -> Path:
    """A level meadow 3 m above T.P. as depths, 4 a square metre, 40 m wide."""
    x, y = (axis.ravel() for axis in np.meshgrid(X0 + np.arange(0.25, 40, 0.5), Y0 + np.arange(0.25, 40, 0.5)))
    path.write_text("east;north;down\n" + "".join(f"{a:.2f};{b:.2f};-3.00\n" for a, b in zip(x, y, strict=True)))
    return path


def mesh(path: Path, height_m: float) -> Path:
    """An elevation mesh of cells of about 5 m around the meadow, all of one height."""
    west, south = Transformer.from_crs("EPSG:6677", "EPSG:6668", always_xy=True).transform(X0 - 20, Y0 - 20)
    tuples = "\n".join([f"地表面,{height_m}"] * 400)
    path.write_text(
        f"""<Dataset xmlns="http://fgd.gsi.go.jp/spec/2008/FGD_GMLSchema" xmlns:gml="http://www.opengis.net/gml/3.2">
<DEM><type>5mメッシュ（標高）</type><mesh>53393599</mesh><coverage><gml:boundedBy>
<gml:Envelope srsName="fguuid:jgd2011.bl"><gml:lowerCorner>{south} {west}</gml:lowerCorner>
<gml:upperCorner>{south + 0.0009} {west + 0.0011}</gml:upperCorner></gml:Envelope></gml:boundedBy><gml:gridDomain>
<gml:Grid><gml:limits><gml:GridEnvelope><gml:low>0 0</gml:low><gml:high>19 19</gml:high></gml:GridEnvelope></gml:limits>
</gml:Grid></gml:gridDomain><gml:rangeSet><gml:DataBlock><gml:tupleList>{tuples}</gml:tupleList></gml:DataBlock></gml:rangeSet>
<gml:coverageFunction><gml:GridFunction><gml:sequenceRule order="+x-y">Linear</gml:sequenceRule>
<gml:startPoint>0 0</gml:startPoint></gml:GridFunction></gml:coverageFunction></coverage></DEM></Dataset>""",
        encoding="utf-8",
    )
    return path


def level_terrain(folder: Path, height_m: float) -> None:
    """Write a terrain run of one height over the tiles of a store."""
    store = Store.open(folder)
    store.manifest.begin_run("level", "terrain", {}, {})
    create_rasters(store, "level", {"dtm": (np.float32, {"units": "m", "is_height": True})}, 1.0)
    for tile in sorted({row.tile for row in store.tiles()}):
        values = np.full(tile_frame(store, tile, 1.0).shape, height_m, np.float32)
        values[:, ::7] = np.nan
        write_raster_block(store, "level", "dtm", tile, values)
    store.manifest.finish_run("level", {})


def test_soundings_in_a_box_become_terrain_that_meshes_can_judge(tmp_path: Path, twin: Callable[..., Any]) -> None:
    store, csv = tmp_path / "store", soundings(tmp_path / "meadow.csv")
    assert twin("init", store, "--area", "tokyo").code == 0
    stated = ("--crs", "EPSG:6677", "--vertical", "TP", *SEQUENTIAL)
    refused = twin("ingest", store, csv, *stated)
    assert (refused.code, "no heading says plainly" in refused.stderr) == (1, True), refused.stderr
    box = f"{X0},{Y0},{X0 + 30},{Y0 + 40}"
    taken = twin("ingest", store, tmp_path, "--columns", "x,y,-depth", "--bbox", box, *stated)
    assert (taken.code, taken.result["points"]) == (0, 60 * 80), taken.stderr
    level_terrain(store, 3.0)
    score = twin("score", "terrain", store, mesh(tmp_path / "dem.xml", 2.9))
    assert (score.code, score.result["meshes"]) == (0, 1), score.stderr
    assert 5000 < score.result["cells"] < 100 * 100
    assert abs(score.result["median_m"] - 0.1) < 0.006
    assert abs(score.result["rmse_m"] - 0.1) < 0.002
    elsewhere = twin("score", "terrain", store, mesh(tmp_path / "dem.xml", -9999.0))
    assert elsewhere.code == 1
    assert "no cell in common" in elsewhere.stderr


def test_a_box_that_is_none_is_told_before_anything_is_read(tmp_path: Path, twin: Callable[..., Any]) -> None:
    assert twin("init", tmp_path / "store", "--area", "tokyo").code == 0
    for box in ("1,2,3", "a,b,c,d", "5,0,1,9"):
        answer = twin("ingest", tmp_path / "store", soundings(tmp_path / "a.csv"), "--bbox", box, *SEQUENTIAL)
        assert answer.code == 2, box
