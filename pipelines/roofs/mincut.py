"""Exact minimum cuts of small graphs, and labels by alpha expansion on them."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

__all__ = ["expand", "link", "minimum_cut"]


@nb.njit(cache=True)
def link(n: int, pairs: Any) -> Any:
    """List the arcs at each node; arc 2e runs along pair e, arc 2e + 1 against it.

    Parameters
    ----------
    n
        Nodes.
    pairs
        (e, 2) nodes.

    Returns
    -------
    First arc of each node (n + 1,), and the arcs (2 e,).
    """
    start = np.zeros(n + 1, np.int64)
    for e in range(len(pairs)):
        start[pairs[e, 0] + 1] += 1
        start[pairs[e, 1] + 1] += 1
    for i in range(n):
        start[i + 1] += start[i]
    fill = start[:-1].copy()
    arcs = np.empty(2 * len(pairs), np.int64)
    for e in range(len(pairs)):
        for way in range(2):
            i = pairs[e, way]
            arcs[fill[i]] = 2 * e + way
            fill[i] += 1
    return start, arcs


@nb.njit(cache=True)
def minimum_cut(pairs: Any, links: Any, surplus: Any, capacity: Any) -> Any:  # noqa: C901 - one loop over layers
    """Part a graph into a source side and a sink side at the least cost, exactly (Dinic's algorithm).

    Graphs of roofs have 5 to 300 nodes; a call takes 4 to 80 µs, where scipy's maximum flow took 430 to 710, most of it
    for building the matrix.

    Parameters
    ----------
    pairs
        (e, 2) nodes.
    links
        From `link`.
    surplus
        (n,) int64: what the source delivers to a node (positive), or the node to the sink (negative). Changed.
    capacity
        (2 e,) int64: of arc 2e from the pair's first to its second node, and of 2e + 1 back. Changed.

    Returns
    -------
    (n,) bool: whether a node lies on the sink's side in the cut with the smallest such side.
    """
    start, arcs = links
    n = surplus.size
    level = np.empty(n, np.int64)
    queue = np.empty(n, np.int64)
    turn = np.empty(n, np.int64)
    path = np.empty(n + 1, np.int64)
    while True:
        level[:] = -1
        tail = 0
        for i in range(n):
            if surplus[i] > 0:
                level[i] = 0
                queue[tail] = i
                tail += 1
        head, met = 0, False
        while head < tail:
            i = queue[head]
            head += 1
            met = met or surplus[i] < 0
            for s in range(start[i], start[i + 1]):
                a = arcs[s]
                j = pairs[a // 2, 1 - a % 2]
                if capacity[a] > 0 and level[j] < 0:
                    level[j] = level[i] + 1
                    queue[tail] = j
                    tail += 1
        if not met:
            break
        turn[:] = start[:-1]
        for source in range(n):
            while surplus[source] > 0:
                # Walk down the layers to a node that drains into the sink, stepping back from dead ends.
                i, depth = source, 0
                while surplus[i] >= 0:
                    moved = False
                    while turn[i] < start[i + 1]:
                        a = arcs[turn[i]]
                        j = pairs[a // 2, 1 - a % 2]
                        if capacity[a] > 0 and level[j] == level[i] + 1:
                            moved = True
                            break
                        turn[i] += 1
                    if moved:
                        path[depth] = a
                        depth += 1
                        i = j
                    elif depth > 0:
                        depth -= 1
                        i = pairs[path[depth] // 2, path[depth] % 2]
                        turn[i] += 1
                    else:
                        break
                if surplus[i] >= 0:
                    break
                flow = min(surplus[source], -surplus[i])
                for d in range(depth):
                    flow = min(flow, capacity[path[d]])
                surplus[source] -= flow
                surplus[i] += flow
                for d in range(depth):
                    capacity[path[d]] -= flow
                    capacity[path[d] ^ 1] += flow
    sink = np.zeros(n, np.bool_)
    head = tail = 0
    for i in range(n):
        if surplus[i] < 0:
            sink[i] = True
            queue[tail] = i
            tail += 1
    while head < tail:
        i = queue[head]
        head += 1
        for s in range(start[i], start[i + 1]):
            a = arcs[s]
            j = pairs[a // 2, 1 - a % 2]
            if capacity[a ^ 1] > 0 and not sink[j]:
                sink[j] = True
                queue[tail] = j
                tail += 1
    return sink


@nb.njit(cache=True)
def expand(cost: Any, pairs: Any, between: Any, label: Any, sweeps: int) -> Any:
    """Improve labels by alpha expansion: each label in turn may take over any set of nodes, the best one exactly.

    Parameters
    ----------
    cost
        (n, labels) int64: of each label at each node.
    pairs
        (e, 2) neighbouring nodes.
    between
        Pair weights: constant part (e,), heights of all labels at both ends of each edge (e, 2, labels), weight of a
        step (e,), height at which steps cost no more. The cost of two labels is the constant plus the weight times
        the mean step as a share of that height, at most 1: a metric, so every expansion is a minimum cut.
    label
        (n,) int32 to begin with; changed.
    sweeps
        Most rounds over all labels.

    Returns
    -------
    Cost of the final labels, int64.
    """
    n, labels = cost.shape
    links = link(n, pairs)
    surplus = np.empty(n, np.int64)
    capacity = np.empty(2 * len(pairs), np.int64)
    best = _total(cost, pairs, between, label)
    trial = label.copy()
    for _ in range(sweeps):
        improved = False
        for alpha in range(labels):
            for i in range(n):
                surplus[i] = cost[i, alpha] - cost[i, label[i]]
            for e in range(len(pairs)):
                i, j = pairs[e, 0], pairs[e, 1]
                both = _between(between, e, label[i], label[j])
                first = _between(between, e, label[i], alpha)
                second = _between(between, e, alpha, label[j])
                surplus[i] += second - both
                surplus[j] -= second
                capacity[2 * e] = max(first + second - both, 0)
                capacity[2 * e + 1] = 0
            sink = minimum_cut(pairs, links, surplus, capacity)
            for i in range(n):
                trial[i] = alpha if sink[i] else label[i]
            total = _total(cost, pairs, between, trial)
            if total < best:
                best = total
                label[:] = trial
                improved = True
        if not improved:
            break
    return best


@nb.njit(cache=True)
def _between(between: Any, e: int, one: int, two: int) -> Any:
    constant, heights, weight, cap = between
    if one == two:
        return np.int64(0)
    step = 0.5 * (abs(heights[e, 0, one] - heights[e, 0, two]) + abs(heights[e, 1, one] - heights[e, 1, two]))
    return np.int64(constant[e] + weight[e] * min(step / cap, 1.0))


@nb.njit(cache=True)
def _total(cost: Any, pairs: Any, between: Any, label: Any) -> Any:
    total = np.int64(0)
    for i in range(label.size):
        total += cost[i, label[i]]
    for e in range(len(pairs)):
        total += _between(between, e, label[pairs[e, 0]], label[pairs[e, 1]])
    return total
