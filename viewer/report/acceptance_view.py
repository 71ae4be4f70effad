"""A `DeliveryReport` laid out for its page: what comes first, what is grouped, and which pictures there is room for."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from twin.acceptance import MapPicture
from viewer.report.acceptance_facts import class_rows, common, fact_rows, requirement_rows
from viewer.report.acceptance_strips import StripsView, strips_of
from viewer.report.acceptance_words import RuleWords, rule_words
from viewer.report.chartsvg import LINE_COLORS, draw_chart
from viewer.report.mapsvg import MapView, crop, draw_map
from viewer.report.pages import datum, unit_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from markupsafe import Markup

    from twin.acceptance import DeliveryReport, Finding, Picture, SourceReport, Verdict

__all__ = ["AcceptanceView", "Card", "FileView", "PictureView", "Reason", "lay_out"]

_MOST_PICTURE_BYTES = 12_000_000
"""Of all pictures of files together; the page stays under 20 MB with 5 000 files."""
_MOST_PICTURES = 400
_RANK: dict[Verdict, int] = {"refused": 0, "accepted_with_remarks": 1, "accepted": 2}
_SHOWN = frozenset({"strips", "pairs", "classes"})
"""Facts of a group that the page shows in a table or picture of their own."""
_LEAST_INDEX = 4
"""Files from which a map of their boxes says something."""
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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Card:
    """Something said of the delivery as a whole."""

    finding: Finding
    words: RuleWords
    picture: PictureView | None
    others: tuple[Finding, ...]
    """More of the same rule and severity."""


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
    whole: tuple[Card, ...]
    """Limits that the delivery as a whole breaks."""
    cards: tuple[Card, ...]
    """What is said of the delivery as a whole, worst first: all that is grave, and facts with a picture."""
    told: tuple[Card, ...]
    """Facts without a picture."""
    pictures: tuple[PictureView, ...]
    """Of the delivery, those that no finding names."""
    classes: tuple[Mapping[str, Any], ...]
    strips: tuple[StripsView, ...]
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
    groups = report.facts.get("groups", ())
    # In files of several CRS, a box does not say which map it lies on.
    maps = [one for one in report.pictures if isinstance(one, MapPicture)] if len(groups) < 2 <= len(names) else []
    files, n_without = _files([(report.sources[i], names[i]) for i in order], maps)
    # The histogram of classes stands as a table, with colours and names.
    drawn = {one.name: _picture(one) for one in report.pictures if not one.name.startswith("classes")}
    cards = _cards(report.findings, drawn)
    shown = tuple(card for card in cards if card.picture or card.finding.severity != "info")
    counts = Counter(source.verdict for source in report.sources)
    named = [(names[i], report.sources[i]) for i in order]
    return AcceptanceView(
        counts={verdict: counts.get(verdict, 0) for verdict in ("accepted", "accepted_with_remarks", "refused")},
        points=sum(source.points for source in report.sources),
        reasons=_reasons(named, "error"),
        remarks=_reasons(named, "warning"),
        requirements=requirement_rows(report.requirements),
        whole=tuple(card for card in cards if card.finding.severity == "error"),
        cards=shown,
        told=tuple(card for card in cards if card not in shown),
        pictures=tuple(drawn.values()),
        classes=class_rows(report),
        strips=tuple(strips for group in groups if (strips := strips_of(group, is_one_of_many=len(groups) > 1))),
        groups=tuple(fact_rows({key: value for key, value in group.items() if key not in _SHOWN}) for group in groups),
        crs=common(report.sources, "crs"),
        vertical=common(report.sources, "vertical", datum),
        files=files,
        n_without_pictures=n_without,
        index=_index(named),
    )


def _names(sources: Sequence[SourceReport]) -> list[str]:
    """Return short names: the file's, with as many folders before it as tell it from the others."""
    paths = [PurePosixPath(source.uri.replace("\\", "/")) for source in sources]
    plain = Counter(path.name for path in paths)
    return [path.name if plain[path.name] == 1 else "/".join(path.parts[-3:]) for path in paths]


def _files(ordered: Sequence[tuple[SourceReport, str]], maps: Sequence[MapPicture]) -> tuple[tuple[FileView, ...], int]:
    """Draw the pictures of files and their parts of the delivery's maps, worst files first, while there is room."""
    views, used, n_drawn, n_without = [], 0, 0, 0
    for source, name in ordered:
        pictures: tuple[PictureView, ...] = ()
        if used < _MOST_PICTURE_BYTES and n_drawn < _MOST_PICTURES:
            own = [*source.pictures, *_parts(maps, source)]
            pictures = tuple(_picture(picture, small=True) for picture in own)
            used += sum(len(picture.svg) for picture in pictures)
            n_drawn += len(pictures)
        elif source.pictures or _parts(maps, source):
            n_without += 1
        views.append(FileView(report=source, name=name, pictures=pictures, facts=fact_rows(source.facts)))
    return tuple(views), n_without


def _parts(maps: Sequence[MapPicture], source: SourceReport) -> list[MapPicture]:
    """Cut a file's box out of the delivery's maps; nothing where that would be a few cells."""
    box = _box(source.facts)
    parts = [crop(one, box) for one in maps] if box is not None else []
    return [part for part in parts if part is not None]


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


def _cards(findings: Iterable[Finding], drawn: dict[str, PictureView]) -> tuple[Card, ...]:
    """Gather findings of one rule and severity, each picture with the first that names it.

    A finding with a picture of its own begins a card; `drawn` keeps the pictures that no finding names.
    """
    gathered: list[tuple[list[Finding], PictureView | None]] = []
    latest: dict[tuple[str, str], int] = {}
    for finding in sorted(findings, key=lambda finding: _SEVERITY.index(finding.severity)):
        key, picture = (finding.rule, finding.severity), drawn.pop(finding.picture, None)
        if picture is None and key in latest and finding.severity != "info":
            gathered[latest[key]][0].append(finding)
            continue
        latest.setdefault(key, len(gathered))
        gathered.append(([finding], picture))
    return tuple(
        Card(finding=members[0], words=rule_words(members[0].rule), picture=picture, others=tuple(members[1:]))
        for members, picture in gathered
    )


def _reasons(named: Sequence[tuple[str, SourceReport]], severity: str) -> tuple[Reason, ...]:
    """Group files by the rules that they break, each file once a rule."""
    groups: dict[str, dict[str, Finding]] = {}
    for name, source in named:
        for finding in source.findings:
            if finding.severity == severity:
                groups.setdefault(finding.rule, {}).setdefault(name, finding)
    reasons = [Reason(rule=rule, words=rule_words(rule), files=tuple(files.items())) for rule, files in groups.items()]
    return tuple(sorted(reasons, key=lambda reason: (-len(reason.files), reason.rule)))


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
