"""When points were measured, and which runs of time a chunk holds: the strips before strips are known.

A strip can only be told once the whole delivery was seen. Until then each point carries the label of a *run*: points of
one point source id whose seconds follow each other within `AcceptanceParams.strip_gap_s`. A run lies in one strip,
whatever the rest of the delivery holds, so labels of all chunks and files are joined afterwards (`strips`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from pipelines.acceptance.numbering import FULL, number_of, numbered

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["NO_TIME", "RunBook", "Times", "read_times", "second_of_key", "source_of_key"]

_ZERO = 1 << 41
NO_TIME = -(1 << 40)
"""Second of points without a finite time."""
_MAX_RUNS = 4096
"""Runs in a chunk beyond which times are no order at all, and only the point source id counts."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Times:
    """What a chunk says of times."""

    keys: NDArray[np.int64]
    """Sorted keys of (point source id, second), each once, shape (m,)."""
    entry: NDArray[np.int32]
    """Number of each point's key, shape (n,)."""
    n_back: int
    """Points that were measured before the point in front of them."""
    ends: tuple[float, float] | None
    """Time of the first and of the last point that has one; None if none has."""


def second_of_key(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the whole seconds of keys."""
    return (keys & ((1 << 42) - 1)) - _ZERO


def source_of_key(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the point source ids of keys."""
    return keys >> 42


def read_times(records: NDArray[Any], capacity: int = 1 << 12) -> Times:
    """Find the seconds at which the points of a chunk were measured, by point source id."""
    psid = np.ascontiguousarray(records["point_source_id"])
    has_time = "gps_time" in (records.dtype.names or ())
    time = np.ascontiguousarray(records["gps_time"]) if has_time else np.full(psid.size, np.nan)

    def fill(
        keys: NDArray[np.int64], numbers: NDArray[np.int32], entry: NDArray[np.int32]
    ) -> tuple[int, int, float, float]:
        return _seconds(time, psid, keys, numbers, entry)  # type: ignore[no-any-return]

    keys, entry, (n_back, first, last) = numbered(fill, psid.size, capacity)
    ends = (float(first), float(last)) if np.isfinite(last) else None
    return Times(keys=keys, entry=entry, n_back=int(n_back), ends=ends)


@dataclass(slots=True)
class RunBook:
    """Labels of the runs that one task has met."""

    gap_s: float
    labels: list[list[int]] = field(default_factory=list)
    """Point source id, first and last second of each label."""
    by_source: dict[int, list[int]] = field(default_factory=dict)
    """Labels of each point source id."""
    counts: list[int] = field(default_factory=list)
    """Points of each label."""
    is_scrambled: bool = False
    """Whether times of a chunk were too many runs to tell strips by."""

    def label(self, times: Times) -> NDArray[np.int32]:
        """Return the label of each point of a chunk, shape (n,), and count them."""
        source, second = source_of_key(times.keys), second_of_key(times.keys)
        starts = np.flatnonzero(np.r_[True, (np.diff(source) != 0) | (np.diff(second) > self.gap_s)])
        if len(starts) > _MAX_RUNS:
            self.is_scrambled = True
            starts = np.flatnonzero(np.r_[True, np.diff(source) != 0])
            second = np.full_like(second, NO_TIME)
            if len(starts) > _MAX_RUNS:
                starts, source = starts[:1], np.zeros_like(source)
        stops = np.r_[starts[1:], len(source)]
        runs = [
            self._of(int(source[a]), int(second[a]), int(second[b - 1])) for a, b in zip(starts, stops, strict=True)
        ]
        of_key = np.repeat(np.array(runs, np.int32), stops - starts)
        labels = of_key[times.entry]
        for label, n in enumerate(np.bincount(labels, minlength=len(self.labels)).tolist()):
            self.counts[label] += n
        return labels

    def _of(self, source: int, first: int, last: int) -> int:
        """Return the label of a run: one that it touches, or a new one."""
        known = self.by_source.setdefault(source, [])
        for label in known:
            entry = self.labels[label]
            if first <= entry[2] + self.gap_s and last >= entry[1] - self.gap_s:
                entry[1], entry[2] = min(first, entry[1]), max(last, entry[2])
                return label
        label = len(self.labels)
        if label > 65_535:  # beyond what a record can name: all the rest is one
            self.is_scrambled = True
            return 65_535
        known.append(label)
        self.labels.append([source, first, last])
        self.counts.append(0)
        return label


@numba.njit(cache=True, nogil=True)
def _seconds(time: Any, psid: Any, keys: Any, numbers: Any, entry: Any) -> Any:
    """Fill each point's entry; return keys (`FULL` if the table is), points out of order, first and last time."""
    last_key, last_number, n_keys, n_back = np.int64(-1), 0, 0, 0
    before, beginning = -np.inf, np.nan
    for i in range(time.size):
        t = time[i]
        second = np.int64(NO_TIME)
        if np.isfinite(t):
            second = np.int64(np.floor(min(max(t, -1e12), 1e12)))
            if t < before:
                n_back += 1
            if before == -np.inf:
                beginning = t
            before = t
        key = (np.int64(psid[i]) << 42) | (second + _ZERO)
        if key != last_key:
            last_key, last_number = key, number_of(key, keys, numbers, n_keys)
            if last_number == FULL:
                return FULL, 0, 0.0, 0.0
            n_keys = max(n_keys, last_number + 1)
        entry[i] = last_number
    return n_keys, n_back, beginning, before
