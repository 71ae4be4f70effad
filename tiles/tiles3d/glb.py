"""Binary glTF 2.0 containers, built view by view; the same calls give the same bytes."""

from __future__ import annotations

import json
import struct
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from tiles.tiles3d.meshopt import encode_vertices

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ComponentType", "GlbBuilder", "Target"]

Json = dict[str, Any]


class ComponentType(IntEnum):
    """Number types of glTF accessors (OpenGL's names for them)."""

    BYTE = 5120
    UNSIGNED_BYTE = 5121
    SHORT = 5122
    UNSIGNED_SHORT = 5123
    UNSIGNED_INT = 5125
    FLOAT = 5126


class Target(IntEnum):
    """What a buffer view is for."""

    VERTICES = 34962
    INDICES = 34963


class GlbBuilder:
    """Collects buffer views and accessors; `root` takes the rest of the glTF document."""

    def __init__(self) -> None:
        self.root: Json = {}
        self._views: list[Json] = []
        self._accessors: list[Json] = []
        self._extensions: dict[str, bool] = {}
        self._data = bytearray()
        self._fallback_bytes = 0

    def use(self, extension: str, *, required: bool = False) -> None:
        """Declare an extension; `required` if a reader that lacks it cannot show the file."""
        self._extensions[extension] = self._extensions.get(extension, False) or required

    def add_view(self, data: bytes, *, target: Target | None = None, stride: int | None = None, align: int = 4) -> int:
        """Append bytes, starting at a multiple of `align`; return the view's number."""
        offset = self._append(data, align)
        view: Json = {"buffer": 0, "byteOffset": offset, "byteLength": len(data)}
        if stride is not None:
            view["byteStride"] = stride
        if target is not None:
            view["target"] = int(target)
        self._views.append(view)
        return len(self._views) - 1

    def add_compressed_view(self, stream: NDArray[np.uint8]) -> int:
        """Append one vertex stream of shape (n, stride) under EXT_meshopt_compression; return the view's number.

        The view points into a buffer without bytes (the extension's fallback buffer): no uncompressed copy is kept.
        """
        self.use("EXT_meshopt_compression", required=True)
        n, stride = stream.shape
        data = encode_vertices(stream)
        offset = self._append(data, 4)
        compressed: Json = {
            "buffer": 0,
            "byteOffset": offset,
            "byteLength": len(data),
            "byteStride": stride,
            "mode": "ATTRIBUTES",
            "count": n,
        }
        self._views.append(
            {
                "buffer": 1,
                "byteOffset": self._fallback_bytes,
                "byteLength": stream.size,
                "byteStride": stride,
                "target": int(Target.VERTICES),
                "extensions": {"EXT_meshopt_compression": compressed},
            }
        )
        self._fallback_bytes += stream.size
        return len(self._views) - 1

    def add_accessor(self, view: int, component: ComponentType, count: int, shape: str, **more: Any) -> int:
        """Describe how a view is read (`shape`: SCALAR, VEC3, ...; `more`: normalized, min, max); return its number."""
        self._accessors.append(
            {"bufferView": view, "componentType": int(component), "count": count, "type": shape, **more}
        )
        return len(self._accessors) - 1

    def add_vertices(
        self, values: NDArray[Any], component: ComponentType, *, normalized: bool = False, extent: bool = False
    ) -> int:
        """Append an uncompressed vertex attribute of shape (n,) or (n, k); return its accessor's number."""
        n = len(values)
        n_parts = values.size // n
        shape = "SCALAR" if n_parts == 1 else f"VEC{n_parts}"
        stream = padded_stream(values)
        view = self.add_view(stream.tobytes(), target=Target.VERTICES, stride=stream.shape[1])
        more: Json = {"normalized": True} if normalized else {}
        if extent:
            more |= {"min": values.min(axis=0).tolist(), "max": values.max(axis=0).tolist()}
        return self.add_accessor(view, component, n, shape, **more)

    def to_bytes(self) -> bytes:
        """Return the whole file."""
        document: Json = {"asset": {"version": "2.0", "generator": "city-twin"}, **self.root}
        if self._extensions:
            document["extensionsUsed"] = sorted(self._extensions)
        required = sorted(name for name, needed in self._extensions.items() if needed)
        if required:
            document["extensionsRequired"] = required
        document["accessors"] = self._accessors
        document["bufferViews"] = self._views
        document["buffers"] = [{"byteLength": len(self._data)}]
        if self._fallback_bytes:
            fallback = {"EXT_meshopt_compression": {"fallback": True}}
            document["buffers"].append({"byteLength": self._fallback_bytes, "extensions": fallback})
        return _container(document, bytes(self._data))

    def _append(self, data: bytes, align: int) -> int:
        self._data += b"\0" * (-len(self._data) % align)
        offset = len(self._data)
        self._data += data
        return offset


def padded_stream(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Return values of shape (n,) or (n, k) as bytes of shape (n, stride), the stride raised to a multiple of 4."""
    n = len(values)
    little = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
    raw = little.reshape(n, -1).view(np.uint8)
    stream = np.zeros((n, raw.shape[1] + -raw.shape[1] % 4), dtype=np.uint8)
    stream[:, : raw.shape[1]] = raw
    return stream


def _container(document: Json, binary: bytes) -> bytes:
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 4)
    binary += b"\0" * (-len(binary) % 4)
    n_bytes = 12 + 8 + len(text) + 8 + len(binary)
    return b"".join(
        (
            struct.pack("<4sII", b"glTF", 2, n_bytes),
            struct.pack("<I4s", len(text), b"JSON"),
            text,
            struct.pack("<I4s", len(binary), b"BIN\0"),
            binary,
        )
    )
