"""Whether files belong together: one reference system for all, and none that lies elsewhere with its axes swapped.

A file of another zone, or with x and y exchanged, can be right in all that it says of itself; only beside the others is
it seen to be wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.acceptance.planning import box_of, is_metric
from twin.acceptance import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from pipelines.acceptance.planning import System
    from pipelines.acceptance.totals import FileTotals

__all__ = ["together_findings"]

_BESIDE_M = 1000.0
"""Files with less between them are of one place; a sheet left out of a delivery of level 500 to 2500 is no wider."""
_NAMED = 3
"""Files named of each system, or of those with swapped axes; the page lists the rest."""


def together_findings(groups: Sequence[tuple[System, list[FileTotals]]]) -> list[Finding]:
    """Return remarks on files that do not go with the others; `groups` as `planning.by_system` makes them.

    Notes
    -----
    Time is quadratic in the files of a system, about 0.2 s for 5 000.
    """
    known = [(system, files) for system, files in groups if system.crs]
    swapped = [one for _, files in known for one in _swapped(files)]
    return [*_systems(known), *swapped]


def _systems(groups: Sequence[tuple[System, list[FileTotals]]]) -> Iterator[Finding]:
    n_crs = len({system.crs for system, _ in groups})
    n_datums = len({system.vertical for system, _ in groups if system.vertical})
    if n_crs < 2 and n_datums < 2:
        return
    ranked = sorted(groups, key=lambda group: (-len(group[1]), group[0]))
    listed = "; ".join(f"{system.name}: {_count(files)}" for system, files in ranked)
    listed_ja = "、".join(f"{system.name}: {_count_ja(files)}" for system, files in ranked)
    yield Finding(
        rule="systems",
        severity="warning",
        message=f"files differ in CRS or height datum: {listed}; a store holds one, ingest refuses the others",
        message_ja=f"座標系または標高の基準が異なるファイルが混在する: {listed_ja}。一つのストアに入るのは一種類のみ",
        value=float(max(n_crs, n_datums)),
        limit=1.0,
    )


def _swapped(files: Sequence[FileTotals]) -> Iterator[Finding]:
    placed = [(file, box) for file in files if is_metric(file) and (box := box_of(file)) is not None]
    if len(placed) < 3:  # of two files that lie apart nobody can say which one is right
        return
    boxes = np.array([box for _, box in placed], np.float64)
    main = _largest_place(boxes)
    away = np.flatnonzero(~main)
    if 2 * len(away) >= len(boxes):
        return
    turned = [int(i) for i in away if _gaps(boxes[i, [1, 0, 3, 2]], boxes[main]).min() <= _BESIDE_M]
    if turned:
        suspects = [placed[i][0] for i in turned]
        km = min(float(_gaps(boxes[i], boxes[main]).min()) for i in turned) / 1000
        yield Finding(
            rule="axes",
            severity="warning",
            message=f"{_count(suspects)} {km:.0f} km or more from the others would lie beside them"
            " with x and y exchanged",
            message_ja=f"他のファイルから {km:.0f} km 以上離れた {_count_ja(suspects)} は、XとYを入れ替えると隣り合う",
            value=float(len(suspects)),
            limit=0.0,
        )


def _largest_place(boxes: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which boxes are of the place with most of them; the first of equals. Shapes (n, 4) and (n,)."""
    place = np.full(len(boxes), -1)
    for first in range(len(boxes)):
        if place[first] >= 0:
            continue
        place[first] = first
        edge = [first]
        while edge:
            left = np.flatnonzero(place < 0)
            near = left[_gaps(boxes[edge.pop()], boxes[left]) <= _BESIDE_M]
            place[near] = first
            edge.extend(near.tolist())
    return np.asarray(place == np.bincount(place).argmax())


def _gaps(box: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distances in metres between a box, shape (4,), and others, shape (n, 4); 0 where they touch."""
    apart = np.maximum(others[:, :2] - box[2:], box[:2] - others[:, 2:])
    return np.asarray(np.hypot(*np.maximum(apart, 0.0).T))


def _count(files: Sequence[FileTotals]) -> str:
    n = f"{len(files):,} file{'s' if len(files) > 1 else ''}"
    return f"{n} ({_named(files)})"


def _count_ja(files: Sequence[FileTotals]) -> str:
    return f"{len(files):,} ファイル({_named(files)})"


def _named(files: Sequence[FileTotals]) -> str:
    names = sorted(file.name for file in files)
    return ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
