"""What the points of a file really are, counted while they are read, and compared with what its header says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tiles.las_records import classes_of, return_bits
from twin.acceptance import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from tiles.pointfiles import PointHeader

__all__ = ["Content", "content_findings", "content_of", "count_content"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Figures of some points of one file; parts add up in any order."""

    n_points: int
    low: tuple[int, int, int]
    """Least X, Y, Z in counts of the file's scale."""
    high: tuple[int, int, int]
    """Greatest X, Y, Z."""
    classes: tuple[int, ...]
    """Points of each class code, 256 entries."""
    returns: tuple[int, ...]
    """Points of each return number, 16 entries."""
    gps: tuple[float, float] | None
    """First and last GPS time; None if the format has none."""

    def __add__(self, other: Content) -> Content:
        """Join the figures of two parts."""
        spans = [part.gps for part in (self, other) if part.gps is not None]
        return Content(
            n_points=self.n_points + other.n_points,
            low=_triple(min, self.low, other.low),
            high=_triple(max, self.high, other.high),
            classes=tuple(a + b for a, b in zip(self.classes, other.classes, strict=True)),
            returns=tuple(a + b for a, b in zip(self.returns, other.returns, strict=True)),
            gps=(min(span[0] for span in spans), max(span[1] for span in spans)) if spans else None,
        )

    @staticmethod
    def total(parts: Iterable[Content]) -> Content | None:
        """Join any number of parts; None if there is none."""
        result = None
        for part in parts:
            result = part if result is None else result + part
        return result

    def as_json(self) -> dict[str, Any]:
        """Return the figures as they stand in a source's record."""
        return {
            "classes": {str(code): n for code, n in enumerate(self.classes) if n},
            "returns": {str(number): n for number, n in enumerate(self.returns) if n},
            "gps_time": list(self.gps) if self.gps else None,
        }

    def box(self, header: PointHeader) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return (least, greatest) x, y, z in file units."""
        sides = (
            tuple(
                count * scale + offset for count, scale, offset in zip(side, header.scale, header.offset, strict=True)
            )
            for side in (self.low, self.high)
        )
        low, high = sides
        return low, high


def count_content(records: NDArray[Any], point_format: int) -> Content:
    """Count records of a file (at least one) as they were read."""
    axes = [records[name] for name in "XYZ"]
    codes = classes_of(records, point_format)
    returns = records["returns"] & ((1 << return_bits(point_format)) - 1)
    has_time = "gps_time" in (records.dtype.names or ())
    x, y, z = axes
    return Content(
        n_points=len(records),
        low=(int(x.min()), int(y.min()), int(z.min())),
        high=(int(x.max()), int(y.max()), int(z.max())),
        classes=tuple(np.bincount(codes, minlength=256).tolist()),
        returns=tuple(np.bincount(returns, minlength=16).tolist()),
        gps=_span(records["gps_time"]) if has_time else None,
    )


def content_of(parts: Iterable[Mapping[str, Any] | None]) -> Content | None:
    """Return the sum of figures that were written as JSON with fragments; None if there are none."""
    return Content.total(
        Content(
            n_points=part["n_points"],
            low=tuple(part["low"]),
            high=tuple(part["high"]),
            classes=tuple(part["classes"]),
            returns=tuple(part["returns"]),
            gps=tuple(part["gps"]) if part["gps"] else None,
        )
        for part in parts
        if part is not None
    )


def content_findings(header: PointHeader, content: Content) -> list[Finding]:
    """Return remarks on a header that does not fit the points: its box and its counts by return."""
    name = header.path.name
    findings: list[Finding] = []
    if header.reading.bbox is not None:  # what a header says of the whole file is not said of a part
        return findings
    low, high = content.box(header)
    # A box rounded to the file's own scale is right; one count either way is rounding.
    wrong = [
        axis
        for i, axis in enumerate("xyz")
        if abs(low[i] - header.mins[i]) > header.scale[i] or abs(high[i] - header.maxs[i]) > header.scale[i]
    ]
    if wrong:
        spans = "、".join(
            f"{axis} {header.mins['xyz'.index(axis)]:.3f}〜{header.maxs['xyz'.index(axis)]:.3f}"
            f"（正しくは {low['xyz'.index(axis)]:.3f}〜{high['xyz'.index(axis)]:.3f}）"
            for axis in wrong
        )
        text = ", ".join(
            f"{axis} {header.mins['xyz'.index(axis)]:.3f} to {header.maxs['xyz'.index(axis)]:.3f} instead of"
            f" {low['xyz'.index(axis)]:.3f} to {high['xyz'.index(axis)]:.3f}"
            for axis in wrong
        )
        message, japanese = (
            f"{name}: the header's box is wrong: {text}",
            f"{name}：ヘッダーの範囲が点と一致しません：{spans}",
        )
        findings.append(Finding(rule="box", severity="warning", message=message, message_ja=japanese))
    stated = header.n_by_return
    counted = content.returns[1 : len(stated) + 1]
    if any(stated) and tuple(stated) != counted:
        message = f"{name}: the header counts {_short(stated)} points by return, the file holds {_short(counted)}"
        japanese = f"{name}：リターン別点数がヘッダーでは{_short(stated)}、実際は{_short(counted)}です"
        findings.append(Finding(rule="returns", severity="warning", message=message, message_ja=japanese))
    return findings


def _span(times: NDArray[np.float64]) -> tuple[float, float] | None:
    finite = times[np.isfinite(times)]
    return (float(finite.min()), float(finite.max())) if finite.size else None


def _short(counts: Iterable[int]) -> str:
    numbers = list(counts)
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return "/".join(map(str, numbers))


def _triple(choose: Any, a: tuple[int, int, int], b: tuple[int, int, int]) -> tuple[int, int, int]:
    return choose(a[0], b[0]), choose(a[1], b[1]), choose(a[2], b[2])
