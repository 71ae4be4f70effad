"""The surge presets on the synthetic bay's exact ground: which places get wet is known."""

from __future__ import annotations

import numpy as np
import pytest
from shapely import LineString

from pipelines.flood.ground import BurnedBarrier, Survey, prepare_ground
from pipelines.flood.overlay import static_overlay
from pipelines.flood.scenario import load_scenario, resolve_level, seed_choice
from tiles.flood import FloodState
from twin.legend import depth_legend
from twin.raster import Frame, Raster
from twin.scene import Scene, SceneParams


@pytest.fixture(scope="module")
def bay():
    return Scene.build(SceneParams(kind="bay", n_points=10_000))


@pytest.fixture(scope="module")
def terrain(bay):
    frame = Frame.covering(bay.bounds, 0.5)
    x, y = np.meshgrid(*frame.centers())
    ground = bay.ground(x, y).astype(np.float32)
    return Raster(values=ground, frame=frame, crs=bay.crs, vertical=bay.vertical), bay.is_water(x, y)


def overlay_of(bay, terrain, name, barriers=()):
    dtm, water = terrain
    scenario = load_scenario(name)
    survey = Survey(dtm_m=dtm.values, water=water, inside=np.ones(water.shape, dtype=bool), frame=dtm.frame)
    ground = prepare_ground(survey, seed_choice(scenario.seeds), barriers)
    level = resolve_level(scenario.level, dtm.vertical).height_m
    normal = resolve_level(scenario.normal, dtm.vertical).height_m
    assert normal == pytest.approx(bay.water_level_m)
    outlines = [house.footprint for house in bay.buildings()]
    return level, static_overlay(ground, dtm, level, normal_m=normal, outlines=outlines)


def at(bay, raster, place):
    x, y = (np.array([value]) for value in bay.places[place])
    return float(raster.sample(x, y)[0])


def test_below_the_crest_the_low_streets_stay_dry(bay, terrain):
    _, out = overlay_of(bay, terrain, "surge_holding")
    for street in ("low_street", "low_street_west"):
        assert at(bay, out.depth, street) == 0.0
        assert at(bay, out.critical_level, street) == pytest.approx(2.6, abs=0.05)
    assert at(bay, out.state, "open_water") == FloodState.WATER
    assert at(bay, out.state, "canal") == FloodState.WATER


def test_over_the_crest_they_flood_to_the_level(bay, terrain):
    level, out = overlay_of(bay, terrain, "surge_overtopping")
    for street in ("low_street", "low_street_west"):
        ground = float(bay.ground(*(np.array([value]) for value in bay.places[street]))[0])
        assert at(bay, out.depth, street) == pytest.approx(level - ground, abs=0.06)
    assert at(bay, out.depth, "islet") == 0.0
    assert at(bay, out.depth, "hill") == 0.0
    deepest = out.exposure.max_depth_m
    assert (depth_legend("flood_depth_ja").rank_of(deepest) >= 2).any()
    lowest = np.array([house.ground_m for house in bay.buildings()])
    flat = np.isfinite(deepest) & (deepest > 0)
    assert np.all(deepest[flat] >= level - lowest[flat] - 0.06)


def test_closing_the_canal_gate_alone_does_not_lower_the_sea_dike(bay, terrain):
    gate = bay.gates[0]
    line = LineString([(gate.x - gate.span_m, gate.y), (gate.x + gate.span_m, gate.y)])
    closed = [BurnedBarrier(name="gate", geometry=line, height_m=gate.closed_top_m, is_open=False)]
    _, out = overlay_of(bay, terrain, "surge_holding", closed)
    assert at(bay, out.critical_level, "canal") == pytest.approx(2.6, abs=0.05)  # over the sea dike, not the gate
    assert at(bay, out.critical_level, "open_water") < 0
