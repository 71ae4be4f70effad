"""What damaged files once did, each made again by code."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tiles.las import LasParams, write_las
from tiles.pointfiles import file_crs, read_header
from twin.crs import parse_crs
from twin.errors import CrsError
from twin.points import Points
from twin.vertical import TP

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("keyword", [b"COMTD_CS", b"COMPD\xffCS"])
def test_wkt_with_a_wrong_first_word_made_proj_search_all_names_for_seconds(tmp_path: Path, keyword: bytes) -> None:
    path = tmp_path / "a.las"
    write_las(
        path,
        Points(x=np.zeros(9), y=np.zeros(9), z=np.zeros(9)),
        LasParams(point_format=6),
        crs=parse_crs("EPSG:6677"),
        vertical=TP,
    )
    content = path.read_bytes()
    assert b"COMPD_CS" in content
    path.write_bytes(content.replace(b"COMPD_CS", keyword))
    began = time.process_time()
    with pytest.raises(CrsError, match=r"^a\.las: unknown CRS .* \(WKT does not begin so\)"):
        file_crs(read_header(path))
    assert time.process_time() - began < 0.5
