from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import shapely

from pipelines.flood.scenario import burned, load_scenario, parse_scenario, resolve_level, seed_choice
from twin.config import preset_names
from twin.errors import ConfigError, DatumError, StageError
from twin.observation import Observation
from twin.vertical import AP, TP, VerticalDatum

NOW = datetime(2025, 10, 1, 6, 0, tzinfo=UTC)
FIXED = {"title": {"en": "Surge"}, "level": {"value_m": 3.0, "datum": "A.P."}}
GAUGED = {"title": {"en": "Gauge"}, "level": {"gauge": "g", "feed": "f", "offset_m": 0.5}}


def observed(value=1.0, minutes=0, vertical=AP, **changes):
    facts = {"feed": "f", "entity": "g", "kind": "k", "quantity": "stage", "unit": "m", "received_at": NOW}
    moment = NOW - timedelta(minutes=minutes)
    return Observation(value=value, observed_at=moment, vertical=vertical, **(facts | changes))


def test_a_fixed_level_is_expressed_in_the_stores_datum():
    level = resolve_level(parse_scenario(FIXED, "s.yaml", "s").level, TP)
    assert level.height_m == pytest.approx(1.8656)
    assert (level.given_m, level.given_datum, level.source) == (3.0, "AP", "fixed")


def test_the_newest_reading_drives_the_level_through_its_datum():
    level = parse_scenario(GAUGED, "s.yaml", "s").level
    readings = [observed(2.0, 20), observed(3.0, 0), observed(9.0, 0, feed="other")]
    now = resolve_level(level, TP, readings)
    assert now.height_m == pytest.approx(3.0 + 0.5 - 1.1344)
    assert now.observed_at == NOW
    before = resolve_level(level, TP, readings, NOW - timedelta(minutes=10))
    assert before.height_m == pytest.approx(2.0 + 0.5 - 1.1344)
    assert before.as_json()["source"] == "f/g"
    assert before.as_json()["offset_m"] == 0.5


def test_a_gauge_without_a_datum_is_never_used():
    with pytest.raises(DatumError, match="no vertical datum"):
        resolve_level(parse_scenario(GAUGED, "s.yaml", "s").level, TP, [observed(vertical=None)])


def test_levels_that_cannot_be_compared_are_refused():
    with pytest.raises(DatumError, match="no offset"):
        resolve_level(parse_scenario(FIXED, "s.yaml", "s").level, VerticalDatum.parse("EPSG:5709"))
    with pytest.raises(StageError, match="not in metres"):
        resolve_level(parse_scenario(GAUGED, "s.yaml", "s").level, TP, [observed(unit="%")])


def test_a_gauge_that_has_not_reported_is_named_with_those_that_have():
    with pytest.raises(StageError, match="there are: other"):
        resolve_level(parse_scenario(GAUGED, "s.yaml", "s").level, TP, [observed(entity="other")])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"level": None}, "level is missing"),
        ({"level": {"value_m": 3.0}}, "needs its datum"),
        ({"level": {"value_m": 3.0, "datum": "TP", "gauge": "g"}}, "either value_m"),
        ({"level": {"gauge": "g", "datum": "TP"}}, "fact of its feed"),
        ({"level": {"value_m": 3.0, "datum": "AP", "offset_m": 1.0}}, "add it to value_m"),
        ({"level": {"value_m": float("nan"), "datum": "AP"}}, "finite"),
        ({"level": {"gauge": "g", "offset_m": float("inf")}}, "finite"),
        ({"level": {"value": 3.0}}, "did you mean 'value_m'"),
        ({"level": 3.0}, "expected keys and values"),
        ({"title": "Surge"}, "title is missing"),
        ({"seeds": {"water": "some"}}, "expected one of"),
        ({"seed": {}}, "did you mean 'seeds'"),
        ({"name": "a b"}, "letters"),
        ({"barriers": [{"name": "g", "geometry": "POINT (0 0)", "datum": "TP"}]}, "needs crest_m"),
        (
            {"barriers": [{"name": "g", "geometry": "POINT (0 0)", "datum": "TP", "crest_m": float("nan")}]},
            "finite numbers",
        ),
    ],
)
def test_a_wrong_scenario_is_a_sentence(change, message):
    with pytest.raises(ConfigError, match=message):
        parse_scenario({**FIXED, **change}, "s.yaml", "s")


def test_barriers_and_seeds_come_as_geometry_in_the_stores_datum():
    gate = {"name": "g", "geometry": "LINESTRING (0 0, 5 0)", "datum": "AP", "state": "closed", "crest_m": 4.5}
    content = {**FIXED, "barriers": [gate], "seeds": {"areas": ["POLYGON ((0 0, 1 0, 1 1, 0 0))"], "points": [[1, 2]]}}
    scenario = parse_scenario(content, "s.yaml", "s")
    barrier = burned(scenario.barriers[0], TP)
    assert barrier.height_m == pytest.approx(4.5 - 1.1344)
    assert not barrier.is_open
    choice = seed_choice(scenario.seeds)
    assert choice.points == ((1.0, 2.0),)
    assert isinstance(choice.areas[0], shapely.Polygon)
    with pytest.raises(ConfigError, match="not WKT"):
        seed_choice(parse_scenario({**FIXED, "seeds": {"areas": ["POLYGON"]}}, "s.yaml", "s").seeds)


@pytest.mark.parametrize("name", preset_names("scenarios"))
def test_shipped_scenarios_load(name):
    scenario = load_scenario(name)
    assert scenario.name == name
    assert scenario.title_ja
    seed_choice(scenario.seeds)


def test_the_surge_presets_lie_on_both_sides_of_the_dike():
    crest_m = 2.6
    holding, overtopping = (
        resolve_level(load_scenario(f"surge_{one}").level, TP) for one in ("holding", "overtopping")
    )
    assert holding.height_m < crest_m < overtopping.height_m
