"""Records in a layout of LAS from columns of formats that know neither counts nor point formats.

Coordinates become counts of a tenth of a millimetre (a millimetre where the box is too wide, a billionth of a degree
where coordinates can be degrees) from whole units near the middle of the content, so that nothing that was measured is
lost before the store rounds to its own scale.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tiles.columns import quantised
from tiles.las_records import SCAN_ANGLE_UNIT_DEG, pack
from twin.errors import FormatError
from twin.points import ATTRIBUTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from tiles.point_header import PointHeader

__all__ = ["Extent", "as_attribute", "brightness_factor", "counting", "point_format_for", "records_of"]

_MOST_COUNTS = 2**31 - 1
_IN_DEGREES, _IN_METRES = (1e-9, 1e-8, 1e-7), (1e-4, 1e-3)
_UNIT_OF_SCALE = {1e-4: 1000.0, 1e-3: 1000.0}


@dataclass(slots=True)
class Extent:
    """Least and greatest values of columns, gathered piece by piece."""

    low: dict[str, float] = field(default_factory=dict)
    high: dict[str, float] = field(default_factory=dict)
    n_rows: int = 0

    def add(self, columns: Mapping[str, NDArray[Any]]) -> None:
        """Take in columns of shape (n,), the same ones each time."""
        n_rows = len(next(iter(columns.values())))
        if n_rows == 0:
            return
        self.n_rows += n_rows
        for name, column in columns.items():
            self.low[name] = min(self.low.get(name, np.inf), float(column.min()))
            self.high[name] = max(self.high.get(name, -np.inf), float(column.max()))

    def box(self) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
        """Return (least, greatest) x, y, z; zeros if there was nothing."""
        if not self.n_rows:
            return (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)
        return (self.low["x"], self.low["y"], self.low["z"]), (self.high["x"], self.high["y"], self.high["z"])


def counting(
    name: str, low: tuple[float, float, float], high: tuple[float, float, float]
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Return (scale, offset) of x, y and z for a content's box.

    Parameters
    ----------
    name
        File name, for the message.
    low, high
        Least and greatest x, y, z in file units.

    Raises
    ------
    FormatError
        If the box is too wide to be counted in millimetres, or not finite.
    """
    can_be_degrees = max(abs(low[0]), abs(high[0])) <= 360 and max(abs(low[1]), abs(high[1])) <= 90
    steps = (*_IN_DEGREES, *_IN_METRES) if can_be_degrees else _IN_METRES
    for scale in steps:
        unit = _UNIT_OF_SCALE.get(scale, 1.0)
        middles = [(low[axis] + high[axis]) / 2 for axis in range(3)]
        if not np.all(np.isfinite(middles)):
            break
        x, y = (round(middles[axis] / unit) * unit for axis in (0, 1))
        z = float(round(middles[2]))
        height_scale = max(scale, 1e-4)
        offset, scales = (x, y, z), (scale, scale, height_scale)
        reach = [max(abs(low[axis] - offset[axis]), abs(high[axis] - offset[axis])) / scales[axis] for axis in range(3)]
        if max(reach) < _MOST_COUNTS:
            return scales, offset
    box = ", ".join(f"{axis} from {low[i]:g} to {high[i]:g}" for i, axis in enumerate("xyz"))
    raise FormatError(f"{name}: coordinates run over more than any survey does: {box}; are the columns the right ones?")


def brightness_factor(dtype: np.dtype[Any], highest: float) -> float:
    """Return what colours or intensities are multiplied by to count to 65 535, as LAS does.

    Parameters
    ----------
    dtype
        Type in the file: bytes count to 255, wider integers are taken as they are, floats by what they reach.
    highest
        Greatest value.
    """
    if dtype.kind in "iu":
        return 257.0 if dtype.itemsize == 1 else 1.0
    return 65535.0 if highest <= 1.0 else 257.0 if highest <= 255.0 else 1.0


def point_format_for(names: Iterable[str]) -> int:
    """Return the least point format that has all these attributes: 6, 7 with colour, 8 with near infrared."""
    named = set(names)
    return 8 if "nir" in named else 7 if named & {"red", "green", "blue"} else 6


def as_attribute(name: str, values: NDArray[Any], where: str) -> NDArray[Any]:
    """Return a column in the type that LAS gives it.

    Parameters
    ----------
    name
        As in `twin.points.ATTRIBUTES`; anything else stays as it is. Scan angles are given in degrees.
    values
        Shape (n,).
    where
        File and place, for the message.

    Raises
    ------
    FormatError
        If a value is not whole where LAS has whole numbers, or is out of their range.
    """
    if name not in ATTRIBUTES or name == "gps_time":
        return values.astype(np.float64) if name == "gps_time" else values
    if name == "scan_angle":
        values = np.rint(values / SCAN_ANGLE_UNIT_DEG)
    limits = np.iinfo(ATTRIBUTES[name])
    most = 15 if name in {"return_number", "number_of_returns"} else limits.max
    wrong = ~((values >= limits.min) & (values <= most)) | (values != np.rint(values))
    if np.any(wrong):
        raise FormatError(
            f"{where}: {name} {values[wrong][0]:g} is not a whole number from {limits.min} to {most}; give the column"
            " another name to keep its values as an extra one"
        )
    return values.astype(ATTRIBUTES[name])


def records_of(
    header: PointHeader, axes: Mapping[str, NDArray[np.float64]], attributes: Mapping[str, NDArray[Any]]
) -> NDArray[Any]:
    """Return records laid out as a header says.

    Parameters
    ----------
    header
        Point format, scale, offset and extra columns.
    axes
        x, y and z in file units, shape (n,).
    attributes
        As `twin.points.ATTRIBUTES` types them, and ``extra/<name>``. A point without returns is the only one of its
        pulse.
    """
    counts = {
        name.upper(): quantised(axes[name], header.scale[axis], header.offset[axis], name)
        for axis, name in enumerate("xyz")
    }
    ones = np.ones(len(counts["X"]), np.uint8)
    returns = {name: ones for name in ("return_number", "number_of_returns") if name not in attributes}
    return pack(counts, {**attributes, **returns}, header.point_format, header.dtype_extra)
