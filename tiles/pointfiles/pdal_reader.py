"""Points of whatever PDAL reads, through a pipeline that the user wrote; an optional dependency (extra ``pdal``).

The pipeline's reader is given the source as its file; filters run as they stand, writers are refused. A pipeline that
can stream is read in chunks, twice: once for the box and the count, once for the points. One that cannot is held in
memory whole, by PDAL. A stream cannot be entered in the middle, so a file is one task.

References
----------
pdal.io: pipeline JSON; python.pdal.io: Pipeline, iterator, arrays, srswkt2.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tiles.las_extra import ExtraColumn
from tiles.point_header import PointHeader
from tiles.pointfiles.dimensions import attribute_names, attributes_of, is_extra
from tiles.pointfiles.records import Extent, counting, point_format_for, records_of
from twin.errors import ConfigError, FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from tiles.point_header import ReadParams

__all__ = ["pipeline_for", "read_chunks", "read_header"]

_PIECE_ROWS = 100_000
"""Points that PDAL hands over at once."""


def read_header(path: Path, reading: ReadParams) -> PointHeader:
    """Run the pipeline once for the box, the count and the columns.

    Raises
    ------
    ConfigError
        If PDAL is not installed, or the pipeline is none.
    FormatError
        If PDAL cannot read the source.
    """
    extent, dtype = Extent(), np.dtype([])
    with _failures(path):
        pipeline = _pipeline(path, reading)
        for table in _tables(pipeline, path):
            dtype = table.dtype
            extent.add({axis: table[axis.upper()] for axis in "xyz"})
        crs_text = _crs_text(pipeline)
    low, high = extent.box()
    scale, offset = counting(path.name, low, high)
    names = dtype.names or ()
    streams = "streamed" if getattr(pipeline, "streamable", False) else "held in memory whole: it cannot stream"
    return PointHeader(
        path=path,
        size=path.stat().st_size,
        file_format="PDAL",
        point_format=point_format_for(attribute_names(names)),
        n_points=extent.n_rows,
        scale=scale,
        offset=offset,
        mins=low,
        maxs=high,
        extra=tuple(
            ExtraColumn(field=f"extra/{name[:32]}", dtype=dtype[name].newbyteorder("<").str.replace("|", ""))
            for name in names
            if is_extra(name)
        ),
        notes=(f"read by PDAL through {Path(reading.pdal).name}, {streams}; counted in {scale[0]:g}",),
        crs_text=crs_text,
        reading=reading,
        is_seekable=False,
    )


def read_chunks(header: PointHeader, start: int, stop: int, chunk_rows: int) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield (first row, records)."""
    row = 0
    with _failures(header.path):
        for table in _tables(_pipeline(header.path, header.reading), header.path):
            for at in range(max(start - row, 0), min(stop - row, len(table)), chunk_rows):
                part = table[at : min(at + chunk_rows, stop - row)]
                axes = {axis: part[axis.upper()].astype(np.float64) for axis in "xyz"}
                named = {name: part[name] for name in part.dtype.names or ()}
                yield row + at, records_of(header, axes, attributes_of(named, header.extra, header.path.name))
            row += len(table)
            if row >= stop:
                return
    raise FormatError(f"{header.path.name}: PDAL gave {row} points, {header.n_points} the first time")


def pipeline_for(path: Path, text: str, where: str) -> str:
    """Return a pipeline's JSON with `path` as the file that it reads.

    Raises
    ------
    ConfigError
        If the text is no pipeline, or writes files.
    """
    try:
        content = json.loads(text)
        stages = list(content["pipeline"] if isinstance(content, dict) else content)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ConfigError(f"{where}: not a PDAL pipeline; write JSON such as [{{'type': 'readers.bpf'}}]") from None
    if any(not isinstance(stage, str | dict) for stage in stages):
        raise ConfigError(f"{where}: a stage of a PDAL pipeline is a name or an object")
    kinds = [str(stage.get("type", "")) if isinstance(stage, dict) else "" for stage in stages]
    if any(kind.startswith("writers.") for kind in kinds) or any(isinstance(stage, str) for stage in stages[1:]):
        raise ConfigError(f"{where}: the pipeline writes a file; leave writers out, the points come into the store")
    readers = [number for number, kind in enumerate(kinds) if kind.startswith("readers.")]
    if len(readers) > 1:
        raise ConfigError(f"{where}: the pipeline has {len(readers)} readers; one is given each source in turn")
    if readers:
        stages[readers[0]] = {**stages[readers[0]], "filename": str(path)}
    elif stages and (isinstance(stages[0], str) or "filename" in stages[0]):
        stages[0] = str(path)
    else:
        stages = [str(path), *stages]
    return json.dumps({"pipeline": stages})


def _pipeline(path: Path, reading: ReadParams) -> Any:
    try:
        text = Path(reading.pdal).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--pdal {reading.pdal}: cannot be read: {error}") from None
    described = pipeline_for(path, text, f"--pdal {reading.pdal}")
    try:
        import pdal
    except ImportError:
        raise ConfigError(
            "--pdal: PDAL for Python is not installed; install it with its library, such as conda install -c"
            " conda-forge python-pdal, or pip install city-twin[pdal] beside a libpdal"
        ) from None
    return pdal.Pipeline(described)


def _tables(pipeline: Any, path: Path) -> Iterator[NDArray[Any]]:
    """Yield structured arrays of points."""
    if getattr(pipeline, "streamable", False):
        tables = pipeline.iterator(chunk_size=_PIECE_ROWS)
    else:
        pipeline.execute()
        tables = pipeline.arrays
    for table in tables:
        if not {"X", "Y", "Z"} <= set(table.dtype.names or ()):
            raise FormatError(f"{path.name}: PDAL gives points without X, Y and Z")
        for name in "XYZ":
            if not np.isfinite(table[name]).all():
                raise FormatError(f"{path.name}: PDAL gives points whose {name} is no number; filter them out")
        if len(table):
            yield table


def _crs_text(pipeline: Any) -> str:
    """Return the CRS of the points, empty if PDAL knows none; a stream may know it only from a look at the file."""
    try:
        if text := str(pipeline.srswkt2 or ""):
            return text
    except (RuntimeError, AttributeError):
        pass
    try:
        looks = pipeline.quickinfo
    except (RuntimeError, AttributeError):
        return ""
    for look in looks.values() if isinstance(looks, dict) else ():
        if text := str((look.get("srs") or {}).get("wkt") or ""):
            return text
    return ""


@contextmanager
def _failures(path: Path) -> Iterator[None]:
    """Turn what PDAL raises into our errors."""
    try:
        yield
    except RuntimeError as error:
        raise FormatError(f"{path.name}: PDAL: {' '.join(str(error).split())[:200]}") from None
