"""Kernels that gather points into planes: growing from the flattest points, merging, and settling border points."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from pipelines.roofs.normals import least_spread

__all__ = ["UNASSIGNED", "WALL", "filled", "fit_height", "grow", "merge", "moments", "settle"]

UNASSIGNED = -1
"""Label of a point in no plane."""
WALL = -2
"""Label of a point in a steep plane."""

_LEAST_WIDTH_M = 0.08
"""Least standard deviation of a roof plane's points across it, as seen from above, metres: a strip of 0.3 m. One scan
line lies on many planes and fixes none."""


@nb.njit(cache=True)
def grow(xyz: Any, index: Any, normals: Any, order: Any, limits: Any) -> Any:  # noqa: C901 - one queue
    """Grow planes from the flattest points outwards.

    Parameters
    ----------
    xyz, index, normals
        Points (n, 3), neighbours (n, k), unit normals (n, 3).
    order
        Seeds, flattest first, (s,).
    limits
        Farthest distance from the plane in metres, least cosine between normals, least upward component of a roof's
        normal, fewest points.

    Returns
    -------
    Labels (n,) int32, and the number of roof planes.
    """
    reach, cosine, upward, fewest = limits
    n, k = index.shape
    label = np.full(n, UNASSIGNED, np.int32)
    queue = np.empty(n, np.int32)
    tried = np.zeros(n, np.int32)
    sums = np.empty(10)
    planes = 0
    attempt = 0
    for seed in order:
        if label[seed] != UNASSIGNED or tried[seed] > 0:
            continue
        attempt += 1
        a, b, c = normals[seed, 0], normals[seed, 1], normals[seed, 2]
        d = a * xyz[seed, 0] + b * xyz[seed, 1] + c * xyz[seed, 2]
        sums[:] = 0.0
        _add(sums, xyz[seed])
        queue[0] = seed
        tried[seed] = attempt
        head, tail, refit = 0, 1, 6
        while head < tail:
            p = queue[head]
            head += 1
            for t in range(k):
                q = index[p, t]
                if label[q] != UNASSIGNED or tried[q] == attempt:
                    continue
                if abs(a * xyz[q, 0] + b * xyz[q, 1] + c * xyz[q, 2] - d) > reach:
                    continue
                if abs(a * normals[q, 0] + b * normals[q, 1] + c * normals[q, 2]) < cosine:
                    continue
                tried[q] = attempt
                queue[tail] = q
                tail += 1
                _add(sums, xyz[q])
                if tail >= refit:
                    a, b, c, d = _plane_of(sums)
                    refit = tail + tail // 2
        if tail < fewest:
            for t in range(1, tail):
                tried[queue[t]] = 0
            continue
        a, b, c, d = _plane_of(sums)
        if c >= upward and _width(sums) < _LEAST_WIDTH_M:
            continue
        name = planes if c >= upward else WALL
        for t in range(tail):
            label[queue[t]] = name
        if name != WALL:
            planes += 1
    return label, planes


@nb.njit(cache=True)
def _add(sums: Any, point: Any) -> None:
    x, y, z = point[0], point[1], point[2]
    sums[0] += 1.0
    sums[1] += x
    sums[2] += y
    sums[3] += z
    sums[4] += x * x
    sums[5] += x * y
    sums[6] += x * z
    sums[7] += y * y
    sums[8] += y * z
    sums[9] += z * z


@nb.njit(cache=True)
def _plane_of(s: Any) -> Any:
    n = s[0]
    x, y, z = s[1] / n, s[2] / n, s[3] / n
    _, a, b, c = least_spread(
        s[4] / n - x * x, s[5] / n - x * y, s[6] / n - x * z, s[7] / n - y * y, s[8] / n - y * z, s[9] / n - z * z
    )
    return a, b, c, a * x + b * y + c * z


@nb.njit(cache=True)
def _width(s: Any) -> Any:
    """Least standard deviation of summed points in plan."""
    n = s[0]
    xx, xy, yy = s[4] / n - (s[1] / n) ** 2, s[5] / n - s[1] * s[2] / n**2, s[7] / n - (s[2] / n) ** 2
    least = 0.5 * (xx + yy) - np.sqrt(0.25 * (xx - yy) ** 2 + xy * xy)
    return np.sqrt(max(least, 0.0))


@nb.njit(cache=True)
def moments(xyz: Any, label: Any, planes: int) -> Any:
    """Sum 1, x, y, z, xx, xy, xz, yy, yz, zz over the points of each plane, (planes, 10)."""
    sums = np.zeros((planes, 10))
    for p in range(label.size):
        if label[p] >= 0:
            _add(sums[label[p]], xyz[p])
    return sums


@nb.njit(cache=True)
def fit_height(s: Any) -> Any:
    """Least-squares ``z = a x + b y + c`` of summed points, and the mean of its squared residuals."""
    n = s[0]
    x, y, z = s[1] / n, s[2] / n, s[3] / n
    xx, xy, xz = s[4] / n - x * x, s[5] / n - x * y, s[6] / n - x * z
    yy, yz, zz = s[7] / n - y * y, s[8] / n - y * z, s[9] / n - z * z
    det = xx * yy - xy * xy
    a = b = 0.0
    if det > 1e-6 * (xx + yy) ** 2:
        a, b = (xz * yy - yz * xy) / det, (yz * xx - xz * xy) / det
    return a, b, z - a * x - b * y, max(zz - a * xz - b * yz, 0.0)


@nb.njit(cache=True)
def misfit(s: Any, a: float, b: float, c: float) -> Any:
    """Mean of the squared vertical residuals of summed points about a given plane."""
    n = s[0]
    total = s[9] + a * a * s[4] + b * b * s[7] + c * c * n
    total += 2.0 * (a * b * s[5] + a * c * s[1] + b * c * s[2] - a * s[6] - b * s[8] - c * s[3])
    return max(total / n, 0.0)


@nb.njit(cache=True)
def merge(xyz: Any, index: Any, label: Any, planes: int, tolerance: float) -> Any:  # noqa: C901 - one table of pairs
    """Join neighbouring planes, the best pair first, while the common plane fits the points of both.

    Two planes join if the mean square that each one's points gain in misfit stays below the square of `tolerance`,
    measured across the plane.

    Returns
    -------
    New labels, and how many planes are left; numbered by their first point.
    """
    sums = moments(xyz, label, planes)
    near = np.zeros((planes, planes), np.bool_)
    for p in range(label.size):
        if label[p] < 0:
            continue
        for t in range(min(8, index.shape[1])):
            other = label[index[p, t]]
            if other >= 0 and other != label[p]:
                near[label[p], other] = near[other, label[p]] = True
    own = np.empty(planes)
    cost = np.full((planes, planes), np.inf)
    for i in range(planes):
        own[i] = fit_height(sums[i])[3]
    for i in range(planes):
        for j in range(i):
            if near[i, j]:
                cost[i, j] = _joint(sums[i], sums[j], own[i], own[j])
    into = np.arange(planes)
    limit = tolerance * tolerance
    while planes > 1:
        flat = int(cost.argmin())
        i, j = flat // planes, flat % planes
        if not cost[i, j] <= limit:
            break
        into[i] = j
        sums[j] += sums[i]
        own[j] = fit_height(sums[j])[3]
        for m in range(planes):
            cost[i, m] = cost[m, i] = np.inf
            if near[i, m] and m != j and into[m] == m:
                near[j, m] = near[m, j] = True
        near[i, :] = False
        near[:, i] = False
        for m in range(planes):
            if near[j, m]:
                cost[max(j, m), min(j, m)] = _joint(sums[j], sums[m], own[j], own[m])
    fresh = np.full(planes, -1, np.int32)
    left = 0
    for p in range(label.size):
        if label[p] < 0:
            continue
        root = label[p]
        while into[root] != root:
            root = into[root]
        if fresh[root] < 0:
            fresh[root] = left
            left += 1
        label[p] = fresh[root]
    return label, left


@nb.njit(cache=True)
def _joint(one: Any, two: Any, own_one: float, own_two: float) -> Any:
    a, b, c, _ = fit_height(one + two)
    worst = max(misfit(one, a, b, c) - own_one, misfit(two, a, b, c) - own_two)
    return worst / (1.0 + a * a + b * b)


@nb.njit(cache=True)
def settle(xyz: Any, index: Any, label: Any, coefficients: Any, limits: Any) -> int:  # noqa: C901 - one vote a point
    """Give each point the plane of itself or a neighbour that fits best, where its neighbours agree.

    The cost of a plane is the squared distance in units of the noise plus `pull` times the share of neighbours with
    another label; that of none is the squared reach plus the same. One round, in the order of the points, in place.

    Parameters
    ----------
    xyz, index, label, coefficients
        Points, neighbours, labels (changed), planes (m, 3).
    limits
        Noise in metres, reach in metres, pull.

    Returns
    -------
    Number of points that changed.
    """
    noise, reach, pull = limits
    n, k = index.shape
    seen = np.empty(k + 2, np.int32)
    votes = np.empty(k + 2)
    changed = 0
    for p in range(n):
        if label[p] == WALL:
            continue
        seen[0], votes[0] = UNASSIGNED, 0.0
        seen[1], votes[1] = label[p], 0.0
        m = 2 if label[p] >= 0 else 1
        for t in range(k):
            other = label[index[p, t]]
            if other == WALL:
                other = UNASSIGNED
            s = 0
            while s < m and seen[s] != other:
                s += 1
            if s == m:
                seen[m], votes[m] = other, 0.0
                m += 1
            votes[s] += 1.0
        if m == 1:
            continue
        best, chosen = np.inf, label[p]
        for s in range(m):
            if seen[s] == UNASSIGNED:
                cost = (reach / noise) ** 2
            else:
                a, b, c = coefficients[seen[s], 0], coefficients[seen[s], 1], coefficients[seen[s], 2]
                distance = abs(xyz[p, 2] - a * xyz[p, 0] - b * xyz[p, 1] - c) / np.sqrt(1.0 + a * a + b * b)
                if distance > reach:
                    continue
                cost = (distance / noise) ** 2
            cost -= pull * votes[s] / k
            if cost < best or (cost == best and seen[s] < chosen):
                best, chosen = cost, seen[s]
        if chosen != label[p]:
            label[p] = chosen
            changed += 1
    return changed


@nb.njit(cache=True)
def filled(index: Any, label: Any, planes: int) -> Any:
    """Count, for each plane, which share of its points' neighbours in the plane or in none are in the plane.

    Nearly 1 for roofs; about a half for a plane laid through the leaves of a tree.
    """
    own, none = np.zeros(planes), np.zeros(planes)
    for p in range(label.size):
        if label[p] < 0:
            continue
        for t in range(index.shape[1]):
            other = label[index[p, t]]
            if other == label[p]:
                own[label[p]] += 1.0
            elif other < 0:
                none[label[p]] += 1.0
    return own / np.maximum(own + none, 1.0)
