"""How this package's kernels are compiled: typed decorators, and a cache that notices every change of the sources.

Numba's cache on disk looks at the one file of the function it stores, so a kernel that calls into other modules would
stay stale when those change. Here the digest of the whole package is part of the cached function's name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from numba import njit

__all__ = ["cached", "compiled"]

F = TypeVar("F", bound=Callable[..., Any])


def _digest_of_package() -> str:
    sources = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.blake2b(b"\0".join(source.read_bytes() for source in sources), digest_size=6).hexdigest()


_SOURCES = _digest_of_package()
_INNER: Any = {"error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def compiled(function: F) -> F:
    """Compile a function that only compiled functions call: without wrappers for Python, which take a third longer."""
    return cast("F", njit(**_INNER)(function))


def cached(function: F) -> F:
    """Compile a function that Python calls; kept on disk where there is a place for it, and without the GIL."""
    function.__qualname__ = f"{function.__qualname__}-{_SOURCES}"
    try:
        return cast("F", njit(error_model="numpy", nogil=True, cache=True)(function))
    except RuntimeError:  # nowhere to keep it: a read-only installation without a home
        return cast("F", njit(error_model="numpy", nogil=True)(function))
