"""How each column is compressed at rest.

Profile ``compact`` uses PCodec for numbers of two bytes and more, which halves the size of coordinates beside any byte
codec; profile ``portable`` uses only codecs of the Zarr core, for readers that know nothing else. Measured per column
on airborne tiles: PCodec level 8 beats blosc-zstd with shuffle by 25-45 % on X, Y, Z and GPS time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numcodecs.blosc

if TYPE_CHECKING:
    import numpy as np

__all__ = [
    "CHUNK_POINTS",
    "PCODEC_LEVEL",
    "Codec",
    "CodecProfile",
    "chunk_length",
    "codec_of",
    "zstd_level",
]

CodecProfile = Literal["compact", "portable"]
Codec = Literal["pcodec", "blosc"]

CHUNK_POINTS = 65_536
"""Most points in one chunk: 256 KiB of int32, small enough to prune by box, large enough to compress."""

PCODEC_LEVEL = 8
ZSTD_LEVEL = 3
"""Level 5 is 1 % smaller and twice as slow on wide columns."""
ZSTD_LEVEL_BYTES = 5
"""Of columns of one byte: 8 to 11 % smaller than level 3 for 0.03 s a million points; level 9 takes 0.8 s."""

numcodecs.blosc.use_threads = False  # parallelism is over tiles, never inside one


def chunk_length(n_points: int) -> int:
    """Return the points in each chunk of a column: as few equal chunks as may be.

    Filling up a last chunk that is nearly empty costs 2 to 5 % of a small tile.

    Examples
    --------
    >>> chunk_length(60_000), chunk_length(65_537), chunk_length(0)
    (60000, 32769, 1)
    """
    n_chunks = max(1, -(-n_points // CHUNK_POINTS))
    return max(1, -(-n_points // n_chunks))


def codec_of(dtype: np.dtype[Any], profile: CodecProfile) -> Codec:
    """Return the codec of a column's type in a profile."""
    return "pcodec" if profile == "compact" and dtype.itemsize >= 2 else "blosc"


def zstd_level(itemsize: int) -> int:
    """Return the level for columns with values of so many bytes."""
    return ZSTD_LEVEL if itemsize > 1 else ZSTD_LEVEL_BYTES
