"""A small town with known truth, and a reader of exports that shares no code with the writer."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pygltflib
import pytest
from numpy.typing import NDArray
from pyproj import Transformer
from shapely import Polygon

from tiles.store import Store
from tiles.tiles3d import export_buildings, export_points
from tiles.tiles3d.vertex_codec import decode
from twin.building import Building, Solid
from twin.crs import parse_crs
from twin.points import Points
from twin.tiling import TileId
from twin.vertical import TP

try:
    import meshoptimizer
except ImportError:  # it has no wheel, and its source needs a C++ compiler
    meshoptimizer = None

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# Straddles x = 0 of zone IX, where tiles left and right of the axis share no ancestor.
WEST, SOUTH, EDGE_M = -128.0, -36096.0, 64.0
GRID = 12
PITCH_M = 20.0

Matrix = NDArray[np.float64]
DTYPES = {5121: "<u1", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
WIDTHS = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}


@dataclass(frozen=True)
class Content:
    """One glb of an export, decoded, and where it stands."""

    path: Path
    gltf: pygltflib.GLTF2
    to_ecef: Matrix
    """From the tile's frame, z up."""
    box: Matrix
    """Centre and half-axes in the tile's frame, shape (4, 3)."""
    attributes: dict[str, NDArray[Any]]
    indices: NDArray[Any] | None

    def positions(self) -> NDArray[np.float64]:
        """East, north, up in the tile's frame."""
        node = self.gltf.nodes[0]
        local = self.attributes["POSITION"].astype(np.float64)
        local = local * (node.scale or [1, 1, 1]) + (node.translation or [0, 0, 0])
        return np.stack([local[:, 0], -local[:, 2], local[:, 1]], axis=1)

    def ecef(self) -> NDArray[np.float64]:
        """Earth-centred coordinates."""
        return self.positions() @ self.to_ecef[:3, :3].T + self.to_ecef[:3, 3]


def view_bytes(gltf: pygltflib.GLTF2, number: int) -> bytes:
    view = gltf.bufferViews[number]
    blob = gltf.binary_blob()
    packed = (view.extensions or {}).get("EXT_meshopt_compression")
    if packed is None:
        return blob[view.byteOffset : view.byteOffset + view.byteLength]
    stream = blob[packed["byteOffset"] : packed["byteOffset"] + packed["byteLength"]]
    if meshoptimizer is None:
        return decode(stream, packed["count"], packed["byteStride"]).tobytes()
    item = np.dtype((np.void, packed["byteStride"]))
    return meshoptimizer.decode_vertex_buffer(packed["count"], packed["byteStride"], stream, dtype=item).tobytes()


def accessor_values(gltf: pygltflib.GLTF2, number: int) -> NDArray[Any]:
    accessor = gltf.accessors[number]
    width, dtype = WIDTHS[accessor.type], np.dtype(DTYPES[accessor.componentType])
    stride = gltf.bufferViews[accessor.bufferView].byteStride or width * dtype.itemsize
    raw = np.frombuffer(view_bytes(gltf, accessor.bufferView), np.uint8).reshape(accessor.count, stride)
    values = np.ascontiguousarray(raw[:, : width * dtype.itemsize]).view(dtype)
    return values[:, 0] if width == 1 else values


def walk(path: Path, tile: dict[str, Any], above: Matrix) -> Iterator[tuple[Path, dict[str, Any], Matrix]]:
    """Yield every tile with the file that its content is relative to and its frame, external tilesets too."""
    own = above @ np.array(tile.get("transform", np.identity(4).ravel())).reshape(4, 4).T
    yield path, tile, own
    uri = tile.get("content", {}).get("uri", "")
    if uri.endswith(".json"):
        inner = path.parent / uri
        yield from walk(inner, json.loads(inner.read_text())["root"], own)
    for child in tile.get("children", []):
        yield from walk(path, child, own)


@pytest.fixture(scope="session")
def tiles_of() -> Callable[[Path], list[tuple[Path, dict[str, Any], Matrix]]]:
    """Read a tileset and return all its tiles."""
    return lambda path: list(walk(path, json.loads(path.read_text())["root"], np.identity(4)))


@pytest.fixture(scope="session")
def contents_of(
    tiles_of: Callable[[Path], list[tuple[Path, dict[str, Any], Matrix]]],
) -> Callable[[Path], list[Content]]:
    """Read a tileset and return all its glbs, decoded."""

    def read(path: Path) -> list[Content]:
        found = []
        for file, tile, frame in tiles_of(path):
            uri = tile.get("content", {}).get("uri", "")
            if not uri.endswith(".glb"):
                continue
            glb = (file.parent / uri).resolve()
            gltf = pygltflib.GLTF2().load_binary(str(glb))
            primitive = gltf.meshes[0].primitives[0]
            given = {k: v for k, v in vars(primitive.attributes).items() if isinstance(v, int)}
            found.append(
                Content(
                    path=glb,
                    gltf=gltf,
                    to_ecef=frame,
                    box=np.array(tile["boundingVolume"]["box"]).reshape(4, 3),
                    attributes={name: accessor_values(gltf, number) for name, number in given.items()},
                    indices=None if primitive.indices is None else accessor_values(gltf, primitive.indices),
                )
            )
        return found

    return read


@pytest.fixture(scope="session")
def table_of() -> Callable[[Content], dict[str, list[Any]]]:
    """Read the property table of a glb by the specification of EXT_structural_metadata."""

    def read(content: Content) -> dict[str, list[Any]]:
        extension = content.gltf.extensions["EXT_structural_metadata"]
        (table,) = extension["propertyTables"]
        schema = extension["schema"]["classes"][table["class"]]["properties"]
        columns: dict[str, list[Any]] = {}
        for key, column in table["properties"].items():
            data = view_bytes(content.gltf, column["values"])
            if schema[key]["type"] == "STRING":
                ends = np.frombuffer(view_bytes(content.gltf, column["stringOffsets"]), "<u4").tolist()
                assert ends[-1] == len(data) > 0
                values = [data[a:b].decode() for a, b in itertools.pairwise(ends)]
            else:
                values = np.frombuffer(data, {"FLOAT64": "<f8", "INT32": "<i4"}[schema[key]["componentType"]]).tolist()
            assert len(values) == table["count"]
            columns[key] = [None if value == schema[key]["noData"] else value for value in values]
        return columns

    return read


@pytest.fixture(scope="session")
def true_ecef() -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Take x, y (zone IX) and ellipsoidal heights to EPSG:4978 by PROJ alone, from the zone's published constants."""
    way = Transformer.from_pipeline(
        "+proj=pipeline +step +inv +proj=tmerc +lat_0=36 +lon_0=139.833333333333333 +k=0.9999 +ellps=GRS80 "
        "+step +proj=cart +ellps=WGS84"
    )
    return lambda xyz: np.stack(way.transform(xyz[:, 0], xyz[:, 1], xyz[:, 2]), axis=1)


def prism(number: int, x: float, y: float, height_m: float) -> Building:
    """A block of 12 x 9 m; every third has a court of 4 x 3 m."""
    rings = [[(x, y), (x + 12, y), (x + 12, y + 9), (x, y + 9)]]
    if number % 3 == 0:
        rings.append([(x + 4, y + 3), (x + 4, y + 6), (x + 8, y + 6), (x + 8, y + 3)])
    base = 2.0 + number % 5
    vertices, faces, kinds, top, bottom = [], [], [], [], []
    for ring in rings:
        first, n = len(vertices), len(ring)
        vertices += [(*place, base) for place in ring] + [(*place, base + height_m) for place in ring]
        bottom.append(tuple(range(first + n - 1, first - 1, -1)))
        top.append(tuple(range(first + n, first + 2 * n)))
        for i in range(n):
            a, b = first + i, first + (i + 1) % n
            faces.append(((a, b, b + n, a + n),))
            kinds.append("WallSurface")
    return Building(
        id=f"block-{number:04d}",
        footprint=Polygon(rings[0], rings[1:]),
        ground_m=base,
        roof_m=base + height_m,
        measured_height_m=height_m,
        n_points=100 + number,
        rmse_m=float("nan") if number == 7 else 0.01 * number,
        solids={
            "1.2": Solid(
                vertices=np.array(vertices),
                faces=(*faces, tuple(bottom), tuple(top)),
                semantics=(*kinds, "GroundSurface", "RoofSurface"),
            )
        },
        attributes={"usage": "住宅"} if number % 2 else {"storeys": number % 7 + 1},
    )


@pytest.fixture(scope="session")
def town() -> list[Building]:
    """144 blocks, 5 to 40 m high."""
    rng = np.random.default_rng(7)
    return [
        prism(i, WEST + 8 + PITCH_M * (i % GRID), SOUTH + 8 + PITCH_M * (i // GRID), 5.0 + 35.0 * rng.random())
        for i in range(GRID * GRID)
    ]


@pytest.fixture(scope="session")
def survey() -> Points:
    """50 000 points over the town; `intensity` numbers them, classes are 2 in the west and 6 in the east."""
    n = 50_000
    rng = np.random.default_rng(3)
    x, y = WEST + 256.0 * rng.random(n), SOUTH + 256.0 * rng.random(n)
    z = 2.0 + np.sin(x / 20.0) + 0.05 * rng.random(n)
    x, y, z = (np.round(values, 3) for values in (x, y, z))
    return Points(
        x=x,
        y=y,
        z=z,
        attributes={
            "classification": np.where(x < 0, 2, 6).astype(np.uint8),
            "intensity": np.arange(n).astype(np.uint16),
            "lod": rng.integers(0, 4, n).astype(np.uint8),
        },
    )


@pytest.fixture(scope="session")
def make_store() -> Callable[[Path, Points], Store]:
    """Put points into a store of 64 m tiles in zone IX, T.P."""

    def make(path: Path, points: Points) -> Store:
        store = Store.create(path, crs=parse_crs("EPSG:6677"), vertical=TP, tile_edge_m=EDGE_M)
        columns, rows = store.grid.columns_rows(points.x, points.y)
        with store.writing():
            written = [
                store.write_tile(TileId(0, column, row), points.take((columns == column) & (rows == row)))
                for column, row in sorted(set(zip(columns.tolist(), rows.tolist(), strict=True)))
            ]
            store.manifest.commit_tiles(written)
        return store

    return make


@pytest.fixture(scope="session")
def store(
    make_store: Callable[[Path, Points], Store], survey: Points, tmp_path_factory: pytest.TempPathFactory
) -> Store:
    """The survey in a store."""
    return make_store(tmp_path_factory.mktemp("store") / "town", survey)


@pytest.fixture(scope="session")
def export(town: list[Building], store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both parts, cut into small tiles so that there are trees to look at."""
    from tiles.tiles3d import BuildingTileParams, PointTileParams

    out = tmp_path_factory.mktemp("export") / "city"
    export_buildings(out, town, store.crs, TP, BuildingTileParams(buildings_per_tile=30))
    export_points(out, store, params=PointTileParams(points_per_tile=1000))
    return out
