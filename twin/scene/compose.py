"""Puts a scene together: ground, buildings and other things, in the order in which they need each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from twin.scene.buildings import BuildingSpec, prisms
from twin.scene.chance import stream
from twin.scene.downtown import downtown_works, plan_downtown
from twin.scene.downtown_things import (
    downtown_buildings,
    downtown_cars,
    downtown_decks,
    downtown_rods,
    downtown_trees,
)
from twin.scene.earthworks import Earthwork, index_works
from twin.scene.greenery import plant
from twin.scene.hillside import cliff_houses, cliff_road, cliff_works, hill_works, road_decks
from twin.scene.layout import CLIFF, HIGHRISE, HILLS, Layout, layout_of
from twin.scene.materials import ROOF_CONCRETE, ROOF_METAL, ROOF_TILE
from twin.scene.objects import Objects, SolidRow, assemble
from twin.scene.terrain import grid_of
from twin.scene.town import Town, build_town
from twin.scene.works import build_works, cars, lamps, line_v, wrecks

if TYPE_CHECKING:
    from twin.scene.params import SceneParams

__all__ = ["compose"]


def compose(params: SceneParams) -> tuple[Layout, Town, Objects]:
    """Return the ground, the buildings and everything that rays can meet."""
    lay = _settled(layout_of(params))
    if lay.kind == HIGHRISE:
        return _downtown(lay, params.seed)
    if lay.kind == CLIFF:
        return _cliffs(lay, params.seed)
    if lay.kind == HILLS:
        lay = _with_works(lay, hill_works(lay, params.seed))
    town = build_town(lay, params.seed)
    works = build_works(lay)
    rows = [*_building_rows(params.seed, town.buildings), *works.solids]
    rows += wrecks(lay, params.seed) if "wreck" in params.features else []
    standing = assemble(lay.edge, rows, [])
    rows += cars(lay, params.seed, standing, town.car_parks)
    rods = [*works.rods, *lamps(lay, params.seed, standing)]
    crowns = plant(lay, params.seed, assemble(lay.edge, rows, []), town.parks, line_v(lay))
    return lay, town, assemble(lay.edge, rows, rods, crowns)


def _downtown(lay: Layout, seed: int) -> tuple[Layout, Town, Objects]:
    plan = plan_downtown(lay, seed)
    lay = _with_works(lay, downtown_works(lay, plan, seed))
    town = Town(downtown_buildings(lay, plan, seed), [], [])
    rows = [*_building_rows(seed, town.buildings), *downtown_decks(lay, plan, seed)]
    standing = assemble(lay.edge, rows, [])
    trees = downtown_trees(lay, plan, seed, standing, town.buildings)
    rows += downtown_cars(lay, plan, seed, standing)
    return lay, town, assemble(lay.edge, rows, downtown_rods(lay, plan, seed, town.buildings), trees)


def _cliffs(lay: Layout, seed: int) -> tuple[Layout, Town, Objects]:
    road, works = cliff_road(lay), cliff_works(lay, seed)
    lay = _with_works(lay, works)
    town = Town(cliff_houses(lay, seed, works), [], [])
    rows = [*_building_rows(seed, town.buildings), *road_decks(road)]
    standing = assemble(lay.edge, rows, [])
    crowns = plant(lay, seed, standing, [], line_v(lay))
    return lay, town, assemble(lay.edge, rows, build_works(lay).rods, crowns)


def _with_works(lay: Layout, works: list[Earthwork]) -> Layout:
    table, start, member = index_works(lay.edge, works)
    return lay._replace(works=table, works_start=start, works_member=member)


def _settled(lay: Layout) -> Layout:
    """Fix the heights that depend on the rolling terrain: the terraced quarter's, and the pond's level."""
    if lay.kind != HILLS:
        return lay
    n = 200
    rolling = grid_of(lay._replace(radius=1e-6), n)
    middle = int(lay.centre_v / lay.edge * n), int(lay.centre_u / lay.edge * n)
    lay = lay._replace(top=float(rolling[middle]))
    return lay._replace(water=float(np.quantile(grid_of(lay, n), 0.04)))


def _building_rows(seed: int, buildings: list[tuple[BuildingSpec, float]]) -> list[SolidRow]:
    return [row for number, item in enumerate(buildings, 1) for row in _solid_rows(seed, number, *item)]


def _solid_rows(seed: int, number: int, spec: BuildingSpec, ground: float) -> list[SolidRow]:
    metal, tint = stream(seed, 15, number).random(2)
    pitched = spec.kind in ("gabled", "hipped", "row", "l_shaped", "shed")
    material = (ROOF_METAL if metal < 0.3 else ROOF_TILE) if pitched else ROOF_CONCRETE
    return [(part, 6, material, number, float(tint)) for part in prisms(spec, ground)]
