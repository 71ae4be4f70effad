"""A `DeliveryReport` laid out for its page: what comes first, what is grouped, and which pictures there is room for."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from twin.acceptance import MapPicture
from viewer.palette import class_colors
from viewer.report.acceptance_words import AUXILIARY, FACTS, REQUIREMENTS, RuleWords, rule_words
from viewer.report.chartsvg import LINE_COLORS, draw_chart
from viewer.report.mapsvg import MapView, draw_map
from viewer.report.pages import datum, unit_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from markupsafe import Markup

    from twin.acceptance import DeliveryReport, Finding, Picture, SourceReport, Verdict

__all__ = ["AcceptanceView", "FileView", "PictureView", "Reason", "lay_out"]

_MOST_PICTURE_BYTES = 12_000_000
"""Of all pictures of files together; the page stays under 20 MB with 5 000 files."""
_MOST_PICTURES = 400
_RANK: dict[Verdict, int] = {"refused": 0, "accepted_with_remarks": 1, "accepted": 2}
_LEAST_INDEX = 4
"""Files from which a map of their boxes says something."""
_LISTED = 8
"""Entries of a list that are written out."""
Pair = tuple[str, str]
"""Japanese, English."""
_SEVERITY = ("error", "warning", "info")


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureView:
    """A drawn picture with its words."""

    name: str
    title: tuple[str, str]
    """Japanese, English."""
    svg: Markup
    unit: str = ""
    map: MapView | None = None
    keys: tuple[tuple[str, str, str], ...] = ()
    """Colour, Japanese and English name of each series or class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileView:
    """One file on the page."""

    report: SourceReport
    name: str
    pictures: tuple[PictureView, ...] = ()
    facts: tuple[tuple[Pair, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why files are refused, or remarked on, and the way out."""

    rule: str
    words: RuleWords
    files: tuple[tuple[str, Finding], ...]
    """Name and finding of each file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptanceView:
    """All that the template reads."""

    counts: Mapping[str, int]
    """Files by verdict."""
    points: int
    reasons: tuple[Reason, ...]
    """Of refusals, those of most files first."""
    remarks: tuple[Reason, ...]
    requirements: tuple[Mapping[str, Any], ...]
    shown: tuple[tuple[Finding, RuleWords, PictureView], ...]
    """Findings of the delivery with a picture, worst first; each picture stands with the first that names it."""
    told: tuple[tuple[Finding, RuleWords], ...]
    """The others, worst first."""
    pictures: tuple[PictureView, ...]
    """Of the delivery, those that no finding names."""
    classes: tuple[Mapping[str, Any], ...]
    groups: tuple[tuple[tuple[Pair, str], ...], ...]
    """Facts of the files of each CRS."""
    crs: str
    """CRS of the files, all of them if there are several."""
    vertical: str
    files: tuple[FileView, ...]
    """Refused first, then those with remarks, then the others; by name within."""
    n_without_pictures: int
    """Files whose pictures found no room."""
    index: Mapping[str, Any] = field(default_factory=dict)


def lay_out(report: DeliveryReport) -> AcceptanceView:
    """Lay a report out; pictures are drawn here."""
    names = _names(report.sources)
    order = sorted(range(len(names)), key=lambda i: (_RANK[report.sources[i].verdict], names[i]))
    files, n_without = _files([(report.sources[i], names[i]) for i in order])
    # The histogram of classes stands as a table, with colours and names.
    drawn = {one.name: _picture(one) for one in report.pictures if not one.name.startswith("classes")}
    shown, told = _with_pictures(report.findings, drawn)
    counts = Counter(source.verdict for source in report.sources)
    named = [(names[i], report.sources[i]) for i in order]
    return AcceptanceView(
        counts={verdict: counts.get(verdict, 0) for verdict in ("accepted", "accepted_with_remarks", "refused")},
        points=sum(source.points for source in report.sources),
        reasons=_reasons(named, "error"),
        remarks=_reasons(named, "warning"),
        requirements=_requirements(report.requirements),
        shown=shown,
        told=told,
        pictures=tuple(drawn.values()),
        classes=_classes(report),
        groups=tuple(_facts(group) for group in report.facts.get("groups", ())),
        crs=_common(report.sources, "crs"),
        vertical=_common(report.sources, "vertical", datum),
        files=files,
        n_without_pictures=n_without,
        index=_index(named),
    )


def _names(sources: Sequence[SourceReport]) -> list[str]:
    """Return short names: the file's, with as many folders before it as tell it from the others."""
    paths = [PurePosixPath(source.uri.replace("\\", "/")) for source in sources]
    plain = Counter(path.name for path in paths)
    return [path.name if plain[path.name] == 1 else "/".join(path.parts[-3:]) for path in paths]


def _files(ordered: Sequence[tuple[SourceReport, str]]) -> tuple[tuple[FileView, ...], int]:
    """Draw the pictures of files, worst files first, until the room for them is full."""
    views, used, n_drawn, n_without = [], 0, 0, 0
    for source, name in ordered:
        pictures: tuple[PictureView, ...] = ()
        if used < _MOST_PICTURE_BYTES and n_drawn < _MOST_PICTURES:
            pictures = tuple(_picture(picture, small=True) for picture in source.pictures)
            used += sum(len(picture.svg) for picture in pictures)
            n_drawn += len(pictures)
        elif source.pictures:
            n_without += 1
        views.append(FileView(report=source, name=name, pictures=pictures, facts=_facts(source.facts)))
    return tuple(views), n_without


def _picture(picture: Picture, *, small: bool = False) -> PictureView:
    title = (picture.title_ja or picture.title, picture.title)
    if isinstance(picture, MapPicture):
        view = draw_map(picture, small=small)
        return PictureView(
            name=picture.name, title=title, svg=view.svg, unit=unit_text(picture.unit), map=view, keys=view.keys
        )
    keys = [
        (LINE_COLORS[i % len(LINE_COLORS)], one.name_ja or one.name, one.name) for i, one in enumerate(picture.series)
    ]
    return PictureView(
        name=picture.name, title=title, svg=draw_chart(picture), keys=tuple(keys) if len(keys) > 1 else ()
    )


def _with_pictures(
    findings: Iterable[Finding], drawn: dict[str, PictureView]
) -> tuple[tuple[tuple[Finding, RuleWords, PictureView], ...], tuple[tuple[Finding, RuleWords], ...]]:
    """Part findings into those that a picture stands with, and the others; `drawn` keeps the pictures left over."""
    shown, told = [], []
    for finding in sorted(findings, key=lambda finding: _SEVERITY.index(finding.severity)):
        picture, words = drawn.pop(finding.picture, None), rule_words(finding.rule)
        if picture is None:
            told.append((finding, words))
        else:
            shown.append((finding, words, picture))
    return tuple(shown), tuple(told)


def _reasons(named: Sequence[tuple[str, SourceReport]], severity: str) -> tuple[Reason, ...]:
    """Group files by the rules that they break, each file once a rule."""
    groups: dict[str, dict[str, Finding]] = {}
    for name, source in named:
        for finding in source.findings:
            if finding.severity == severity:
                groups.setdefault(finding.rule, {}).setdefault(name, finding)
    reasons = [Reason(rule=rule, words=rule_words(rule), files=tuple(files.items())) for rule, files in groups.items()]
    return tuple(sorted(reasons, key=lambda reason: (-len(reason.files), reason.rule)))


def _requirements(stated: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """Return rows of what is judged, in the order of the words, with the source of each value."""
    rows = []
    for key, (japanese, english, unit) in REQUIREMENTS.items():
        entry = stated.get(key)
        value, source = (entry.get("value"), entry.get("source", "")) if isinstance(entry, dict) else (entry, "")
        if value is None or value in ("", [], ()):
            continue
        if key in AUXILIARY and not any(_stated(stated.get(main)) for main in AUXILIARY[key]):
            continue
        rows.append({"name": (japanese, english), "value": _value(value, unit), "source": str(source)})
    return tuple(rows)


def _value(value: Any, unit: str) -> str:
    if unit == "%":
        return f"{100 * value:g} %"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    if isinstance(value, str):
        return Path(value).name
    return f"{value:g} {unit}".strip()


def _classes(report: DeliveryReport) -> tuple[Mapping[str, Any], ...]:
    """Add up the class histograms of all files that state one."""
    counts: Counter[int] = Counter()
    for source in report.sources:
        stated = source.facts.get("classes")
        if isinstance(stated, dict):
            counts.update({int(code): int(n) for code, n in stated.items()})
    words = {entry.code: entry for entry in class_colors()}
    total = sum(counts.values())
    return tuple(
        {
            "code": code,
            "n": n,
            "share": n / total,
            "color": words[code].color if code in words else "#969696",
            "name": (words[code].name_ja, words[code].name_en) if code in words else ("", ""),
        }
        for code, n in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    )


def _stated(entry: Any) -> bool:
    return (entry.get("value") if isinstance(entry, dict) else entry) is not None


def _common(sources: Sequence[SourceReport], key: str, written: Callable[[str], str] = str) -> str:
    """Return what files state under a key, most frequent first."""
    counts = Counter(written(str(value)) for source in sources if (value := source.facts.get(key)))
    return ", ".join(value for value, _ in counts.most_common())


def _facts(facts: Mapping[str, Any]) -> tuple[tuple[Pair, str], ...]:
    """Write facts as text, each with its name."""
    return tuple(
        (FACTS.get(key, (key.replace("_", " "),) * 2), _plain(value))
        for key, value in facts.items()
        if value not in (None, "", [], {})
    )


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_plain(one)}" for key, one in value.items())
    if isinstance(value, (list, tuple)):
        more = f" … ({len(value):,})" if len(value) > _LISTED else ""
        return ("; " if value and isinstance(value[0], dict) else ", ").join(map(_plain, value[:_LISTED])) + more
    if isinstance(value, float):
        return f"{value:,.3f}".rstrip("0").rstrip(".") if abs(value) >= 0.001 else f"{value:g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _index(named: Sequence[tuple[str, SourceReport]]) -> Mapping[str, Any]:
    """Return the boxes of the files on paper, those of the most frequent CRS; empty if none is known."""
    known = [(name, source, box) for name, source in named if (box := _box(source.facts)) is not None]
    if len(known) < _LEAST_INDEX:
        return {}
    crs = Counter(str(source.facts.get("crs", "")) for _, source, _ in known).most_common(1)[0][0]
    shown = [(name, source.verdict, box) for name, source, box in known if str(source.facts.get("crs", "")) == crs]
    west, south = min(box[0] for *_, box in shown), min(box[1] for *_, box in shown)
    east, north = max(box[2] for *_, box in shown), max(box[3] for *_, box in shown)
    scale = min(520.0 / max(east - west, 1e-9), 420.0 / max(north - south, 1e-9))
    boxes = [
        {
            "name": name,
            "verdict": verdict,
            "x": (box[0] - west) * scale,
            "y": (north - box[3]) * scale,
            "width": max((box[2] - box[0]) * scale, 1.5),
            "height": max((box[3] - box[1]) * scale, 1.5),
        }
        for name, verdict, box in reversed(shown)  # refused ones last, on top
    ]
    return {
        "boxes": boxes, "crs": crs, "width": (east - west) * scale, "height": (north - south) * scale,
        "not_shown": len(named) - len(shown), "scale": scale, "width_m": east - west,
    }  # fmt: skip


def _box(facts: Mapping[str, Any]) -> tuple[float, float, float, float] | None:
    """Return (xmin, ymin, xmax, ymax) from a fact of four or six numbers."""
    stated = facts.get("box") or facts.get("bounds")
    if not isinstance(stated, (list, tuple)) or len(stated) not in (4, 6):
        return None
    half = len(stated) // 2
    return float(stated[0]), float(stated[1]), float(stated[half]), float(stated[half + 1])
