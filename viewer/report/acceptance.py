"""The acceptance report: one HTML file that says what of a delivery is accepted, what is not, and what to do next.

The verdict comes first, then what refuses and the way out of it, then the delivery as a whole with figure, limit and
picture, then each file, folded. It is one file without anything from outside, and is printed as it is read.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import PurePath
from typing import TYPE_CHECKING

from markupsafe import Markup

from tiles.atomic import write_text
from twin import __version__
from viewer.report.acceptance_view import lay_out
from viewer.report.acceptance_words import COUNTED, SEVERITIES, SHARE_RULES, VERDICTS
from viewer.report.mapsvg import north_and_scale
from viewer.report.pages import environment, unit_text

if TYPE_CHECKING:
    from pathlib import Path

    from twin.acceptance import DeliveryReport, Finding
    from viewer.report.acceptance_view import AcceptanceView

__all__ = ["render_acceptance", "write_acceptance"]


def write_acceptance(report: DeliveryReport, out: Path, *, title: str = "") -> Path:
    """Write the page of a delivery's report; returns its path.

    Parameters
    ----------
    report
        What to tell.
    out
        HTML file to write; its folder is made.
    title
        Name of the delivery; the folder that all its files are in if empty.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    write_text(out, render_acceptance(report, title=title))
    return out


def render_acceptance(report: DeliveryReport, *, title: str = "", made_at: datetime | None = None) -> str:
    """Return the page.

    Parameters
    ----------
    report
        What to tell.
    title
        Name of the delivery; the folder that all its files are in if empty.
    made_at
        When the report is made, with a time zone; the clock if None.

    Notes
    -----
    5 000 files make a page of 7 MB in a few seconds; pictures of files take at most 12 MB of a page.
    """
    view = lay_out(report)
    pages = environment()
    pages.filters["figure"] = figure
    pages.globals["counted"] = COUNTED
    pages.globals["one_crs"] = "" if "," in view.crs else view.crs
    bar = Markup("")
    if view.index:
        bar = north_and_scale(0.0, view.index["width"], view.index["height"], view.index["width_m"])
    return pages.get_template("acceptance.html.j2").render(
        report=report,
        view=view,
        title=title or _folder(report),
        made_at=made_at or datetime.now(UTC).astimezone(),
        sentence=_sentence(report, view),
        verdicts=VERDICTS,
        severities=SEVERITIES,
        index_bar=bar,
        version=__version__,
    )


def figure(value: float, finding: Finding) -> str:
    """Write a finding's figure or limit with its unit; shares are written in percent.

    Examples
    --------
    >>> from twin.acceptance import Finding
    >>> figure(0.0312, Finding(rule="overlap", severity="info", message="", unit="m"))
    '0.031 m'
    >>> figure(0.0421, Finding(rule="noise", severity="info", message=""))
    '4.21 %'
    """
    if finding.unit == "share" or (not finding.unit and finding.rule in SHARE_RULES):
        return f"{100 * value:.3g} %"
    if finding.unit == "m":
        return f"{value:.3f} m".replace("-", "−")
    text = f"{value:,.0f}" if abs(value) >= 1000 or float(value).is_integer() else f"{value:.3g}"
    return f"{text} {unit_text(finding.unit)}".strip().replace("-", "−")


def _folder(report: DeliveryReport) -> str:
    """Return the name of the deepest folder that holds all files; of one file, its own name."""
    paths = [PurePath(source.uri) for source in report.sources]
    if len(paths) == 1:
        return paths[0].name
    common = {part for path in paths for part in path.parents}
    for path in paths:
        common &= set(path.parents)
    deepest = max(common, key=lambda path: len(path.parts), default=PurePath())
    return deepest.name or "–"


def _sentence(report: DeliveryReport, view: AcceptanceView) -> tuple[str, str]:
    """Say in one sentence what the verdict means; Japanese, English."""
    n, refused, remarks = len(report.sources), view.counts["refused"], view.counts["accepted_with_remarks"]
    whole = sum(finding.severity == "error" for finding in report.findings)
    if refused:
        also_ja = f"納品全体にも{whole}件の不合格があります。" if whole else ""
        also_en = f" The delivery as a whole breaks {whole} of its limits." if whole else ""
        return (
            f"{n:,}ファイルのうち{refused:,}ファイルが不合格です。下の対応のうえ再納品してください。{also_ja}",
            f"{refused:,} of {n:,} files are refused; they can be delivered again once the points below are settled."
            + also_en,
        )
    if whole:
        return (
            f"各ファイルは受け入れ可能ですが、納品全体が{whole}件の基準を満たしていません。",
            f"Each file can be taken, but the delivery as a whole breaks {whole} of its limits.",
        )
    if report.verdict == "accepted_with_remarks":
        return (
            f"{n:,}ファイルすべて受け入れ可能です。{remarks:,}ファイルに指摘があります。",
            f"All {n:,} files can be taken; there are remarks on {remarks:,} of them.",
        )
    return f"{n:,}ファイルすべて合格です。", f"All {n:,} files are accepted."
