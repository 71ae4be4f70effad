"""Order of a few numbers, for kernels: sorting by insertion compiles in a blink and is fastest for up to 30."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

__all__ = ["ascending"]


@nb.njit(cache=True)
def ascending(values: Any) -> Any:
    """Places of the values in ascending order; equal ones keep theirs. Shape (n,) int64."""
    order = np.arange(len(values))
    for i in range(1, len(values)):
        k = i
        while k > 0 and values[order[k - 1]] > values[i]:
            order[k] = order[k - 1]
            k -= 1
        order[k] = i
    return order
