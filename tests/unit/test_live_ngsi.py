from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from pipelines.live.feed import load_feed, parse_feed
from pipelines.live.ngsi import entities_of, read_entity
from pipelines.live.replay import read_recording
from twin.errors import ConfigError
from twin.vertical import AP

NOW = datetime(2025, 10, 1, 6, 0, tzinfo=UTC)
FEED = {
    "title": {"ja": "試験", "en": "Test"},
    "area": [139.0, 35.0, 140.5, 36.0],
    "entities": {
        "WaterObserved": {
            "height": {"quantity": "stage", "unit": "m", "is_height": True},
            "flow": {"quantity": "discharge", "unit": "m3/s"},
        }
    },
    "datums": {"g1": "A.P."},
}


@pytest.fixture
def feed():
    return parse_feed(FEED, "test.yaml", "test")


def entity(**changes):
    base = {
        "id": "g1",
        "type": "WaterObserved",
        "dateObserved": {"type": "DateTime", "value": "2025-10-01T05:50:00Z"},
        "location": {"type": "geo:json", "value": {"type": "Point", "coordinates": [139.7, 35.6]}},
        "height": {"type": "Number", "value": 2.1, "metadata": {}},
    }
    return {key: value for key, value in (base | changes).items() if value is not ...}


def test_a_normalised_entity_becomes_an_observation_with_its_datum(feed):
    (one,), refused = read_entity(entity(name={"type": "Text", "value": "Gauge"}), feed, NOW)
    assert refused == []
    assert (one.quantity, one.value, one.unit, one.vertical) == ("stage", 2.1, "m", AP)
    assert (one.longitude_deg, one.latitude_deg, one.name) == (139.7, 35.6, "Gauge")
    assert one.observed_at == datetime(2025, 10, 1, 5, 50, tzinfo=UTC)
    assert one.received_at == NOW


def test_only_heights_have_a_datum_and_only_named_gauges(feed):
    (stage, flow), _ = read_entity(entity(flow={"value": 12}), feed, NOW)
    assert (stage.vertical, flow.vertical) == (AP, None)
    (stranger,), _ = read_entity(entity(id="g2"), feed, NOW)
    assert stranger.vertical is None


@pytest.mark.parametrize(
    "location",
    [
        {"type": "geo:json", "value": {"type": "Point", "coordinates": [139.7, 35.6]}},
        {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [139.7, 35.6, 2.0]}},
        {"type": "Point", "coordinates": [139.7, 35.6]},
        {"type": "Point", "coordinates": [35.6, 139.7]},
        {"type": "geo:json", "value": {"type": "Point", "coordinates": [35.6, 139.7]}},
        {"type": "geo:point", "value": "35.6, 139.7"},
        "35.6, 139.7",
        {"type": "geo:point", "value": "139.7, 35.6"},
    ],
)
def test_a_place_is_longitude_then_latitude_whatever_came(feed, location):
    (one,), refused = read_entity(entity(location=location), feed, NOW)
    assert refused == []
    assert (one.longitude_deg, one.latitude_deg) == (139.7, 35.6)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"location": {"value": {"type": "Point", "coordinates": [7.19, 43.66]}}}, "outside the feed's area"),
        ({"location": {"value": {"type": "LineString", "coordinates": [[139.7, 35.6]]}}}, "not a Point"),
        ({"location": {"value": {"type": "Point", "coordinates": ["a", None]}}}, "not a pair"),
        ({"location": {"value": {"type": "Point"}}}, "not a pair"),
        ({"height": {"value": None}}, "not a number"),
        ({"height": {"value": "high"}}, "not a number"),
        ({"height": {"value": True}}, "not a number"),
        ({"height": {"value": 10**400}}, "not a number"),
        ({"height": {"value": float("nan")}}, "not finite"),
        ({"height": {"value": 7.0, "metadata": {"unitCode": {"value": "KGM"}}}}, "cannot be turned into"),
        ({"height": ...}, "none of the attributes"),
        ({"dateObserved": {"value": "2025-10-01T05:50:00"}}, "no time zone"),
        ({"dateObserved": {"value": "yesterday"}}, "not ISO 8601"),
        ({"height": {"value": 1.0, "metadata": {"unitCode": {"value": ["MTR"]}}}}, "is no code"),
        ({"height": {"value": 1.0, "unitCode": {"a": 1}}}, "is no code"),
        ({"height": -9999}, "no height of water"),
        ({"height": {"value": 9999, "unitCode": "MTR"}}, "no height of water"),
        ({"dateObserved": ...}, "no time of measurement"),
        ({"dateObserved": {"value": "2025-10-01T08:00:00Z"}}, "a clock is wrong"),
        ({"type": "Weather"}, "not one of the feed's"),
        ({"id": ...}, "id or type is missing"),
    ],
)
def test_what_is_in_doubt_is_quarantined_with_its_reason(feed, changes, reason):
    observations, (refused,) = read_entity(entity(**changes), feed, NOW)
    assert observations == []
    assert reason in refused.reason
    assert json.loads(refused.raw).get("type") == entity(**changes).get("type")


@pytest.mark.parametrize(
    ("height", "metres"),
    [
        ({"value": "2.5"}, 2.5),
        ({"value": 250, "metadata": {"unitCode": {"type": "Text", "value": "CMT"}}}, 2.5),
        ({"type": "Property", "value": 2500, "unitCode": "MMT", "observedAt": "2025-10-01T05:55:00Z"}, 2.5),
        (2.5, 2.5),
    ],
)
def test_units_are_converted_and_every_form_of_a_value_is_read(feed, height, metres):
    (one,), _ = read_entity(entity(height=height), feed, NOW)
    assert one.value == pytest.approx(metres)


@pytest.mark.parametrize(
    ("told", "opening"), [("open", 1.0), (" Closed", 0.0), (0.25, 0.25), ("0.5", 0.5), (True, None)]
)
def test_words_count_as_the_preset_says(told, opening):
    gate = {"openingRatio": {"quantity": "gate_opening", "unit": "1", "words": {"open": 1, "closed": 0}}}
    feed = parse_feed({**FEED, "entities": {"FloodGate": gate}}, "test.yaml", "test")
    observations, refused = read_entity(entity(type="FloodGate", openingRatio={"value": told}), feed, NOW)
    assert [one.value for one in observations] == ([] if opening is None else [opening])
    assert len(refused) == (opening is None)


def test_an_attributes_own_time_comes_before_the_entitys(feed):
    own = {"value": 2.0, "metadata": {"TimeInstant": {"type": "DateTime", "value": "2025-10-01T14:57:00+09:00"}}}
    (one,), _ = read_entity(entity(height=own), feed, NOW)
    assert one.observed_at == datetime(2025, 10, 1, 5, 57, tzinfo=UTC)
    (two,), _ = read_entity(entity(dateObserved="2025-10-01T05:00:00Z/2025-10-01T05:30:00Z"), feed, NOW)
    assert two.observed_at == datetime(2025, 10, 1, 5, 30, tzinfo=UTC)


def test_notifications_lists_and_single_entities_hold_the_same():
    one = entity()
    for payload in (
        one,
        [one],
        {"subscriptionId": "s", "data": [one]},
        {"id": "n", "type": "Notification", "data": [one]},
    ):
        assert list(entities_of(payload)) == [one]


def test_one_bad_line_never_stops_the_rest(feed):
    good = json.dumps({"received_at": "2025-10-01T06:00:00Z", "payload": entity()})
    bad = ["{", "[" * 100_000, "null", '{"payload": 1}', '{"received_at": "x", "payload": {}}', good[:50]]
    bad += ['{"received_at": "2025-10-01T06:00:00Z", "payload": null, "error": "timed out"}']
    bad += ['{"received_at": "2025-10-01T06:00:00Z", "payload": [1, null]}']
    observations, quarantined = read_recording([*bad, good], feed)
    assert len(observations) == 1
    assert len(quarantined) == len(bad) + 1


def test_the_published_sloppy_payloads_are_read(shared_data):
    feed = load_feed("nice_var")
    for name in ("ngsi_v2_waterobserved_sloppy.json", "ngsi_mixed_waterobserved.jsonld"):
        payload = json.loads((shared_data / "live" / name).read_text(encoding="utf-8"))
        observations, refused = read_entity(payload, feed, NOW)
        assert refused == []
        assert {one.quantity: one.value for one in observations} == {"stage": 3.52, "discharge": 12.0}
        assert all((one.longitude_deg, one.latitude_deg) == (7.196545, 43.66481) for one in observations)
        assert all(one.vertical is None for one in observations)
        assert observations[0].observed_at == datetime(2020, 3, 17, 8, 45, 0, 209000, tzinfo=UTC)


def test_other_kinds_of_payload_are_refused_not_guessed(shared_data):
    payload = json.loads((shared_data / "live" / "sensorthings_observations_page.json").read_text(encoding="utf-8"))
    observations, refused = read_entity(payload, load_feed("nice_var"), NOW)
    assert observations == []
    assert "id or type is missing" in refused[0].reason


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"datums": {"g1": "XP"}}, "unknown vertical datum"),
        ({"area": [35.0, 139.0, 36.0, 140.5]}, "area must be"),
        ({"area": [139.0, 35.0]}, "area must be"),
        ({"entities": {}}, "entities is missing"),
        ({"freshness": {"stale_after": 3}}, "did you mean 'stale_after_s'"),
        ({"freshness": {"stale_after_s": 30, "dead_after_s": 3}}, "in order"),
        ({"kind": "mqtt"}, "expected one of ngsi-v2"),
        ({"colour": "red"}, "unknown key"),
    ],
)
def test_a_wrong_preset_is_a_sentence_that_names_the_file(change, message):
    with pytest.raises(ConfigError, match=message):
        parse_feed({**FEED, **change}, "test.yaml", "test")


def test_shipped_feeds_load():
    assert load_feed("bay_demo").datums["urn:ngsi-ld:WaterObserved:gauge-sea"] == AP
    assert load_feed("nice_var").datums == {}
