"""Which flight strip each point belongs to, across all files of a delivery.

A strip is all points of one point source id, in whatever files they are, with no gap of an hour in between (ids are
used again on another day). Ids are believed if nearly all points have one and they vary as strips do: not one id for
times that fall apart into several runs, and not a number of its own for every file, which would be a number of files.
Else a strip is a run of time without a gap of `AcceptanceParams.strip_gap_s`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from pipelines.acceptance.times import NO_TIME, second_of_key, source_of_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["StripRule", "StripTable", "find_strips"]

StripRule = Literal["source", "time", "none"]
_REUSE_GAP_S = 3600
"""Seconds after which the same id is another strip: no line is flown for an hour, and a day has one take-off or two."""
_ZERO = 1 << 41


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StripTable:
    """The strips of a delivery, numbered by id and then by time, or by time."""

    rule: StripRule
    """Told by point source ids, by times, or not at all: then all is one strip."""
    heads: NDArray[np.int64]
    """First key of each strip, ascending: (id, second) as in `times`, or a second."""
    source_ids: NDArray[np.int64]
    """Point source id of each strip; -1 where times tell."""
    first: NDArray[np.int64]
    """First second of each strip; `NO_TIME` where there is none."""
    last: NDArray[np.int64]
    greatest_gap_s: NDArray[np.int64]
    """Longest time without a point within each strip, whole seconds, rounded down."""

    def __len__(self) -> int:
        return len(self.heads)

    def of_labels(self, labels: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the strip of each label; `labels` holds (id, first second), shape (m, 2)."""
        if self.rule == "none" or not len(labels):
            return np.zeros(len(labels), np.int32)
        if self.rule == "time":
            found = np.searchsorted(self.heads, labels[:, 1], "right") - 1
            return np.maximum(found, 0).astype(np.int32)
        keys = (labels[:, 0] << 42) | (labels[:, 1] + _ZERO)
        found = np.maximum(np.searchsorted(self.heads, keys, "right") - 1, 0)
        # A label without a time of its own precedes its id's first strip.
        found += source_of_key(self.heads[found]) < labels[:, 0]
        return np.minimum(found, len(self.heads) - 1).astype(np.int32)

    def name(self, strip: int) -> str:
        """Return what people call a strip: its point source id, or its number in the order of flight."""
        if self.rule != "source":
            return f"#{strip + 1}"
        same = np.flatnonzero(self.source_ids == self.source_ids[strip])
        part = f"/{1 + int(np.searchsorted(same, strip))}" if same.size > 1 else ""
        return f"{self.source_ids[strip]}{part}"


def find_strips(by_file: Sequence[NDArray[np.int64]], share_without_id: float, gap_s: float) -> StripTable:
    """Tell the strips of a delivery.

    Parameters
    ----------
    by_file
        Sorted keys of (id, second) of each file (`times.Times.keys`), shape (m,).
    share_without_id
        Share of points whose id is 0.
    gap_s
        Seconds without a point that end a strip where times tell.
    """
    filled = [keys for keys in by_file if len(keys)]
    keys = np.unique(np.concatenate(filled)) if filled else np.empty(0, np.int64)
    seconds = np.unique(second_of_key(keys))
    has_times = bool((seconds > NO_TIME).any())
    if share_without_id <= 0.01 and _ids_vary(filled, keys, seconds, gap_s):
        return _table("source", keys, second_of_key(keys), source_of_key(keys), _REUSE_GAP_S)
    if has_times:
        return _table("time", seconds, seconds, np.full(len(seconds), -1), gap_s)
    return _table("none", keys[:1], second_of_key(keys[:1]), np.full(len(keys[:1]), -1), gap_s)


def _ids_vary(
    by_file: Sequence[NDArray[np.int64]], keys: NDArray[np.int64], seconds: NDArray[np.int64], gap_s: float
) -> bool:
    """Whether ids tell strips rather than nothing, or files."""
    ids = np.unique(source_of_key(keys))
    n_runs = 1 + int(np.count_nonzero(np.diff(seconds) > gap_s))
    if ids.size == 1:
        return n_runs == 1
    each = [np.unique(source_of_key(part)) for part in by_file]
    is_number_of_file = len(by_file) > 1 and all(part.size == 1 for part in each) and ids.size == len(by_file)
    if not is_number_of_file:
        return True
    # One strip a file is a usual way to deliver too; then each file is one run of time.
    return all(np.count_nonzero(np.diff(second_of_key(part)) > gap_s) == 0 for part in by_file)


def _table(
    rule: StripRule, heads: NDArray[np.int64], seconds: NDArray[np.int64], ids: NDArray[np.int64], gap_s: float
) -> StripTable:
    steps = np.diff(seconds)
    same_id = np.diff(ids) == 0
    starts = np.flatnonzero(np.r_[np.full(min(1, len(heads)), True), ~same_id | (steps > gap_s)])
    stops = np.r_[starts[1:], len(heads)].astype(np.int64)
    gaps = [int(steps[a : b - 1].max(initial=1)) - 1 for a, b in zip(starts, stops, strict=True)]
    return StripTable(
        rule=rule,
        heads=heads[starts],
        source_ids=ids[starts],
        first=seconds[starts],
        last=seconds[stops - 1],
        greatest_gap_s=np.array(gaps, np.int64),
    )
