"""EXT_structural_metadata: property tables for buildings and the class of point attributes.

A property's type is settled once for all tiles of an export, so that every tile carries the same schema.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tiles.tiles3d.glb import GlbBuilder

__all__ = ["NO_NUMBER", "Property", "add_property_table", "settle_properties"]

NO_NUMBER = -9999.0
"""What stands for a number that is not known (``noData`` of every numeric property)."""

_COMPONENTS: dict[str, tuple[str, np.dtype[Any]]] = {
    "float": ("FLOAT64", np.dtype("<f8")),
    "int": ("INT32", np.dtype("<i4")),
}
_INT32 = np.iinfo(np.int32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """One column of a property table."""

    key: str
    """Name under which readers find it: letters, digits and underscores."""
    source: str
    """Name of the fact in the rows that are given."""
    kind: str
    """``string``, ``float`` or ``int``."""
    description: str = ""
    """What it is, with unit and datum."""

    def schema(self) -> dict[str, Any]:
        """Return its entry in the schema's class."""
        entry: dict[str, Any] = {"name": self.source}
        if self.description:
            entry["description"] = self.description
        if self.kind == "string":
            return entry | {"type": "STRING", "noData": ""}
        component, _ = _COMPONENTS[self.kind]
        return entry | {"type": "SCALAR", "componentType": component, "noData": _number(self.kind, None)}


def settle_properties(rows: Iterable[Mapping[str, Any]], descriptions: Mapping[str, str]) -> tuple[Property, ...]:
    """Find which columns a table needs for `rows`, in order of first appearance, and the type of each.

    Numbers stay numbers (whole ones that fit 32 bits as such); truth values become 0 and 1; anything else, and any mix,
    becomes text. Columns without a single value are left out.

    Parameters
    ----------
    rows
        One mapping per thing; a missing key or None or NaN is "not known".
    descriptions
        Texts by column, where there are any.
    """
    kinds: dict[str, str] = {}
    for row in rows:
        for name, value in row.items():
            kind = _kind(value)
            if kind is not None:
                kinds[name] = _wider(kinds.get(name, kind), kind)
    properties = []
    taken: set[str] = set()
    for name, kind in kinds.items():
        key = _free_key(name, taken)
        taken.add(key)
        properties.append(Property(key=key, source=name, kind=kind, description=descriptions.get(name, "")))
    return tuple(properties)


def add_property_table(
    builder: GlbBuilder, properties: Sequence[Property], rows: Sequence[Mapping[str, Any]], *, table: str
) -> None:
    """Write `rows` as the file's only property table, with its schema; `table` names the class.

    Row i holds the facts of feature id i. A column without any value in this tile is in its schema but not in its
    table: glTF has no views of zero bytes, and the extension wants no byte more than the texts take.
    """
    builder.use("EXT_structural_metadata")
    columns = {}
    for prop in properties:
        values = [row.get(prop.source) for row in rows]
        if any(value not in (None, "") and _kind(value) is not None for value in values):
            columns[prop.key] = _add_column(builder, prop, values)
    builder.root.setdefault("extensions", {})["EXT_structural_metadata"] = {
        "schema": {
            "id": f"twin_{table}",
            "classes": {table: {"name": table, "properties": {p.key: p.schema() for p in properties}}},
        },
        "propertyTables": [{"name": table, "class": table, "count": len(rows), "properties": columns}],
    }


def _add_column(builder: GlbBuilder, prop: Property, values: Sequence[Any]) -> dict[str, Any]:
    """Write one column; views start at multiples of 8, as the extension asks."""
    if prop.kind == "string":
        texts = ["" if _kind(value) is None else _text(value) for value in values]
        encoded = [text.encode() for text in texts]
        offsets = np.zeros(len(encoded) + 1, dtype="<u4")
        offsets[1:] = np.cumsum([len(text) for text in encoded])
        data = builder.add_view(b"".join(encoded), align=8)
        return {
            "values": data,
            "stringOffsets": builder.add_view(offsets.tobytes(), align=8),
            "stringOffsetType": "UINT32",
        }
    _, dtype = _COMPONENTS[prop.kind]
    numbers = np.array([_number(prop.kind, value) for value in values])
    return {"values": builder.add_view(numbers.astype(dtype).tobytes(), align=8)}


def _kind(value: Any) -> str | None:
    if value is None or (isinstance(value, float | np.floating) and not math.isfinite(value)):
        return None
    if isinstance(value, bool | np.bool_):
        return "int"
    if isinstance(value, int | np.integer):
        return "int" if _INT32.min <= value <= _INT32.max else "float"
    return "float" if isinstance(value, float | np.floating) else "string"


def _wider(a: str, b: str) -> str:
    order = ("int", "float", "string")
    return order[max(order.index(a), order.index(b))]


def _number(kind: str, value: Any) -> float | int:
    known = _kind(value) is not None
    if kind == "int":
        return int(value) if known else int(NO_NUMBER)
    return float(value) if known else NO_NUMBER


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def _free_key(name: str, taken: set[str]) -> str:
    plain = re.sub(r"\W", "_", name, flags=re.ASCII)
    if not plain or plain[0].isdigit():
        plain = f"_{plain}"
    key, n = plain, 2
    while key in taken:
        key, n = f"{plain}_{n}", n + 1
    return key
