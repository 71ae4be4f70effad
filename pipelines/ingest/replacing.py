"""A file that takes the place of one that is in: found by its name, and never without being asked for.

A contractor who corrects a strip delivers it again under the same name. Added to the old one it would double every
point of it, so a name that is in already, with other bytes, is refused unless replacing was asked for.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pipelines.ingest.admission import Admission
    from tiles.manifest import SourceRow

__all__ = ["doubtful_columns", "is_apart", "matched", "roots_of"]


def matched(
    fresh: Sequence[Admission], present: Sequence[SourceRow], replace: bool
) -> tuple[dict[str, SourceRow], dict[str, str]]:
    """Find the files that those of a delivery take the place of.

    Parameters
    ----------
    fresh
        Files whose bytes are not in the epoch.
    present
        Files that are, and may hold the same points.
    replace
        Whether replacing was asked for.

    Returns
    -------
    tuple
        The file that gives way, by the digest of the one that comes; and why files are refused, by their sources.
    """
    named: defaultdict[str, list[SourceRow]] = defaultdict(list)
    for row in present:
        named[_name(row.uri)].append(row)
    coming: defaultdict[str, list[Admission]] = defaultdict(list)
    for admission in fresh:
        if _name(admission.source) in named:
            coming[_name(admission.source)].append(admission)
    gives_way: dict[str, SourceRow] = {}
    reasons: dict[str, str] = {}
    for name, admissions in coming.items():
        if not replace:
            reasons |= {one.source: _unasked(name, named[name]) for one in admissions}
            continue
        pairs = _paired(admissions, named[name])
        gives_way |= pairs
        reasons |= {one.source: _unclear(name, named[name]) for one in admissions if one.digest not in pairs}
    return gives_way, reasons


def is_apart(row: SourceRow, bbox: tuple[float, float, float, float] | None) -> bool:
    """Whether a file was cut to a box that does not meet that of this delivery: another piece, not another version."""
    there = row.meta.get("read", {}).get("bbox")
    if bbox is None or not there:
        return False
    (xmin, ymin, xmax, ymax), (west, south, east, north) = bbox, there
    return bool(east <= xmin or xmax <= west or north <= ymin or ymax <= south)


def roots_of(row: SourceRow) -> set[tuple[int, int]]:
    """Return column and row of the level-0 tiles that a file's points lie in."""
    return {(int(x), int(y)) for x, y in row.meta["level0"]}


def doubtful_columns(gone: Iterable[SourceRow], staying: Sequence[SourceRow]) -> Mapping[str, tuple[int, ...]]:
    """Return the columns that tiles may have only because of files that are gone, and the numbers of others with them.

    Where none of those has points, a tile must lose the column, as if it had never been.
    """
    names = {name for row in gone for name in row.meta["columns"]}
    brought = {name: tuple(row.id for row in staying if name in row.meta["columns"]) for name in sorted(names)}
    return {name: ids for name, ids in brought.items() if len(ids) < len(staying)}


def _name(uri: str) -> str:
    """Return what a file is called; every EPT data set is a folder with an ``ept.json``."""
    path = Path(uri)
    return f"{path.parent.name}/{path.name}" if path.name == "ept.json" else path.name


def _paired(admissions: Sequence[Admission], rows: Sequence[SourceRow]) -> dict[str, SourceRow]:
    """Pair files of one name: those of the same path, then the one that is left with the one that is left."""
    pairs: dict[str, SourceRow] = {}
    for admission in admissions:
        same = [row for row in rows if row.uri == admission.source]
        if len(same) == 1:
            pairs[admission.digest] = same[0]
    taken = {row.id for row in pairs.values()}
    left = [row for row in rows if row.id not in taken]
    unpaired = [admission for admission in admissions if admission.digest not in pairs]
    if len(left) == len(unpaired) == 1:
        pairs[unpaired[0].digest] = left[0]
    return pairs


def _unasked(name: str, rows: Sequence[SourceRow]) -> str:
    return (
        f"{name}: another file of this name is in already ({_digests(rows)}), and adding this one would count every"
        " point of it twice; give --replace to put it in the other's place, --epoch if it is a new survey, or another"
        " name if it is another part of this one"
    )


def _unclear(name: str, rows: Sequence[SourceRow]) -> str:
    return (
        f"{name}: it is not clear which file of this name it replaces ({_digests(rows)}); deliver it from the same"
        " path as the other, or one file of this name at a time"
    )


def _digests(rows: Sequence[SourceRow]) -> str:
    return ", ".join(f"number {row.id}, digest {row.digest[:8]}, {row.n_points:,} points" for row in rows)
