"""Laws of the vertex codec: nothing is lost, and the reference library reads what we write."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tiles.tiles3d.vertex_codec import VERSION_0, decode, encode


@st.composite
def streams(draw: st.DrawFn) -> np.ndarray:
    """Give elements whose bytes step a little, a lot or not at all, so that every mode is met."""
    n, stride = draw(st.integers(1, 700)), 4 * draw(st.integers(1, 64))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    reach = rng.choice([0, 1, 2, 7, 40, 128], size=(1, stride))
    steps = rng.integers(-reach, reach + 1, size=(n, stride))
    jumps = rng.integers(0, 256, size=(n, stride)) * (rng.random((n, stride)) < 0.03)
    return ((np.cumsum(steps, axis=0) + jumps) % 256).astype(np.uint8)


@given(streams())
@example(np.zeros((1, 4), np.uint8))
@example(np.full((256, 256), 255, np.uint8))
def test_decoding_undoes_encoding(stream: np.ndarray) -> None:
    data = encode(stream)
    assert data[0] == VERSION_0
    assert (decode(data, *stream.shape) == stream).all()


@given(streams())
def test_the_reference_library_reads_ours_and_writes_no_less(stream: np.ndarray) -> None:
    meshoptimizer = pytest.importorskip("meshoptimizer", reason="the reference library needs a C++ compiler")
    n, stride = stream.shape
    meshoptimizer.encode_vertex_version(0)
    data = encode(stream)
    assert len(data) <= len(bytes(meshoptimizer.encode_vertex_buffer(stream, n, stride)))
    read = np.asarray(meshoptimizer.decode_vertex_buffer(n, stride, data, dtype=np.dtype((np.void, stride))))
    assert read.tobytes() == stream.tobytes()


@given(streams(), st.integers(0, 400))
def test_a_stream_that_lost_its_end_is_refused(stream: np.ndarray, missing: int) -> None:
    data = encode(stream)
    short = data[: max(0, len(data) - 1 - missing)]
    try:
        result = decode(short, *stream.shape)
    except ValueError:
        return
    # Only a shorter tail may go unseen, and then the elements differ where it was read: the first is in the tail.
    assert (result != stream).any()


def test_other_versions_are_refused() -> None:
    data = bytearray(encode(np.arange(64, dtype=np.uint8).reshape(16, 4)))
    data[0] = 0xA1
    with pytest.raises(ValueError, match="version 0"):
        decode(bytes(data), 16, 4)
