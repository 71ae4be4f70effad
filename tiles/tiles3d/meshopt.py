"""Vertex streams in the encoding that EXT_meshopt_compression allows: codec version 0, and every stream read back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import meshoptimizer
import numpy as np

from twin.errors import FormatError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["encode_vertices"]

_VERSION_0 = 0xA0
"""First byte of a version 0 stream. The library's default is version 1 (0xa1), which glTF readers reject."""


def encode_vertices(stream: NDArray[np.uint8]) -> bytes:
    """Compress one vertex stream losslessly.

    Parameters
    ----------
    stream
        Shape (n, stride), n at least 1, stride a multiple of 4 and at most 256.

    Raises
    ------
    FormatError
        If the codec wrote another version, or something that does not decode to `stream`. The library is an alpha
        release, so both are checked for every stream (decoding costs a tenth of encoding).
    """
    n, stride = stream.shape
    if n == 0 or stride % 4 or stride > 256:
        raise FormatError(f"a vertex stream needs vertices and a stride of 4, 8, ... 256 bytes; got {n} x {stride}")
    meshoptimizer.encode_vertex_version(0)
    data = bytes(meshoptimizer.encode_vertex_buffer(np.ascontiguousarray(stream), n, stride))
    if data[0] != _VERSION_0:
        raise FormatError(f"meshoptimizer wrote vertex codec 0x{data[0]:02x}, not version 0; pin another release of it")
    # the decoder allocates one item of `dtype` a vertex: anything but an item of `stride` bytes overruns the heap
    decoded = np.asarray(meshoptimizer.decode_vertex_buffer(n, stride, data, dtype=np.dtype((np.void, stride))))
    if decoded.tobytes() != stream.tobytes():
        raise FormatError("meshoptimizer wrote a vertex stream that decodes to something else; pin another release")
    return data
