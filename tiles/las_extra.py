"""Extra bytes of LAS point records: columns that the format itself does not know.

A described column has a name and a type (record 4 of user ``LASF_Spec``); columns of two or three elements, a
deprecated kind, become ``name[0]``, ``name[1]``... A column with a scale or offset is delivered in its own unit as
float64. Bytes without a description are kept as ``undescribed[i]``, so that a rewritten file loses nothing.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["ExtraColumn", "describe", "extra_columns", "extra_values"]

_TYPES = ("", "<u1", "<i1", "<u2", "<i2", "<u4", "<i4", "<u8", "<i8", "<f4", "<f8")
_DESCRIPTOR = 192
_USER, _RECORD = "LASF_Spec", 4
_SCALED, _OFFSET = 8, 16
_ELEMENT_TYPES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtraColumn:
    """One run of extra bytes."""

    field: str
    """Name of the field in the record layout, ``extra/<name>``."""
    dtype: str
    """NumPy type of the bytes."""
    scale: float = 1.0
    offset: float = 0.0

    @property
    def is_scaled(self) -> bool:
        """Whether values at rest differ from the bytes."""
        return self.scale != 1.0 or self.offset != 0.0


def extra_columns(vlrs: Sequence[tuple[str, int, bytes]], n_bytes: int) -> tuple[ExtraColumn, ...]:
    """Return the columns that fill the `n_bytes` after a format's own fields, in order.

    Descriptions that do not fit are dropped, and bytes that none describes become unnamed columns.
    """
    described = next((data for user, record, data in vlrs if (user, record) == (_USER, _RECORD)), b"")
    columns: list[ExtraColumn] = []
    taken: set[str] = set()
    left = n_bytes
    for at in range(0, len(described) - _DESCRIPTOR + 1, _DESCRIPTOR):
        new = _columns_of(described[at : at + _DESCRIPTOR], taken, first_undescribed=n_bytes - left)
        size = sum(np.dtype(column.dtype).itemsize for column in new)
        if size > left:
            break
        columns += new
        taken |= {column.field for column in new}
        left -= size
    return (*columns, *_undescribed(n_bytes - left, left))


def extra_values(records: NDArray[Any], columns: Sequence[ExtraColumn]) -> dict[str, NDArray[Any]]:
    """Return the extra columns of records, by ``extra/<name>``, each of shape (n,)."""
    values: dict[str, NDArray[Any]] = {}
    for column in columns:
        raw = np.ascontiguousarray(records[column.field])
        values[column.field] = raw * column.scale + column.offset if column.is_scaled else raw
    return values


def describe(columns: Sequence[tuple[str, str]]) -> bytes:
    """Return the content of the record that describes columns of (``extra/<name>``, type)."""
    return b"".join(_description(name.removeprefix("extra/"), dtype) for name, dtype in columns)


def _columns_of(descriptor: bytes, taken: set[str], first_undescribed: int) -> list[ExtraColumn]:
    kind, options, raw_name = struct.unpack_from("<2xBB32s", descriptor)
    if kind == 0:
        return list(_undescribed(first_undescribed, options))
    n_elements, element = divmod(kind - 1, _ELEMENT_TYPES)
    if n_elements > 2:
        return []
    name = raw_name.split(b"\0", 1)[0].decode("utf-8", errors="replace").strip() or "unnamed"
    names = [name] if n_elements == 0 else [f"{name}[{index}]" for index in range(n_elements + 1)]
    scales = struct.unpack_from("<3d", descriptor, 112) if options & _SCALED else (1.0, 1.0, 1.0)
    offsets = struct.unpack_from("<3d", descriptor, 136) if options & _OFFSET else (0.0, 0.0, 0.0)
    columns = []
    for index, part in enumerate(names):
        field = f"extra/{part}"
        while field in taken:
            field += "'"
        columns.append(ExtraColumn(field=field, dtype=_TYPES[element + 1], scale=scales[index], offset=offsets[index]))
    return columns


def _undescribed(first: int, n_bytes: int) -> list[ExtraColumn]:
    return [ExtraColumn(field=f"extra/undescribed[{first + index}]", dtype="<u1") for index in range(n_bytes)]


def _description(name: str, dtype: str) -> bytes:
    code = _TYPES.index(np.dtype(dtype).newbyteorder("<").str.replace("|", "<"))
    content = struct.pack("<2xBB32s4x", code, 0, name.encode()[:32])
    return content.ljust(_DESCRIPTOR, b"\0")
