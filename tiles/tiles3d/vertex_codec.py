"""The vertex codec, version 0, that EXT_meshopt_compression calls mode ATTRIBUTES: bytes of neighbours, as differences.

A stream of n elements of `stride` bytes is cut into blocks. In a block each of the `stride` byte columns is coded on
its own: every byte becomes its difference to the same byte of the element before, zigzag-coded so that small steps
either way are small numbers, and groups of 16 differences are written with 0, 2, 4 or 8 bits each, whichever is
shortest. In the 2 and 4 bit modes the greatest code says that the whole byte follows after the group. The first
element stands at the end of the stream, where a decoder starts.

It is written here because the only Python binding is an alpha release that needs a C++ compiler where it is installed.

References
----------
Khronos glTF extension EXT_meshopt_compression, section "Bitstream specification", mode 0.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray  # noqa: TC002 - numba compiles these modules whole

__all__ = ["MAX_STRIDE", "VERSION_0", "decode", "encode"]

VERSION_0 = 0xA0
"""First byte of a stream."""

MAX_STRIDE = 256
"""Largest element in bytes."""

_GROUP = 16
"""Differences coded with one number of bits."""

_TAIL = 32
"""Least size of the tail in bytes; decoders may read that far past the last group."""


def encode(stream: NDArray[np.uint8]) -> bytes:
    """Compress elements losslessly.

    Parameters
    ----------
    stream
        Shape (n, stride), n at least 1, stride a multiple of 4 and at most `MAX_STRIDE`.

    Notes
    -----
    Time and memory grow with the bytes; about 100 MB/s on one core.
    """
    n, stride = stream.shape
    # The worst case: every group whole, and two header bits for each.
    worst = 1 + (n // 16 + n // _block_size(stride) + 2) * stride * (_GROUP + 1) + max(_TAIL, stride)
    out = np.empty(worst, np.uint8)
    size: int = _encode(np.ascontiguousarray(stream), _block_size(stride), out)
    return bytes(out[:size])


def decode(data: bytes, n: int, stride: int) -> NDArray[np.uint8]:
    """Read a stream back, shape (n, stride).

    Raises
    ------
    ValueError
        If it is not of version 0, or not as long as its headers say.
    """
    source = np.frombuffer(data, np.uint8)
    out = np.zeros((n, stride), np.uint8)
    tail = max(_TAIL, stride)
    if len(data) < 1 + tail or data[0] != VERSION_0:
        raise ValueError("not a vertex stream of version 0")
    end = _decode(source, _block_size(stride), len(data) - tail, out)
    if end != len(data) - tail:
        raise ValueError(f"a vertex stream of {len(data)} bytes ends after {end + tail}")
    return out


def _block_size(stride: int) -> int:
    """Elements in a block: 8 KiB of them, a multiple of 16, at most 256."""
    return min((8192 // stride) & ~(_GROUP - 1), 256)


@njit(cache=True)
def _encode(stream: NDArray[np.uint8], block_size: int, out: NDArray[np.uint8]) -> int:
    """Write the stream into `out`; return its length."""
    n, stride = stream.shape
    out[0] = 0xA0
    at = 1
    last = stream[0].copy()
    deltas = np.empty(256, np.uint8)
    for first in range(0, n, block_size):
        count = min(block_size, n - first)
        groups = (count + 15) // 16
        for k in range(stride):
            previous = int(last[k])
            for i in range(count):
                value = int(stream[first + i, k])
                step = (value - previous) & 255
                deltas[i] = ((step << 1) ^ 255) & 255 if step & 128 else step << 1
                previous = value
            for i in range(count, groups * 16):
                deltas[i] = 0
            last[k] = previous
            at = _encode_column(deltas, groups, out, at)
    stride_tail = max(32, stride)
    for i in range(stride_tail):
        out[at + i] = 0 if i < stride_tail - stride else stream[0, i - (stride_tail - stride)]
    return int(at + stride_tail)


@njit(cache=True)
def _encode_column(deltas: NDArray[np.uint8], groups: int, out: NDArray[np.uint8], at: int) -> int:
    """Write the modes of a column's groups, two bits each, then the groups; return where they end."""
    header = at
    at += (groups + 3) // 4
    for i in range(header, at):
        out[i] = 0
    for g in range(groups):
        over2, over4, zero = 0, 0, True
        for i in range(16):
            code = deltas[g * 16 + i]
            over2 += code >= 3
            over4 += code >= 15
            zero = zero and code == 0
        mode, size = 3, 16
        if zero:
            mode, size = 0, 0
        else:
            if 4 + over2 < size:
                mode, size = 1, 4 + over2
            if 8 + over4 < size:
                mode, size = 2, 8 + over4
        out[header + g // 4] |= mode << ((g % 4) * 2)
        at = _encode_group(deltas, g * 16, mode, out, at)
    return at


@njit(cache=True)
def _encode_group(deltas: NDArray[np.uint8], start: int, mode: int, out: NDArray[np.uint8], at: int) -> int:
    """Write 16 differences from `start`, the first in the highest bits of its byte, then the bytes that did not fit."""
    if mode == 0:
        return at
    if mode == 3:
        for i in range(16):
            out[at + i] = deltas[start + i]
        return at + 16
    bits = 2 * mode
    sentinel = (1 << bits) - 1
    per_byte = 8 // bits
    for i in range(0, 16, per_byte):
        packed = 0
        for k in range(per_byte):
            packed = (packed << bits) | min(int(deltas[start + i + k]), sentinel)
        out[at] = packed
        at += 1
    for i in range(16):
        if deltas[start + i] >= sentinel:
            out[at] = deltas[start + i]
            at += 1
    return at


@njit(cache=True)
def _decode(source: NDArray[np.uint8], block_size: int, limit: int, out: NDArray[np.uint8]) -> int:
    """Fill `out` from the stream; return where its last group ends, or -1 if that is past `limit`."""
    n, stride = out.shape
    last = source[source.size - stride :].copy()
    group = np.empty(16, np.uint8)
    at = 1
    for first in range(0, n, block_size):
        count = min(block_size, n - first)
        groups = (count + 15) // 16
        for k in range(stride):
            header = at
            at += (groups + 3) // 4
            value = int(last[k])
            for g in range(groups):
                if at > limit:
                    return -1
                at = _decode_group(source, (source[header + g // 4] >> ((g % 4) * 2)) & 3, at, group)
                for i in range(min(16, count - g * 16)):
                    code = int(group[i])
                    value = (value + ((code >> 1) ^ -(code & 1))) & 255
                    out[first + g * 16 + i, k] = value
            last[k] = value
    return at


@njit(cache=True)
def _decode_group(source: NDArray[np.uint8], mode: int, at: int, group: NDArray[np.uint8]) -> int:
    """Read 16 differences; return where the next group begins. Never reads past the source."""
    bits = (0, 2, 4, 8)[mode]
    if at + 2 * bits > source.size:
        return source.size
    if bits == 0:
        for i in range(16):
            group[i] = 0
        return at
    if bits == 8:
        for i in range(16):
            group[i] = source[at + i]
        return at + 16
    sentinel = (1 << bits) - 1
    extra = at + 2 * bits
    for i in range(16):
        position = i * bits
        code = (source[at + position // 8] >> (8 - bits - position % 8)) & sentinel
        if code == sentinel:
            if extra >= source.size:
                return source.size
            group[i] = source[extra]
            extra += 1
        else:
            group[i] = code
    return extra
