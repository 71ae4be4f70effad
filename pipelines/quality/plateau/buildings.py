"""Faults of one building's geometry and references, and what is kept of it to compare it with others."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import shapely

from pipelines.quality.plateau.faces import area_vector, polygon_fault
from pipelines.quality.plateau.solids import Shell, groups_of_touching, shell_fault, shell_of
from tiles.citygml.geometry import href, surfaces_of
from tiles.citygml.scan import gml_id, local

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from xml.etree.ElementTree import Element

    import numpy as np
    from numpy.typing import NDArray

    from tiles.citygml.decode import BuildingElement
    from tiles.citygml.geometry import Surface

__all__ = ["Kept", "building_faults", "part_faults"]

Fault = tuple[str, str, str, str]
"""Rule, ``gml:id``, level, message."""
_GEOMETRY = re.compile(r"lod([0-4])(Solid|MultiSurface|Geometry|RoofEdge|FootPrint)$")
_INSTALLATION_SHAPES = frozenset({"MultiSurface", "Solid"})


@dataclass(slots=True, eq=False)
class Kept:
    """What comparing with others needs."""

    outline: shapely.Geometry = field(default_factory=shapely.Polygon)
    """LoD0, metres; empty if there is none."""
    degrees: shapely.Geometry = field(default_factory=shapely.Polygon)
    """LoD0 in the file's coordinates, x eastwards."""
    shells: dict[str, Shell] = field(default_factory=dict)
    """Solid of each level."""


def building_faults(
    found: BuildingElement,
    metres: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    eastwards: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    kept: Kept,
) -> Iterator[Fault]:
    """Yield the faults of one building or part, and fill in what is kept of it.

    Parameters
    ----------
    found
        The building.
    metres
        Brings points of shape (n, 3) to metres, x eastwards.
    eastwards
        Puts the easting or longitude first, in the file's unit.
    kept
        Gets outline and solids.
    """
    yield from _reference_faults(found)
    yield from _installation_faults(found)
    for level, surfaces in _by_level(found).items():
        for surface in surfaces:
            fault = polygon_fault([metres(ring) for ring in surface.rings])
            if fault:
                named = f" in {surface.id}" if surface.id else ""
                yield "L-face", found.id, level, f"{fault}{named}"
        if level == "0":
            yield from _outline_faults(found, surfaces, metres, eastwards, kept)
    for child in found.element:
        match = _GEOMETRY.match(local(child))
        if match is None or match[2] != "Solid":
            continue
        pieces = _surfaces(child, found)
        shell = shell_of([[metres(ring) for ring in surface.rings] for surface in pieces])
        if shell is None:
            continue
        kept.shells[match[1]] = shell
        fault = shell_fault(shell)
        if fault:
            yield ("L14-open" if fault == "SurfaceNotClosed" else "L14"), found.id, match[1], fault


def part_faults(parts: list[tuple[BuildingElement, Kept]]) -> Iterator[Fault]:
    """Yield the faults of a building's parts together: levels that parts must not have, and parts that stand apart."""
    for part, _ in parts:
        levels = sorted({match[1] for child in part.element if (match := _GEOMETRY.match(local(child)))})
        for level in levels:
            if level in "01":
                yield "L-part", part.id, level, f"a part of {part.parent} has LOD{level}"
    for level in ("2", "3", "4"):
        solid = [(part, kept.shells[level]) for part, kept in parts if level in kept.shells]
        groups = groups_of_touching([shell for _, shell in solid])
        if len(groups) == 1 and len(groups[0]) > 1:
            continue
        for group in groups:
            how = "stands alone" if len(group) == 1 else f"hangs together with {len(group) - 1} but not all others"
            for i in group:
                yield "L-bldg-02", solid[i][0].id, level, f"part of {solid[i][0].parent} {how}"


def _by_level(found: BuildingElement) -> dict[str, list[Surface]]:
    """Each polygon once, by level: of the building itself and of its boundary surfaces."""
    levels: dict[str, dict[int, Surface]] = {}
    own = [child for child in found.element if local(child) in ("boundedBy", "boundary")]
    for holder in [found.element, *(surface for child in own for surface in child)]:
        for child in holder:
            match = _GEOMETRY.match(local(child))
            if match is not None:
                for surface in _surfaces(child, found):
                    levels.setdefault(match[1], {}).setdefault(id(surface.source), surface)
    return {level: list(levels[level].values()) for level in sorted(levels)}


def _surfaces(holder: Element, found: BuildingElement) -> list[Surface]:
    """Surfaces of a property; none if something that it refers to is missing, which has a rule of its own."""
    missing = [name for element in holder.iter() if (name := href(element)) and found.resolve(name) is None]
    return [] if missing else list(surfaces_of(holder, found.resolve, found.where))


def _outline_faults(
    found: BuildingElement,
    surfaces: list[Surface],
    metres: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    eastwards: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    kept: Kept,
) -> Iterator[Fault]:
    rings = [[metres(ring) for ring in surface.rings] for surface in surfaces]
    for surface, own in zip(surfaces, rings, strict=True):
        if len(own[0]) >= 4 and area_vector(own[0])[2] < 0:
            yield "L-turned", found.id, "0", f"looks down{f': {surface.id}' if surface.id else ''}"
    kept.outline = _plan(rings)
    kept.degrees = _plan([[eastwards(ring) for ring in surface.rings] for surface in surfaces])


def _plan(faces: list[list[NDArray[np.float64]]]) -> shapely.Geometry:
    plans = [
        shapely.Polygon(rings[0][:, :2], [ring[:, :2] for ring in rings[1:] if len(ring) >= 4])
        for rings in faces
        if len(rings[0]) >= 4
    ]
    return shapely.union_all([shapely.make_valid(plan) for plan in plans])


def _reference_faults(found: BuildingElement) -> Iterator[Fault]:
    """Check rule L-bldg-06: a solid refers to every polygon of the boundaries of its level, and to nothing else."""
    for child in found.element:
        match = _GEOMETRY.match(local(child))
        if match is None or match[2] != "Solid":
            continue
        targets = [name for element in child.iter() if (name := href(element))]
        if not targets:
            continue
        polygons = _boundary_polygons(found.element, match[1])
        for name in targets:
            if name not in polygons:
                yield "L-bldg-06", found.id, match[1], f"lod{match[1]}Solid refers to {name}, which is no boundary's"
        for name in polygons:
            if name not in targets:
                yield "L-bldg-06", found.id, match[1], f"lod{match[1]}Solid does not refer to {name}"


def _boundary_polygons(building: Element, level: str) -> list[str]:
    holders = [
        child
        for boundary in building
        if local(boundary) in ("boundedBy", "boundary")
        for surface in boundary
        for child in surface
        if local(child) == f"lod{level}MultiSurface"
    ]
    named = [gml_id(element) for holder in holders for element in holder.iter() if local(element) == "Polygon"]
    return [name for name in named if name]


def _installation_faults(found: BuildingElement) -> Iterator[Fault]:
    for holder in found.element:
        for thing in holder:
            if local(thing) != "BuildingInstallation":
                continue
            for child in thing:
                match = _GEOMETRY.match(local(child))
                shapes = [local(shape) for shape in child] if match is not None else []
                if match is not None and any(shape not in _INSTALLATION_SHAPES for shape in shapes):
                    yield "T-bldg-02", gml_id(thing), match[1], f"{local(child)} is a gml:{shapes[0]}"
