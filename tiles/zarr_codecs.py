"""The same codecs as `tiles.codecs`, for arrays that go through the zarr library: rasters, and comparisons with ours.

Points do not: importing zarr takes a third of a second, which every worker of a small job would pay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import zarr
from zarr.codecs import BloscCodec
from zarr.codecs.numcodecs import PCodec
from zarr.registry import register_codec

from tiles.codecs import CHUNK_POINTS, PCODEC_LEVEL, chunk_length, codec_of, zstd_level

if TYPE_CHECKING:
    import numpy as np

    from tiles.codecs import CodecProfile

__all__ = ["encoding"]


class QuietPCodec(PCodec):
    """PCodec without the warning that it is no core codec, on every array opened: the store's profile says so once."""

    def __init__(self, **codec_config: Any) -> None:
        object.__setattr__(self, "codec_config", {"id": "pcodec", **codec_config})


def _configure() -> None:
    """Make zarr single-threaded below the executor: parallelism is over tiles, never inside one."""
    register_codec("numcodecs.pcodec", QuietPCodec, qualname="tiles.zarr_codecs.QuietPCodec")
    codecs = {**zarr.config.get("codecs"), "numcodecs.pcodec": "tiles.zarr_codecs.QuietPCodec"}
    zarr.config.set({"codecs": codecs, "threading.max_workers": 1, "async.concurrency": 1})


_configure()


def encoding(dtype: np.dtype[Any], n_points: int, profile: CodecProfile) -> dict[str, Any]:
    """Return the keyword arguments of `zarr.Group.create_array` for one column of `n_points` values.

    One shard holds the whole column, so a tile has one data file a column whatever its size.
    """
    chunk = chunk_length(n_points)
    shards = None if n_points <= CHUNK_POINTS else (-(-n_points // chunk) * chunk,)
    keywords: dict[str, Any] = {"chunks": (chunk,), "shards": shards, "fill_value": 0}
    if codec_of(dtype, profile) == "pcodec":
        return keywords | {"serializer": QuietPCodec(level=PCODEC_LEVEL), "compressors": None}
    shuffle: Literal["shuffle", "noshuffle"] = "shuffle" if dtype.itemsize > 1 else "noshuffle"
    return keywords | {"compressors": [BloscCodec(cname="zstd", clevel=zstd_level(dtype.itemsize), shuffle=shuffle)]}
