"""Whatever bytes a file has, reading it ends soon, in bounded memory, with its points or with one sentence.

Real and made files are damaged at random and read in a child process that has little memory and little time. A crash, a
panic, an exception that is not ours, a count that the header did not promise, or a hang fails the test and leaves the
damaged file behind. The short run is part of the normal tests; `pytest -m fuzz` goes on for `TWIN_FUZZ_SECONDS`.
"""

from __future__ import annotations

import faulthandler
import gzip
import json
import mmap
import os
import resource
import signal
import struct
import sys
import time
import traceback
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import google_crc32c
import numpy as np
import psutil
import pytest

from tiles.las import LasParams, write_las
from tiles.pointfiles import ReadParams, file_crs, read_header, read_rows
from twin.bounds import Bounds
from twin.crs import parse_crs
from twin.errors import TwinError
from twin.points import Points
from twin.vertical import TP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of a child process are Linux's")

MEMORY_BYTES = 400_000_000
"""What a child may take beyond what it begins with; the largest sample holds 300 kB of points."""
LIMIT_S = 3.0
"""CPU time of one case; no sample takes a tenth of a second. Twenty times as long on the clock is also too long."""
MOST_ROWS = 50_000
"""Rows that are read of a file that promises more."""
SHORT_CASES = 150
LONG_S = float(os.environ.get("TWIN_FUZZ_SECONDS", "1200"))


# Samples -------------------------------------------------------------------------------------------------------------


def cloud(n_points: int) -> Points:
    random = np.random.default_rng(n_points)
    x, y, z = (random.integers(0, 50_000, n_points) * 0.001 for _ in range(3))
    attributes = {"gps_time": np.sort(random.uniform(0, 1e5, n_points)), "intensity": np.arange(n_points, dtype="u2")}
    return Points(x=x, y=y, z=z, attributes=attributes)


def write_las_samples(folder: Path) -> None:
    """Write LAS and LAZ of several layouts, with a CRS, extra bytes, and more than one chunk."""
    crs, scored = parse_crs("EPSG:6677"), {"extra/score": np.arange(40, dtype=np.float32)}
    for suffix in ("las", "laz"):
        for point_format in (0, 1, 3, 6, 7, 8):
            params = LasParams(point_format=point_format)
            write_las(folder / f"pf{point_format}.{suffix}", cloud(40), params, crs=crs, vertical=TP)
        params = LasParams(point_format=6, extra=(("extra/score", "<f4"),))
        write_las(folder / f"extra.{suffix}", cloud(40).with_attributes(**scored), params, crs=crs)
    still = Points(x=np.zeros(60_000), y=np.zeros(60_000), z=np.zeros(60_000))
    write_las(folder / "chunks.laz", still, LasParams(point_format=1), crs=None)


def write_text_samples(folder: Path) -> None:
    """Write points as text with commas, blanks and tabs, with and without a heading, in several encodings."""
    rows = [(1.5 * i, 2000.25 - i, 0.125 * i, i % 9) for i in range(60)]
    for name, mark, heading in (
        ("a.csv", ",", "x,y,z,class"),
        ("b.xyz", " ", ""),
        ("c.txt", "\t", "X\tY\tZ\tIntensity"),
    ):
        lines = [heading] * bool(heading) + [mark.join(map(str, row[: 4 if heading else 3])) for row in rows]
        (folder / name).write_text("\n".join(lines) + "\n")
    content = (folder / "a.csv").read_text()
    (folder / "d.csv").write_bytes(("# 測点\r\n" + content.replace("\n", "\r\n")).encode("cp932"))
    (folder / "e.csv").write_bytes(content.encode("utf-16"))
    (folder / "f.xyz.gz").write_bytes(gzip.compress((folder / "b.xyz").read_bytes(), mtime=0))


def write_ply_samples(folder: Path) -> None:
    """Write PLY in its three encodings, with colours, and with faces behind the vertices."""
    fields = [("x", "f8"), ("y", "f4"), ("z", "f4"), ("red", "u1"), ("intensity", "u2")]
    names = {"f8": "double", "f4": "float", "u1": "uchar", "u2": "ushort"}
    for name, encoding, order in (
        ("l", "binary_little_endian", "<"),
        ("b", "binary_big_endian", ">"),
        ("a", "ascii", ""),
    ):
        vertices = np.zeros(50, [(field, order + kind) for field, kind in fields])
        for field, _ in fields:
            vertices[field] = np.arange(50)
        head = ["ply", f"format {encoding} 1.0", "comment made", "element vertex 50"]
        head += [f"property {names[kind]} {field}" for field, kind in fields]
        head += ["element face 1", "property list uchar int vertex_indices", "end_header"]
        text = "".join(" ".join(map(str, row)) + "\n" for row in vertices.tolist()).encode() + b"3 0 1 2\n"
        binary = vertices.tobytes() + struct.pack(f"{order or '<'}B3i", 3, 0, 1, 2)
        (folder / f"{name}.ply").write_bytes("\n".join([*head, ""]).encode() + (binary if order else text))


def write_e57_samples(folder: Path) -> None:
    """Write an E57 file of two scans, one with a pose, colours and invalid points."""
    pye57 = pytest.importorskip("pye57", reason="E57 needs pye57 (extra e57)")
    xyz = {f"cartesian{axis}": np.arange(60.0) for axis in "XYZ"} | {"intensity": np.arange(60, dtype="f4")}
    more = {f"color{name}": np.arange(60, dtype="u1") for name in ("Red", "Green", "Blue")}
    more |= {"cartesianInvalidState": (np.arange(60) % 7 == 0).astype("i1")}
    with pye57.E57(str(folder / "a.e57"), "w") as out:
        out.write_scan_raw(xyz | more, rotation=np.array([0.5**0.5, 0, 0, 0.5**0.5]), translation=np.ones(3))
        out.write_scan_raw(xyz)


def with_sound_pages(content: bytes) -> bytes:
    """Return an E57 file whose pages carry the right checksums, so that damage gets past the first gate."""
    pages = bytearray(content)
    for at in range(0, len(pages) - 1023, 1024):
        crc = google_crc32c.value(bytes(pages[at : at + 1020]))
        pages[at + 1020 : at + 1024] = struct.pack(">I", crc)
    return bytes(pages)


KINDS: dict[str, tuple[Callable[[Path], None] | None, tuple[str, ...]]] = {
    "las": (write_las_samples, ("edge/*.las", "edge/single*.laz", "lidar/japan*.las")),
    "copc": (None, ("edge/small.copc.laz",)),
    "text": (write_text_samples, ()),
    "ply": (write_ply_samples, ("buildings_ahn/98.ply", "buildings_ahn/0.ply")),
    "e57": (write_e57_samples, ()),
}
"""What samples there are of each kind: what writes some, and real ones below the folder of shared data."""


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory, checkout: Path) -> Callable[[str], list[tuple[str, bytes]]]:
    """Return (name, bytes) of the undamaged files of a kind."""
    shared = checkout.parent / "shared" / "data"

    def of(kind: str) -> list[tuple[str, bytes]]:
        write, patterns = KINDS[kind]
        folder = tmp_path_factory.mktemp(kind)
        if write:
            write(folder)
        real = [path for pattern in patterns for path in sorted(shared.glob(pattern))]
        found = [(path.name, path.read_bytes()) for path in [*sorted(folder.iterdir()), *real]]
        if not found:
            pytest.skip(f"no file of kind {kind}: {Path('..') / 'shared' / 'data'} does not stand beside the checkout")
        return found

    return of


# Damage --------------------------------------------------------------------------------------------------------------

NUMBERS = [0, 1, 2, 7, 127, 128, 255, 256, 32767, 65535, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**63 - 1, 2**64 - 1]
DOUBLES = [0.0, -1.0, 1e-300, 1e300, float("nan"), float("inf"), float("-inf")]
WORDS = [b"nan", b"-", b"1e999", b"99999999999999999999", b"\xff\xfe", b"\0", b"\n", b",", b"<", b">", b"{", b'"']


def damaged(content: bytes, random: np.random.Generator, others: list[bytes]) -> bytes:
    """Return a copy with one to four wounds, most of them where formats keep their counts: near the two ends."""
    data = bytearray(content)
    for _ in range(random.integers(1, 5)):
        at = place(len(data), random)
        match random.integers(0, 10):
            case 0 | 1:
                data[at : at + 1] = bytes([random.integers(0, 256)])
            case 2:
                data[at : at + 1] = bytes([data[at] ^ (1 << random.integers(0, 8))]) if data else b""
            case 3 | 4:
                layout, n_bytes = [("<H", 2), ("<I", 4), ("<Q", 8), (">I", 4)][random.integers(0, 4)]
                number = NUMBERS[random.integers(0, len(NUMBERS))] % (1 << 8 * n_bytes)
                data[at : at + n_bytes] = struct.pack(layout, number)
            case 5:
                data[at : at + 8] = struct.pack("<d", DOUBLES[random.integers(0, len(DOUBLES))])
            case 6:
                end = len(data) if random.integers(0, 2) else at + int(random.integers(1, 100))
                del data[at:end]
            case 7:
                data[at:at] = data[place(len(data), random) :][: int(random.integers(1, 200))]
            case 8:
                data[at : at + int(random.integers(0, 9))] = WORDS[random.integers(0, len(WORDS))]
            case _:
                other = others[random.integers(0, len(others))]
                start = place(len(other), random)
                data[at : at + 64] = other[start : start + int(random.integers(1, 64))]
    return bytes(data)


def place(size: int, random: np.random.Generator) -> int:
    """Return a position: in the first or last 600 bytes three times out of four."""
    near = int(random.integers(0, max(1, min(600, size))))
    return [near, near, max(0, size - 1 - near), int(random.integers(0, max(1, size)))][random.integers(0, 4)]


# The child -----------------------------------------------------------------------------------------------------------


def read_all(path: Path, reading: ReadParams) -> None:
    """Read a file as ingest does; anything but its promised points or a TwinError in one line is a fault."""
    try:
        header = read_header(path, reading)
        stop = min(header.n_points, MOST_ROWS)
        found = sum(len(rows) for rows, _ in read_rows(header, 0, stop, 7000))
        exact = reading.bbox is None and header.file_format in ("LAS", "LAZ", "COPC")  # others have invalid points
        if found > stop or (exact and found < stop):
            raise AssertionError(f"{found} points read, {stop} promised")
        file_crs(header)
    except TwinError as error:
        if "\n" in str(error):
            raise AssertionError(f"more than one line: {error}") from None


@dataclass
class Fault:
    """A case that went wrong, and what happened."""

    case: int
    what: str


def case_of(number: int, files: list[tuple[str, bytes]]) -> tuple[str, bytes, ReadParams]:
    """Return the case of a number: always the same name, bytes and way of reading."""
    random = np.random.default_rng(number)
    name, content = files[number % len(files)]
    box = Bounds(xmin=1.0, ymin=1.0, xmax=30.0, ymax=30.0) if random.integers(0, 4) == 0 else None
    mutant = damaged(content, random, [other for _, other in files])
    if name.endswith(".e57") and random.integers(0, 10):
        mutant = with_sound_pages(mutant)
    columns = ("x", "y", "z") if name.endswith((".csv", ".txt")) and random.integers(0, 3) == 0 else ()
    return name, mutant, ReadParams(bbox=box, columns=columns, bad_rows_share=0.1 * int(random.integers(0, 2)))


def child(files: list[tuple[str, bytes]], cases: Iterator[int], folder: Path, now: mmap.mmap, told: Path) -> None:
    """Do cases until they end; every fault is a line in `told`, and the case under way is in `now`."""
    base = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (base + MEMORY_BYTES, base + MEMORY_BYTES))
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)  # a panic prints its trace before it is caught
    warnings.simplefilter("ignore")
    faulthandler.disable()
    for number in cases:
        now[:8] = struct.pack("<Q", number)
        name, content, reading = case_of(number, files)
        path = folder / name
        path.write_bytes(content)
        try:
            read_all(path, reading)
        except BaseException as error:  # a panic of a compiled reader is no Exception
            where = traceback.extract_tb(error.__traceback__)[-1]
            text = f"{type(error).__name__}: {str(error)[:200]} ({Path(where.filename).name}:{where.lineno})"
            with told.open("a") as stream:
                stream.write(json.dumps([number, text]) + "\n")


def faults_of(files: list[tuple[str, bytes]], cases: Callable[[int], Iterator[int]], folder: Path) -> list[Fault]:
    """Run all cases; a child that dies or hangs is a fault of the case under way, and another goes on after it."""
    now, faults, first = mmap.mmap(-1, 8), [], 0
    told = folder.with_suffix(".jsonl")
    while True:
        now[:8] = struct.pack("<Q", 2**64 - 1)
        told.write_text("")
        pid = os.fork()
        if pid == 0:
            try:
                child(files, cases(first), folder, now, told)
                os._exit(0)
            finally:
                os._exit(1)
        status, hung = watch(pid, now)
        faults += [Fault(*json.loads(line)) for line in told.read_text().splitlines()]
        if status == 0:
            return faults
        (number,) = struct.unpack("<Q", now[:8])
        faults.append(Fault(number, "hangs" if hung else f"ends the process (wait status {status})"))
        first = number + 1


def watch(pid: int, now: mmap.mmap) -> tuple[int, bool]:
    """Wait for a child, and end it if one case takes too long; a loaded machine counts little, a sleep a lot."""
    process = psutil.Process(pid)
    before, cpu, since = now[:8], 0.0, time.monotonic()
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return status, False
        spent = sum(process.cpu_times()[:2])
        if now[:8] != before:
            before, cpu, since = now[:8], spent, time.monotonic()
        elif spent - cpu > LIMIT_S or time.monotonic() - since > 20 * LIMIT_S:
            os.kill(pid, signal.SIGKILL)
            return os.waitpid(pid, 0)[1], True
        time.sleep(0.02)


def report(faults: list[Fault], files: list[tuple[str, bytes]], folder: Path) -> None:
    """Leave the damaged files of all faults in a folder, and fail with their list."""
    folder.mkdir(exist_ok=True)
    lines = []
    for fault in faults[:40]:
        name, content, reading = case_of(fault.case, files)
        (folder / f"{fault.case}-{name}").write_bytes(content)
        lines.append(f"case {fault.case} ({name}, box {reading.bbox}): {fault.what}")
    if lines:
        pytest.fail(f"{len(faults)} faults, files in {folder}:\n" + "\n".join(lines))


@pytest.mark.parametrize("kind", KINDS)
def test_most_samples_have_points_before_they_are_damaged(kind: str, samples: Any, tmp_path: Path) -> None:
    files, sound = samples(kind), 0
    for name, content in files:
        (tmp_path / name).write_bytes(content)
        try:
            header = read_header(tmp_path / name)
            sound += sum(len(rows) for rows, _ in read_rows(header)) > 0
        except TwinError:
            continue
    assert sound > 0.7 * len(files)


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_read_or_refused(kind: str, samples: Any, tmp_path: Path) -> None:
    files = samples(kind)
    (tmp_path / "now").mkdir()
    faults = faults_of(files, lambda first: iter(range(first, SHORT_CASES)), tmp_path / "now")
    report(faults, files, tmp_path / "faults")


@pytest.mark.parametrize(
    ("misdeed", "what"),
    [
        ("raise ZeroDivisionError", "ZeroDivisionError"),
        ("raise TwinError('two\\nlines')", "AssertionError: more than one line"),
        ("bytearray(10**9)", "MemoryError"),
        ("os.abort()", "ends the process"),
        ("time.sleep(60)", "hangs"),
        ("while True: pass", "hangs"),
    ],
)
def test_the_fuzz_itself_notices(
    misdeed: str, what: str, samples: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def misbehave(path: Path, reading: ReadParams) -> None:
        if path.name == "pf6.las":
            exec(misdeed)

    monkeypatch.setitem(globals(), "read_header", misbehave)
    monkeypatch.setitem(globals(), "LIMIT_S", 0.1)
    monkeypatch.setitem(globals(), "read_rows", lambda *_: [])
    monkeypatch.setitem(globals(), "file_crs", lambda _: None)
    (tmp_path / "now").mkdir()
    files = [entry for entry in samples("las") if entry[0] in ("pf6.las", "pf6.laz")]
    faults = faults_of(files, lambda first: iter(range(first, 2)), tmp_path / "now")
    assert any(fault.what.startswith(what) for fault in faults)


@pytest.mark.fuzz
@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_are_read_or_refused_for_long(kind: str, samples: Any, tmp_path: Path) -> None:
    files = samples(kind)
    (tmp_path / "now").mkdir()
    seed, until = time.time_ns() // 10**6 % 10**9 * 10**6, time.monotonic() + LONG_S / len(KINDS)

    def cases(first: int) -> Iterator[int]:
        number = max(first, seed)
        while time.monotonic() < until:
            yield number
            number += 1

    report(faults_of(files, cases, tmp_path / "now"), files, tmp_path / "faults")
