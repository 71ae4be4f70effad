"""From the datum of a file's heights to the store's: constant offsets on record, and grids that the user gives.

Which grids are needed, and in which order, is found from what each leads from and to; where one is missing the file is
refused with its name. A geoid is 37 m above the ellipsoid in Tokyo: there is no height without it that is nearly right.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.ingest.geoids import GeoidFile, HeightStep
from twin.errors import DatumError
from twin.vertical import ELLIPSOIDAL, VerticalDatum, convert_height

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from twin.zeros import LocalZero

__all__ = ["Conversions", "HeightWay", "height_way"]

_MAX_GRIDS = 3
"""Grids on a way: into the ellipsoid, out of it, and an island's own zero."""

_GSI = "https://fgd.gsi.go.jp/download/geoid.php"
_NEEDED = {
    ("ellipsoidal", "TP@JGD2024"): f"GSI's geoid JPGEO2024.isg ({_GSI})",
    ("ellipsoidal", "TP@JGD2011"): f"GSI's geoid gsigeo2011_ver2_2.asc ({_GSI})",
    ("ellipsoidal", "TP"): f"GSI's geoid, JPGEO2024.isg or gsigeo2011_ver2_2.asc by the epoch of the heights ({_GSI})",
    ("TP@JGD2011", "TP@JGD2024"): (
        "GSI's correction hyokorevBM_jgd2024_h.par (https://www.gsi.go.jp/sokuchikijun/sokuchikijun41012.html), or the"
        " geoids of both epochs"
    ),
    ("TP", "local"): f"GSI's Hrefconv2024.isg ({_GSI}) as local:<island>=Hrefconv2024.isg",
    ("ellipsoidal", "local"): f"GSI's JPGEO2024.isg, and Hrefconv2024.isg as local:<island>=Hrefconv2024.isg ({_GSI})",
}
"""Grids that lead from one datum to another, by the names of both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeightWay:
    """From one datum to another."""

    shift_m: float = 0.0
    """Metres to add, the same everywhere."""
    steps: tuple[HeightStep, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversions:
    """What may be used to bring a file into a store."""

    geoids: tuple[GeoidFile, ...] = ()
    zeros: Mapping[str, LocalZero] | None = field(default=None, hash=False)
    """Local zeros by name; those in ``config/datums`` if None."""
    accept_m: float = 0.0
    """See `twin.transforms.accurate_transformer`."""


def height_way(source: VerticalDatum, target: VerticalDatum, means: Conversions) -> HeightWay:
    """Find the way from one datum to another with the fewest grids.

    Raises
    ------
    DatumError
        If there is none, or two with different grids; the message names the grid that is needed.
    """
    constant = _constant(source, target, means)
    if constant is not None:
        return HeightWay(shift_m=constant)
    edges = _edges(source, target, means.geoids)
    found = list(_search(source, target, edges, means, ()))
    if not found:
        raise DatumError(_why_not(source, target, means))
    fewest = min(len(way) for way in found)
    shortest = [way for way in found if len(way) == fewest]
    if len(shortest) > 1:
        models = " or ".join(" and ".join(step.files[0].model for step, *_ in way) for way in shortest)
        raise DatumError(
            f"{source} to {target} by {models}: they differ; say which epoch the heights and the store are of, such as"
            " TP@JGD2024, or give only the grids that are meant"
        )
    at, shift_m = source, 0.0
    for _, start, end in shortest[0]:
        shift_m += convert_height(0.0, at, start, means.zeros)
        at = end
    shift_m += convert_height(0.0, at, target, means.zeros)
    return HeightWay(shift_m=shift_m, steps=tuple(step for step, *_ in shortest[0]))


_Edge = tuple[HeightStep, VerticalDatum, VerticalDatum]
"""A step, where it begins and where it ends."""


def _edges(source: VerticalDatum, target: VerticalDatum, geoids: Sequence[GeoidFile]) -> list[_Edge]:
    """Return every use that the grids allow, both ways; those between the same two datums together."""
    unnamed = source if target.name == ELLIPSOIDAL.name else target
    groups: dict[tuple[str, str], list[GeoidFile]] = {}
    for file in geoids:
        if not file.surface and file.is_known:
            continue
        ends = (file.base or str(ELLIPSOIDAL), file.surface or str(unnamed))
        groups.setdefault(ends, []).append(file)
    edges: list[_Edge] = []
    for (base, surface), files in groups.items():
        low, high = VerticalDatum.parse(base), VerticalDatum.parse(surface)
        edges.append((HeightStep(files=tuple(files), sign=-1), low, high))
        edges.append((HeightStep(files=tuple(files), sign=1), high, low))
    return edges


def _search(
    at: VerticalDatum, target: VerticalDatum, edges: Sequence[_Edge], means: Conversions, used: tuple[_Edge, ...]
) -> Iterator[tuple[_Edge, ...]]:
    """Yield every way that uses each group of grids once at most."""
    if used and _constant(at, target, means) is not None:
        yield used
        return
    if len(used) == _MAX_GRIDS:
        return
    for edge in edges:
        step, start, end = edge
        if any(step.files == other.files for other, *_ in used) or _constant(at, start, means) is None:
            continue
        yield from _search(end, target, edges, means, (*used, edge))


def _constant(source: VerticalDatum, target: VerticalDatum, means: Conversions) -> float | None:
    """Return the offset between two datums, metres, if one is on record."""
    try:
        return convert_height(0.0, source, target, means.zeros)
    except DatumError:
        return None


def _why_not(source: VerticalDatum, target: VerticalDatum, means: Conversions) -> str:
    """Say why there is no way, and which grid would make one."""
    try:
        convert_height(0.0, source, target, means.zeros)
        reason = ""
    except DatumError as error:
        reason = str(error)
    ends = sorted((source, target), key=lambda datum: datum.name != ELLIPSOIDAL.name)
    keys = [(str(ends[0]), str(ends[1])), (ends[0].name, ends[1].name), tuple(sorted(map(str, ends)))]
    keys += [(a.name, "local") for a, b in (ends, ends[::-1]) if b.name.startswith("local:")]
    needed = next((_NEEDED[key] for key in keys if key in _NEEDED), "")
    if not needed and ELLIPSOIDAL.name in (source.name, target.name):
        needed = "a grid of its geoid"
    unused = [file for file in means.geoids if file.is_known and not file.surface]
    if unused:
        needed = f"the zero that {unused[0].model} leads to, as in local:hachijojima={Path(unused[0].path).name}"
    return f"{reason}; converting needs {needed}, given with --geoid" if needed else reason
