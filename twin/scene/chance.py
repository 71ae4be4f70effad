"""Counter-based random numbers: a draw is a function of a key and a counter, so that order does not matter.

The mixing function is SplitMix64's finaliser (Steele, Lea, Flood 2014), which passes BigCrush when counted through.
Compiled code draws with `uniform` and `normal`; object placement in plain NumPy uses `stream`.
"""

from __future__ import annotations

import math

import numpy as np
from numba import uint64
from numpy.random import Generator, Philox

from twin.scene.compiled import compiled

__all__ = ["key_of", "mix", "normal", "rough_normal", "stream", "uniform"]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_ULP = 1.0 / 9007199254740992.0


@compiled
def mix(key: int | np.uint64, counter: int | np.uint64) -> np.uint64:
    """Return the key of the `counter`-th child of `key` (both 64-bit)."""
    z = uint64(key) + (uint64(counter) + uint64(1)) * _GOLDEN
    z = (z ^ (z >> _S30)) * _M1
    z = (z ^ (z >> _S27)) * _M2
    return z ^ (z >> _S31)


@compiled
def uniform(key: int | np.uint64, counter: int | np.uint64) -> float:
    """Return draw number `counter` of `key`, in [0, 1)."""
    return float(mix(key, counter) >> _S11) * _ULP


@compiled
def normal(key: int | np.uint64, counter: int) -> float:
    """Return a standard normal draw (Box and Muller 1958); uses counters `counter` and `counter` + 1."""
    radius = math.sqrt(-2.0 * math.log(1.0 - uniform(key, counter)))
    return radius * math.cos(2.0 * math.pi * uniform(key, counter + 1))


@compiled
def rough_normal(key: int | np.uint64, counter: int) -> float:
    """Return a draw of about standard normal shape: the sum of four uniform ones out of one word; within 3.5."""
    word = mix(key, counter)
    total = uint64(0)
    for shift in range(0, 64, 16):
        total += (word >> uint64(shift)) & uint64(0xFFFF)
    return (float(total) - 131070.0) / 37837.23


def key_of(seed: int, *where: int) -> np.uint64:
    """Return the key of one place of the scene, named by integers; the same as nested `mix`."""
    word = 0xFFFFFFFFFFFFFFFF
    key = seed & word
    for part in where:
        z = (key + (part + 1) * int(_GOLDEN)) & word
        z = ((z ^ (z >> 30)) * int(_M1)) & word
        z = ((z ^ (z >> 27)) * int(_M2)) & word
        key = z ^ (z >> 31)
    return np.uint64(key)


def stream(seed: int, *where: int) -> Generator:
    """Return NumPy's generator for one place of the scene, named by integers."""
    word = 0
    for part in where:
        word = (word * 0x100000001B3 + part + 0x9E3779B9) & 0xFFFFFFFFFFFFFFFF
    return Generator(Philox(key=np.array([seed & 0xFFFFFFFFFFFFFFFF, word], np.uint64)))
