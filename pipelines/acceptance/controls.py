"""Control points: reading them, in the right order of axes, and the points' surface against them.

In Japan's plane rectangular systems surveyors write X for the northing and Y for the easting, and most files of
control points do so; others put the easting first. Whichever order falls inside the delivery is taken, and said; if
both do, the user must say.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from twin.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from pipelines.acceptance.params import ControlAxes

__all__ = ["ControlPoint", "ControlResult", "Controls", "inside_any", "measure", "order_axes", "read_controls"]

_ORDERS: tuple[ControlAxes, ...] = ("xy", "yx")
_EAST, _NORTH = {"e", "east", "easting", "東"}, {"n", "north", "northing", "北"}
_HEIGHT = {"h", "z", "height", "elevation", "標高", "高さ"}
_NAME = {"name", "id", "no", "no.", "point", "点名", "点番号", "番号"}
_X, _Y = {"x", "x座標"}, {"y", "y座標"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPoint:
    """One control point as it stands in the file."""

    name: str
    first: float
    """First of the two horizontal columns, metres."""
    second: float
    height_m: float
    """Above the delivery's vertical datum."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    """A file of control points."""

    path: str
    points: tuple[ControlPoint, ...]
    axes: ControlAxes
    """``xy`` or ``yx`` if the header names east and north; ``auto`` if it does not."""

    def places(self, axes: ControlAxes) -> NDArray[np.float64]:
        """Return (east, north) of each point, shape (n, 2)."""
        pairs = np.array([(point.first, point.second) for point in self.points], np.float64).reshape(-1, 2)
        return pairs[:, ::-1].copy() if axes == "yx" else pairs


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlResult:
    """A control point against the delivered points."""

    name: str
    x: float
    y: float
    height_m: float
    dz_m: float | None
    """Delivered surface minus control height; None without points around it."""
    n_points: int
    method: str
    """``plane`` or ``mean`` of the points taken; empty without points."""


def read_controls(path: str | Path) -> Controls:
    """Read a CSV of x, y, h and perhaps a name; separated by commas, semicolons or tabs, with or without a header row.

    Raises
    ------
    ConfigError
        If the file cannot be read, or a row is no control point; the message names the row.
    """
    rows = _rows(Path(path))
    columns, axes, has_header = _columns(rows[0][1], str(path))
    points = [_point(cells, columns, f"{path}: row {number}") for number, cells in rows[has_header:]]
    if not points:
        raise ConfigError(f"{path}: no control point in it")
    return Controls(path=str(path), points=tuple(points), axes=axes)


def order_axes(
    controls: Controls, boxes: Sequence[tuple[float, float, float, float]], asked: ControlAxes
) -> tuple[ControlAxes, str]:
    """Decide which column is the easting.

    Parameters
    ----------
    controls
        The points.
    boxes
        (xmin, ymin, xmax, ymax) of the delivered files.
    asked
        What the user says; ``auto`` to decide here.

    Returns
    -------
    tuple
        The order, and why.

    Raises
    ------
    ConfigError
        If both orders, or neither, fall inside the delivery.
    """
    if asked != "auto":
        return asked, "as stated"
    if controls.axes != "auto":
        return controls.axes, "as the header names them"
    inside = {axes: int(inside_any(controls.places(axes), boxes).sum()) for axes in _ORDERS}
    if inside["xy"] and inside["yx"]:
        raise ConfigError(
            f"{controls.path}: control points lie inside the delivery whichever column is the easting ({inside['xy']}"
            f" east first, {inside['yx']} north first); say it with --set check.control_axes=xy or yx"
        )
    if inside["yx"]:
        return "yx", f"{inside['yx']} points lie inside the delivery so, none the other way"
    if inside["xy"]:
        return "xy", f"{inside['xy']} points lie inside the delivery so, none the other way"
    raise ConfigError(
        f"{controls.path}: none of {len(controls.points)} control points lies inside the delivery, in either order of"
        " its columns; is it the same CRS?"
    )


def inside_any(
    places: NDArray[np.float64], boxes: Sequence[tuple[float, float, float, float]], margin: float = 0.0
) -> NDArray[np.bool_]:
    """Return which places lie in one of the boxes, shape (n,)."""
    inside = np.zeros(len(places), np.bool_)
    for xmin, ymin, xmax, ymax in boxes:
        inside |= (
            (places[:, 0] >= xmin - margin)
            & (places[:, 0] <= xmax + margin)
            & (places[:, 1] >= ymin - margin)
            & (places[:, 1] <= ymax + margin)
        )
    return inside


def measure(controls: Controls, axes: ControlAxes, near: NDArray[Any]) -> list[ControlResult]:
    """Compare each control point with the surface of the points around it.

    Ground points are taken if there are three; else the last returns within 0.3 m above the lowest tenth, which keeps
    cars and bushes out. A plane is fitted to six and more that surround the place, else their mean is taken.

    Parameters
    ----------
    controls, axes
        The points, and their order.
    near
        `nearby.NEAR_DTYPE` of all files; `control` counts the points of `controls`.
    """
    near = np.sort(near, order=["control", "dx", "dy", "z"])
    places = controls.places(axes)
    results = []
    for number, point in enumerate(controls.points):
        own = near[near["control"] == number]
        height, n_points, method = _surface(own)
        results.append(
            ControlResult(
                name=point.name,
                x=float(places[number, 0]),
                y=float(places[number, 1]),
                height_m=point.height_m,
                dz_m=None if height is None else round(height - point.height_m, 6),
                n_points=n_points,
                method=method,
            )
        )
    return results


def _surface(own: NDArray[Any]) -> tuple[float | None, int, str]:
    """Return the height at the control point, the points behind it, and how it was found."""
    taken = own[own["ground"]]
    if len(taken) < 3:
        if len(own) < 3:
            return None, len(own), ""
        taken = own[own["z"] <= np.quantile(own["z"], 0.1) + 0.3]
    if len(taken) >= 6:
        design = np.column_stack([np.ones(len(taken)), taken["dx"], taken["dy"]])
        solution, _, rank, singular = np.linalg.lstsq(design, taken["z"], rcond=None)
        # The place must not be far outside of what it is told from: a plane tips over beyond its points.
        middle = np.hypot(taken["dx"].mean(), taken["dy"].mean())
        spread = np.sqrt((taken["dx"] ** 2 + taken["dy"] ** 2).mean())
        if rank == 3 and singular[-1] > 0.05 * singular[0] and middle < 0.7 * spread:
            return float(solution[0]), len(taken), "plane"
    return float(taken["z"].mean()), len(taken), "mean"


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """Return (row number, cells) of all rows that are neither empty nor a remark."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: control points cannot be read: {error.strerror}") from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp932", errors="replace")
    lines = text.splitlines()
    first = next((line for line in lines if line.strip()), "")
    mark = max(",;\t", key=first.count)
    mark = mark if mark in first else " "
    rows = []
    for number, cells in enumerate(csv.reader(lines, delimiter=mark, skipinitialspace=True), start=1):
        cleaned = [cell.strip() for cell in cells if mark != " " or cell.strip()]
        if any(cleaned) and not cleaned[0].startswith("#"):
            rows.append((number, cleaned))
    if not rows:
        raise ConfigError(f"{path}: no control point in it")
    return rows


def _columns(cells: Sequence[str], where: str) -> tuple[dict[str, int], ControlAxes, bool]:
    """Return the place of first, second, height and name, the order that a header states, and whether it is one."""
    # Four numbers of which the first is a whole one without a sign: it numbers the points.
    is_numbered = len(cells) >= 4 and cells[0].isdecimal() and _is_number(cells[3])
    if len(cells) >= 3 and not is_numbered and all(_is_number(cell) for cell in cells[:3]):
        return {"first": 0, "second": 1, "height": 2, "name": 3}, "auto", False
    if len(cells) >= 4 and all(_is_number(cell) for cell in cells[1:4]):
        return {"name": 0, "first": 1, "second": 2, "height": 3}, "auto", False
    words = [cell.lower().split("(")[0].split("[")[0].strip() for cell in cells]

    def place(names: Iterable[str]) -> int:
        return next((i for i, word in enumerate(words) if word in names), -1)

    height, name = place(_HEIGHT), place(_NAME)
    for first, second, axes in ((place(_EAST), place(_NORTH), "xy"), (place(_X), place(_Y), "auto")):
        if min(first, second, height) >= 0:
            return {"first": first, "second": second, "height": height, "name": name}, axes, True  # type: ignore[return-value]
    raise ConfigError(f"{where}: columns {', '.join(cells)} are not x, y, h (or E, N, H) and perhaps name")


def _point(cells: Sequence[str], columns: dict[str, int], where: str) -> ControlPoint:
    numbers = []
    for key in ("first", "second", "height"):
        text = cells[columns[key]] if columns[key] < len(cells) else ""
        if not _is_number(text):
            raise ConfigError(f"{where}: {text!r} is no number; a control point is x, y, h and perhaps a name")
        numbers.append(float(text))
    name = cells[columns["name"]] if 0 <= columns["name"] < len(cells) else ""
    fallback = where.rpartition("row ")[2]
    return ControlPoint(name=name or fallback, first=numbers[0], second=numbers[1], height_m=numbers[2])


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False
