"""Vertex streams in the encoding that EXT_meshopt_compression allows: codec version 0, and every stream read back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tiles.tiles3d.vertex_codec import MAX_STRIDE, decode, encode
from twin.errors import FormatError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["encode_vertices"]


def encode_vertices(stream: NDArray[np.uint8]) -> bytes:
    """Compress one vertex stream losslessly.

    Parameters
    ----------
    stream
        Shape (n, stride), n at least 1, stride a multiple of 4 and at most 256.

    Raises
    ------
    FormatError
        If the stream has another shape, or does not survive its encoding: every stream is read back, because a city's
        tiles are written once and read for years.
    """
    n, stride = stream.shape
    if n == 0 or stride % 4 or stride > MAX_STRIDE:
        raise FormatError(f"a vertex stream needs vertices and a stride of 4, 8, ... 256 bytes; got {n} x {stride}")
    data = encode(stream)
    if not (decode(data, n, stride) == stream).all():
        raise FormatError(f"a vertex stream of {n} x {stride} bytes decodes to something else; please report this")
    return data
