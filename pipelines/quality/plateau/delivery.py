"""A delivery of buildings checked by PLATEAU's rules: file by file, and what must differ between all of them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pipelines.quality.plateau.buildings import Kept, building_faults, part_faults
from pipelines.quality.plateau.facts import Identity, city_fault, fact_faults, identity, read_codes
from pipelines.quality.plateau.findings import Finding
from pipelines.quality.plateau.solids import overlapping_outlines, overlapping_shells
from tiles.citygml.attributes import attributes_of
from tiles.citygml.decode import buildings_in
from tiles.citygml.frame import north_first
from tiles.citygml.geometry import href
from tiles.citygml.references import References
from tiles.citygml.scan import gml_id, local, members, read_header
from twin.crs import parse_crs
from twin.errors import CrsError, FormatError
from twin.region_mesh import mesh_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path
    from xml.etree.ElementTree import Element

    from numpy.typing import NDArray

    from tiles.citygml.decode import BuildingElement

__all__ = ["check_files"]

_CODE = re.compile(r"EPSG[:/]+(?:[0-9.]*[:/]+)?(\d+)", re.IGNORECASE)
_SYSTEMS = frozenset({"6697", "11318"})
"""JGD2011 with T.P., and the same place with heights of JGD2024."""
_MESH = re.compile(r"(\d{8})_bldg_")
_DEGREE_M = 111_319.49079327358
"""Of the equator; a local scale needs no more."""


def check_files(paths: Iterable[Path], codes: Path | None = None) -> list[Finding]:
    """Check files of buildings by PLATEAU's rules.

    Looked for are C01 (``gml:id`` twice), C05 (``core:creationDate`` missing), C-bldg-01 (identifier twice), L05
    (reference system), L07, L09, L11, L13 (faces), L14 (solids), L-bldg-01 (overlaps, within a file), L-bldg-02 (parts
    that stand apart), L-bldg-04 and L-bldg-05 (usages), L-bldg-06 (references of solids), T-bldg-02 (installations),
    city codes, the format of identifiers, parts with LoD0 or LoD1, outlines that look down, and buildings in the file
    of another mesh.

    Parameters
    ----------
    paths
        CityGML files of one delivery.
    codes
        Code list of municipalities (``Common_localPublicAuthorities.xml``); if None that of the delivery's package is
        taken where it stands (``../../codelists`` of a file), else cities' codes are not looked at.

    Returns
    -------
    list of Finding
        In order of file, rule and id. Empty for a delivery without faults. A file that is no CityGML is one finding.

    Notes
    -----
    Lengths are measured on a plane that scales degrees as at the file's first point: within a mesh 1e-4 of a length.
    Outlines and solids of one file are in memory. About 1 ms a building of 10 faces.
    """
    delivery = _Delivery()
    for path in paths:
        listed = path.parent.parent.parent / "codelists" / "Common_localPublicAuthorities.xml"
        own = codes if codes is not None else listed if listed.is_file() else None
        try:
            _File(path, delivery, read_codes(own) if own is not None else {}).check()
        except FormatError as error:
            delivery.findings.append(Finding(file=path.name, rule="unreadable", id="", message=str(error)))
    delivery.compare()
    return sorted(delivery.findings)


@dataclass(slots=True)
class _Delivery:
    """What must be told apart over all files."""

    findings: list[Finding] = field(default_factory=list)
    ids: dict[str, list[str]] = field(default_factory=dict)
    """Files that hold each building's ``gml:id``."""
    identities: dict[Identity, list[tuple[str, str]]] = field(default_factory=dict)
    """File and ``gml:id`` of each identifier."""

    def compare(self) -> None:
        for name, files in self.ids.items():
            if len(files) > 1:
                message = f"{len(files)} times in the delivery"
                self.findings.extend(Finding(file=file, rule="C01", id=name, message=message) for file in files)
        for number, places in self.identities.items():
            if len(places) > 1:
                message = f"{'/'.join(filter(None, number))} is that of {len(places)} buildings"
                self.findings.extend(Finding(file=f, rule="C-bldg-01", id=n, message=message) for f, n in places)


class _File:
    """One file's check."""

    def __init__(self, path: Path, delivery: _Delivery, cities: Mapping[str, str]) -> None:
        self._path = path
        self._delivery = delivery
        self._cities = cities
        self._kept: list[tuple[str, Kept]] = []
        self._scale: NDArray[np.float64] | None = None
        self._origin = np.zeros(3)
        self._swapped, self._degrees = True, True

    def check(self) -> None:
        """Add what is found to the delivery's findings."""
        self._system()
        references = References(self._path)
        for member in members(self._path):
            resolve = references.within(member)
            self._targets(member, resolve)
            parts: dict[str, list[tuple[BuildingElement, Kept]]] = {}
            for found in buildings_in(member, resolve, self._path.name):
                kept = self._building(found)
                if found.parent:
                    parts.setdefault(found.parent, []).append((found, kept))
                else:
                    self._kept.append((found.id, kept))
            for group in parts.values():
                for rule, name, level, message in part_faults(group):
                    self._add(rule, name, level, message)
        self._overlaps()

    def _add(self, rule: str, name: str, level: str = "", message: str = "") -> None:
        self._delivery.findings.append(Finding(file=self._path.name, rule=rule, id=name, level=level, message=message))

    def _system(self) -> None:
        written = read_header(self._path).srs_name
        code = _CODE.search(written)
        if code is None or code[1] not in _SYSTEMS:
            self._add("L05", "", "", f"the reference system is {written or 'not named'!r}, not EPSG:6697")
        if code is not None:
            try:
                crs = parse_crs(f"EPSG:{code[1]}")
            except CrsError:
                return
            self._swapped, self._degrees = north_first(crs), crs.is_geographic

    def _targets(self, member: Element, resolve: Callable[[str], Element | None]) -> None:
        for element in member.iter():
            target = href(element)
            if target and resolve(target) is None:
                self._add("L-xlink", gml_id(member), "", f"#{target} is nowhere in the file")

    def _building(self, found: BuildingElement) -> Kept:
        kept = Kept()
        name, facts = found.id, attributes_of(found.element)
        self._delivery.ids.setdefault(name, []).append(self._path.name)
        for rule, message in fact_faults(name, facts):
            if rule != "C05" or local(found.element) == "Building":
                self._add(rule, name, "", message)
        if facts.get("buildingID"):
            self._delivery.identities.setdefault(identity(facts), []).append((self._path.name, name))
        wrong_city = city_fault(str(facts["city"]), self._cities) if self._cities and facts.get("city") else ""
        if wrong_city:
            self._add("T-city", name, "", wrong_city)
        try:
            for rule, own, level, message in building_faults(found, self._metres, self._eastwards, kept):
                self._add(rule, own, level, message)
        except FormatError as error:
            self._add("unreadable", name, "", str(error))
            return Kept()
        self._mesh(found, kept)
        return kept

    def _eastwards(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        return points[:, [1, 0, 2]] if self._swapped else points

    def _metres(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        moved = self._eastwards(points)
        if self._scale is None:
            self._origin = np.array([*np.floor(moved[0, :2] * 100) / 100, 0.0])
            east = _DEGREE_M * np.cos(np.radians(self._origin[1]))
            self._scale = np.array([east, _DEGREE_M, 1.0]) if self._degrees else np.ones(3)
        return (moved - self._origin) * self._scale

    def _mesh(self, found: BuildingElement, kept: Kept) -> None:
        if found.parent or kept.degrees.is_empty or not self._degrees:
            return
        named = _MESH.match(self._path.name)
        try:
            mesh = mesh_of(kept.degrees).code
        except ValueError as error:
            mesh = str(error)
        if named is None or named[1] != mesh:
            self._add("L-mesh", found.id, "0", f"belongs to mesh {mesh}")

    def _overlaps(self) -> None:
        flat = [(name, kept.outline) for name, kept in self._kept if not kept.outline.is_empty]
        self._pairs("0", [name for name, _ in flat], overlapping_outlines([outline for _, outline in flat]))
        for level in "1234":
            solid = [(name, kept.shells[level]) for name, kept in self._kept if level in kept.shells]
            self._pairs(level, [name for name, _ in solid], overlapping_shells([shell for _, shell in solid]))

    def _pairs(self, level: str, names: list[str], pairs: Iterator[tuple[int, int]]) -> None:
        for i, j in pairs:
            self._add("L-bldg-01", names[i], level, f"overlaps {names[j]}")
