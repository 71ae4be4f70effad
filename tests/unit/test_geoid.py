"""Geoid grids: each format gives the same heights as an independent reader, and a broken file is refused in words."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest
import rasterio
from pyproj import Transformer
from rasterio.transform import Affine

from tiles.geoid import GeoidGrid, read_geoid
from twin.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    Make = Callable[..., Path]

WEST, SOUTH, STEP_LON, STEP_LAT = 139.0, 35.0, 0.025, 1 / 60
ROWS, COLUMNS = 61, 41


def undulation() -> NDArray[np.float64]:
    """Heights that neither rows nor columns repeat, shape (rows, columns), rows from the south."""
    row, column = np.mgrid[:ROWS, :COLUMNS]
    return np.round(36.0 + 0.02 * row - 0.03 * column + 0.4 * np.sin(row / 5) * np.cos(column / 7), 4)


def gtx(path: Path, values: NDArray[np.float64], south: float = SOUTH, west: float = WEST) -> Path:
    header = struct.pack(">4d2i", south, west, STEP_LAT, STEP_LON, *values.shape)
    path.write_bytes(header + values.astype(">f4").tobytes())
    return path


def isg(path: Path, values: NDArray[np.float64], *, cells: bool = False, dms: bool = True, **changes: str) -> Path:
    half = (STEP_LAT / 2, STEP_LON / 2) if cells else (0.0, 0.0)
    north, east = SOUTH + STEP_LAT * (values.shape[0] - 1), WEST + STEP_LON * (values.shape[1] - 1)
    angles = {
        "lat min": SOUTH - half[0],
        "lat max": north + half[0],
        "lon min": WEST - half[1],
        "lon max": east + half[1],
    }
    header = {
        "model name": "JPGEO2024", "model year": "2024", "model type": "gravimetric", "data type": "geoid",
        "data units": "meters", "data format": "grid", "data ordering": "N-to-S, W-to-E", "ref ellipsoid": "GRS80",
        "coord type": "geodetic", "coord units": "dms" if dms else "deg",
        **{key: text_of(angle, dms) for key, angle in angles.items()},
        "delta lat": text_of(STEP_LAT, dms), "delta lon": text_of(STEP_LON, dms),
        "nrows": str(values.shape[0]), "ncols": str(values.shape[1]), "nodata": "-9999.0000", "ISG format": "2.0",
    } | {key.replace("_", " "): value for key, value in changes.items()}  # fmt: skip
    lines = [f"{key:<15}{'=' if value[:1].isdigit() else ':'} {value}" for key, value in header.items()]
    body = "\n".join(" ".join(f"{v:10.4f}" for v in row) for row in np.nan_to_num(values[::-1], nan=-9999))
    text = "begin_of_head " + "=" * 40 + "\n" + "\n".join(lines) + "\nend_of_head " + "=" * 40 + "\n" + body + "\n"
    path.write_text(text, encoding="utf-8")
    return path


def text_of(degrees: float, dms: bool) -> str:
    if not dms:
        return f"{degrees:.6f}"
    seconds = round(degrees * 3600, 4)
    return f"{int(seconds // 3600)}°{int(seconds % 3600 // 60):02d}'{seconds % 60:05.2f}\""


def asc(path: Path, values: NDArray[np.float64]) -> Path:
    flat = np.nan_to_num(values, nan=999.0).ravel()
    body = "\n".join(" ".join(f"{v:9.4f}" for v in flat[at : at + 28]) for at in range(0, flat.size, 28))
    path.write_text(f"{SOUTH:.5f} {WEST:.5f} 0.016667 0.025000 {ROWS} {COLUMNS} 1 ver2.2\n{body}\n")
    return path


def geotiff(path: Path, values: NDArray[np.float64], area_or_point: str = "Point", **tags: str) -> Path:
    rows, columns = values.shape
    north = SOUTH + STEP_LAT * (rows - 1)
    corner = Affine(STEP_LON, 0, WEST - STEP_LON / 2, 0, -STEP_LAT, north + STEP_LAT / 2)
    profile = {"driver": "GTiff", "width": columns, "height": rows, "count": 1, "dtype": "float32", "nodata": -32768.0}
    with rasterio.open(path, "w", **profile, crs="EPSG:6668", transform=corner) as file:
        file.write(np.nan_to_num(values[::-1], nan=-32768.0).astype("float32"), 1)
        file.update_tags(AREA_OR_POINT=area_or_point, **tags)
    return path


def places(n: int = 500) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    random = np.random.default_rng(1)
    east, north = WEST + STEP_LON * (COLUMNS - 1), SOUTH + STEP_LAT * (ROWS - 1)
    return random.uniform(WEST, east, n), random.uniform(SOUTH, north, n)


@pytest.mark.parametrize(("make", "suffix"), [(gtx, "gtx"), (geotiff, "tif")])
def test_proj_itself_finds_the_same_heights_in_the_same_file(tmp_path: Path, make: Make, suffix: str) -> None:
    path = make(tmp_path / f"grid.{suffix}", undulation())
    longitude, latitude = places()
    pipeline = f"+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad +step +proj=vgridshift +grids={path}"
    _, _, shifted = Transformer.from_pipeline(pipeline).transform(longitude, latitude, np.zeros(longitude.size))
    assert np.abs(read_geoid(path).at(longitude, latitude)) == pytest.approx(np.abs(shifted), abs=1e-6)


@pytest.mark.parametrize(
    "make",
    [
        isg,
        asc,
        geotiff,
        lambda path, values: isg(path, values, cells=True),
        lambda path, values: isg(path, values, dms=False, ISG_format="1.01"),
        lambda path, values: geotiff(path, values, "Area"),
    ],
    ids=["isg", "asc", "geotiff", "isg of cells", "isg in degrees", "geotiff of areas"],
)
def test_every_format_gives_the_same_heights_at_the_same_places(tmp_path: Path, make: Make) -> None:
    longitude, latitude = places()
    wanted = read_geoid(gtx(tmp_path / "a.gtx", undulation())).at(longitude, latitude)
    found = read_geoid(make(tmp_path / "grid", undulation())).at(longitude, latitude)
    assert found == pytest.approx(wanted, abs=2e-4 if "asc" in str(make) else 1e-4)


def test_a_node_has_its_own_value_and_the_middle_of_a_cell_the_mean_of_four(tmp_path: Path) -> None:
    values = undulation()
    grid = read_geoid(isg(tmp_path / "a.isg", values))
    row, column = np.mgrid[:ROWS, :COLUMNS]
    on_nodes = grid.at(WEST + column.ravel() * STEP_LON, SOUTH + row.ravel() * STEP_LAT)
    assert on_nodes.reshape(values.shape) == pytest.approx(values, abs=1e-9)
    middle = grid.at(np.array([WEST + 2.5 * STEP_LON]), np.array([SOUTH + 3.5 * STEP_LAT]))
    assert middle[0] == pytest.approx(values[3:5, 2:4].mean(), abs=1e-9)


@pytest.mark.parametrize("make", [isg, asc, geotiff], ids=["isg", "asc", "geotiff"])
def test_a_void_is_not_bridged_and_does_not_reach_beyond_its_cells(tmp_path: Path, make: Make) -> None:
    values = undulation()
    values[10, 20] = np.nan
    grid = read_geoid(make(tmp_path / "grid", values))
    near = np.array([[9.5, 20.5], [10.5, 19.5], [10, 20], [9.0, 20.0], [11.5, 20.0], [10.0, 19.0]])
    found = grid.at(WEST + near[:, 1] * STEP_LON, SOUTH + near[:, 0] * STEP_LAT)
    assert np.isnan(found).tolist() == [True, True, True, False, False, False]


def test_there_is_no_value_outside_and_there_is_one_on_the_edge(tmp_path: Path) -> None:
    grid = read_geoid(gtx(tmp_path / "a.gtx", undulation()))
    longitude = np.array([grid.west_deg, grid.east_deg, grid.west_deg - 1e-4, grid.east_deg + 1e-4, -80.0])
    latitude = np.array([grid.south_deg, grid.north_deg, 35.2, 35.2, 35.2])
    assert np.isfinite(grid.at(longitude, latitude)).tolist() == [True, True, False, False, False]
    assert np.isnan(grid.at(np.array([139.5]), np.array([34.9])))


def test_longitudes_may_count_from_greenwich_to_the_east_or_from_the_date_line(tmp_path: Path) -> None:
    path = gtx(tmp_path / "a.gtx", undulation(), south=25.0, west=278.0)
    found = [read_geoid(path).at(np.array([lon]), np.array([25.5]))[0] for lon in (-81.5, 278.5)]
    assert found[0] == pytest.approx(found[1], abs=1e-9)
    assert np.isfinite(found[0])


def test_a_grid_around_the_globe_has_no_seam() -> None:
    values = np.tile(np.arange(36.0), (3, 1))
    grid = GeoidGrid(west_deg=0.0, south_deg=-10.0, step_lon_deg=10.0, step_lat_deg=10.0, values=values)
    assert grid.at(np.array([355.0, -5.0, 359.999999]), np.zeros(3)) == pytest.approx([17.5, 17.5, 0.0], abs=1e-5)


def test_rounded_steps_of_gsi_do_not_add_up(tmp_path: Path) -> None:
    grid = read_geoid(asc(tmp_path / "gsigeo2011_ver2_2.asc", undulation()))
    assert grid.north_deg == pytest.approx(SOUTH + (ROWS - 1) / 60, abs=1e-12)
    assert (grid.base, grid.surface) == ("ellipsoidal", "TP@JGD2011")


def test_a_correction_file_gives_the_old_zero_below_the_new_by_the_correction(tmp_path: Path) -> None:
    # 5339 45 11: the square one row and one column from the south-west corner of second-order square 533945.
    south, west = 53 / 1.5 + 4 * 5 / 60, 139 + 5 * 7.5 / 60
    lines = ["JGD2011 to JGD2024 Ver.1.0.0", *[""] * 14, "MeshCode   dH(m)    0.00000"]
    lines += [
        f"533945{row}{column}  {-0.1 - 0.01 * row - 0.001 * column:9.5f}  0.00000"
        for row in range(3)
        for column in range(3)
    ]
    (tmp_path / "hyokorevBM_jgd2024_h.par").write_text("\r\n".join(lines) + "\r\n")
    grid = read_geoid(tmp_path / "hyokorevBM_jgd2024_h.par")
    found = grid.at(
        np.array([west + 1.5 * 45 / 3600, west, west + 1]), np.array([south + 0.5 * 30 / 3600, south, south])
    )
    assert found[:2] == pytest.approx([0.1 + 0.005 + 0.0015, 0.1], abs=1e-9)
    assert np.isnan(found[2])
    assert (grid.base, grid.surface) == ("TP@JGD2011", "TP@JGD2024")


@pytest.mark.parametrize(
    ("name", "ends"),
    [
        ("JPGEO2024", ("ellipsoidal", "TP@JGD2024")),
        ("Hrefconv2024", ("TP@JGD2024", "")),
        ("JPGEO2024+Hrefconv2024", ("ellipsoidal", "")),
        ("EGM2008", ("", "")),
    ],
)
def test_a_model_is_known_by_what_the_file_says_it_is(tmp_path: Path, name: str, ends: tuple[str, str]) -> None:
    grid = read_geoid(isg(tmp_path / "renamed.txt", undulation(), model_name=name))
    assert (grid.base, grid.surface) == ends


def test_a_grid_of_proj_says_itself_where_it_leads(tmp_path: Path) -> None:
    tags = {"TYPE": "VERTICAL_OFFSET_GEOGRAPHIC_TO_VERTICAL", "target_crs_epsg_code": "5703"}
    grid = read_geoid(geotiff(tmp_path / "us.tif", undulation(), **tags))
    assert (grid.base, grid.surface) == ("ellipsoidal", "EPSG:5703")


def test_scale_and_offset_of_a_geotiff_are_applied(tmp_path: Path) -> None:
    path = geotiff(tmp_path / "a.tif", undulation())
    before = read_geoid(path).at(*places(20))
    with rasterio.open(path, "r+") as file:
        file.scales, file.offsets = (0.5,), (1.0,)
    assert read_geoid(path).at(*places(20)) == pytest.approx(before / 2 + 1, abs=1e-5)


@pytest.mark.parametrize("make", [gtx, isg, asc, geotiff], ids=["gtx", "isg", "asc", "geotiff"])
@pytest.mark.parametrize("share", [0.01, 0.3, 0.98])
def test_a_file_that_is_cut_off_is_refused(tmp_path: Path, make: Make, share: float) -> None:
    path = make(tmp_path / "grid", undulation())
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(FormatError, match="grid"):
        read_geoid(path)


@pytest.mark.parametrize("make", [gtx, isg, asc], ids=["gtx", "isg", "asc"])
def test_a_file_with_more_values_than_its_header_says_is_refused(tmp_path: Path, make: Make) -> None:
    path = make(tmp_path / "grid", undulation())
    path.write_bytes(path.read_bytes() + b" 36.1 36.2 36.3 36.4 ")
    with pytest.raises(FormatError, match="longer than its header says"):
        read_geoid(path)


@pytest.mark.parametrize("make", [gtx, isg, asc, geotiff], ids=["gtx", "isg", "asc", "geotiff"])
def test_a_grid_without_any_value_is_refused(tmp_path: Path, make: Make) -> None:
    fill = -88.8888 if make is gtx else np.nan
    with pytest.raises(FormatError, match="every node is void"):
        read_geoid(make(tmp_path / "grid", np.full((ROWS, COLUMNS), fill)))


def test_latitude_and_longitude_swapped_in_the_file_are_noticed(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="swapped"):
        read_geoid(gtx(tmp_path / "a.gtx", undulation(), south=139.0, west=35.0))
    text = asc(tmp_path / "a.asc", undulation()).read_text().replace("35.00000 139.00000", "139.00000 35.00000")
    (tmp_path / "a.asc").write_text(text)
    with pytest.raises(FormatError, match="swapped"):
        read_geoid(tmp_path / "a.asc")


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("data_ordering", "S-to-N, W-to-E", "data ordering"),
        ("data_format", "sparse", "data format"),
        ("coord_type", "projected", "coord type"),
        ("data_units", "feet", "data units"),
        ("lat_max", "37°00'00\"", "do not reach"),
        ("nrows", "many", "nrows"),
        ("nrows", "2000000", "no such grid"),
        ("nodata", "0.0", ""),
    ],
)
def test_what_an_isg_header_says_is_kept_or_refused(tmp_path: Path, key: str, value: str, said: str) -> None:
    path = isg(tmp_path / "a.isg", undulation(), **{key: value})
    if not said:
        assert np.isfinite(read_geoid(path).values).all()
        return
    with pytest.raises(FormatError, match=said):
        read_geoid(path)


def test_a_word_among_the_numbers_is_named(tmp_path: Path) -> None:
    path = isg(tmp_path / "a.isg", undulation())
    text = path.read_text(encoding="utf-8")
    at = text.index("end_of_head") + 2000
    path.write_text(text[:at] + " oops " + text[at:], encoding="utf-8")
    with pytest.raises(FormatError, match="'oops'"):
        read_geoid(path)


def test_values_that_are_no_heights_are_refused(tmp_path: Path) -> None:
    values = undulation()
    values[3, 3] = 9999.0
    with pytest.raises(FormatError, match="mark of a void"):
        read_geoid(isg(tmp_path / "a.isg", values))


@pytest.mark.parametrize("content", [b"", b"LASF" + bytes(500), b"x,y,z\n1,2,3\n", bytes(40)])
def test_what_is_no_grid_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.bin").write_bytes(content)
    with pytest.raises(FormatError, match=r"no grid that is known|empty file"):
        read_geoid(tmp_path / "a.bin")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"none\.isg: cannot be read"):
        read_geoid(tmp_path / "none.isg")


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    path = gtx(tmp_path / "a.gtx", undulation())
    before = read_geoid(path).at(*places(5))
    gtx(path, undulation() + 1.0)
    assert read_geoid(path).at(*places(5)) == pytest.approx(before + 1.0, abs=1e-5)


def par(path: Path, values: NDArray[np.float64]) -> Path:
    squares = [(i, j) for i in range(8) for j in range(8)]
    lines = [f"5339{i}{j}{r}{c} {values[i, r]:9.5f}  0.00000" for i, j in squares for r in range(3) for c in range(3)]
    path.write_text("\r\n".join(["a header", *[""] * 14, "MeshCode   dH(m)   0.00000", *lines]))
    return path


@pytest.mark.parametrize("make", [gtx, isg, asc, par, geotiff], ids=["gtx", "isg", "asc", "par", "geotiff"])
def test_a_damaged_file_is_a_grid_or_a_sentence(tmp_path: Path, make: Make) -> None:
    whole = make(tmp_path / "grid", undulation()).read_bytes()
    random = np.random.default_rng(7)
    said: list[str] = []
    for number in range(60):
        data = bytearray(whole)
        span = 300 if number % 2 else len(data)  # every other one in the header
        for _ in range(int(random.integers(1, 5))):
            data[int(random.integers(0, min(span, len(data))))] = int(random.integers(0, 256))
        (tmp_path / "damaged").write_bytes(bytes(data))
        try:
            grid = read_geoid(tmp_path / "damaged")
        except FormatError as error:
            said.append(str(error))
        else:
            assert np.isfinite(grid.values).any()
    assert said
    assert all("damaged" in sentence for sentence in said)
