"""What a check of a delivery says: findings with their rule, figure and picture, for each file and for the whole.

Plain values: `pipelines.acceptance` makes them, `viewer.report` draws them, ``--json`` prints them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from twin.raster import Frame

__all__ = [
    "Chart",
    "DeliveryReport",
    "Finding",
    "MapPicture",
    "Picture",
    "Series",
    "Severity",
    "SourceReport",
    "Verdict",
    "verdict_of",
]

Severity = Literal["error", "warning", "info"]
Verdict = Literal["accepted", "accepted_with_remarks", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing worth saying of a file or of a delivery."""

    rule: str
    """Short name of the rule, such as ``density``."""
    severity: Severity
    """``error`` refuses, ``warning`` is a remark, ``info`` is a fact."""
    message: str
    """A sentence in English; one about a file begins with the file's name."""
    message_ja: str = ""
    """The same in Japanese; empty if there is none yet."""
    value: float | None = None
    """The figure that the rule judged."""
    limit: float | None = None
    """What it was judged against."""
    unit: str = ""
    """Unit of both, such as ``points/m2``; empty for counts and shares."""
    picture: str = ""
    """Name of a picture of the same report."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MapPicture:
    """Something on a map, at most some hundred cells wide: thinned for a page, not for measuring."""

    name: str
    title: str
    title_ja: str
    frame: Frame
    """Cells in the delivery's CRS, or in file units where that is not known."""
    values: NDArray[Any]
    """Shape (rows, columns), north up; float32 with NaN where there is nothing, or uint8 with 255 there."""
    kind: Literal["sequential", "diverging", "classes"] = "sequential"
    unit: str = ""
    low: float | None = None
    """Value at the lower end of the colours; from the data if None. A diverging map is symmetric about zero."""
    high: float | None = None
    labels: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    """For ``classes``: value to its name in English and in Japanese."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Series:
    """One line, row of bars, or cloud of a chart."""

    name: str
    name_ja: str
    x: NDArray[Any]
    """Shape (n,)."""
    y: NDArray[Any]
    """Shape (n,)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chart:
    """Something on two axes: a histogram, a time line, residuals."""

    name: str
    title: str
    title_ja: str
    series: tuple[Series, ...]
    kind: Literal["bars", "lines", "points"] = "bars"
    x_label: str = ""
    y_label: str = ""


Picture = MapPicture | Chart


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SourceReport:
    """What is to be said of one file."""

    uri: str
    verdict: Verdict
    points: int
    """Points that the header promises; 0 if the header cannot be read."""
    findings: tuple[Finding, ...]
    """Errors first, then remarks, then facts."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """JSON-able: format, crs, vertical, box, classes, density, times, strips."""
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DeliveryReport:
    """What is to be said of a whole delivery."""

    verdict: Verdict
    """The worst of its files' and its own."""
    sources: tuple[SourceReport, ...]
    findings: tuple[Finding, ...] = ()
    """About the delivery as a whole, such as strips against strips."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    pictures: tuple[Picture, ...] = ()
    requirements: Mapping[str, Any] = field(default_factory=dict)
    """What it was judged against, JSON-able, with where each value came from."""


def verdict_of(findings: Iterable[Finding]) -> Verdict:
    """Return what findings amount to."""
    severities = {finding.severity for finding in findings}
    if "error" in severities:
        return "refused"
    return "accepted_with_remarks" if "warning" in severities else "accepted"
