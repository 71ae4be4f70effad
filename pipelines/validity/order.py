"""One sort for all kernels: each compiled copy of NumPy's costs two seconds of compilation."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

__all__ = ["order_of"]


@nb.njit(cache=True)
def order_of(keys: Any) -> Any:
    """Return the order in which the keys ascend; equal keys stay as they are (merge sort).

    Examples
    --------
    >>> order_of(np.array([3, 1, 3, 2])).tolist()
    [1, 3, 0, 2]
    """
    n = len(keys)
    order, spare = np.empty(n, np.int64), np.empty(n, np.int64)
    for i in range(n):
        order[i] = i
    width = 1
    while width < n:
        for start in range(0, n, 2 * width):
            middle, stop = min(start + width, n), min(start + 2 * width, n)
            i, j = start, middle
            for k in range(start, stop):
                if i < middle and (j >= stop or keys[order[i]] <= keys[order[j]]):
                    spare[k] = order[i]
                    i += 1
                else:
                    spare[k] = order[j]
                    j += 1
        order, spare = spare, order
        width *= 2
    return order
