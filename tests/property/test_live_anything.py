from __future__ import annotations

import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from pipelines.live.feed import load_feed
from pipelines.live.ngsi import entities_of, read_entity
from pipelines.live.replay import read_recording

FEED = load_feed("bay_demo")
NOW = datetime(2025, 10, 1, 6, 0, tzinfo=UTC)
LINE = {"received_at": "2025-10-01T06:00:00Z"}

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
)
words = st.sampled_from(["value", "metadata", "coordinates", "type", "unitCode", "object", "Point", "MTR", "m"])
attributes = anything | st.dictionaries(words, anything | words, max_size=4)
entities = st.fixed_dictionaries(
    {"id": st.text(max_size=4) | scalars, "type": st.sampled_from(["WaterObserved", "FloodGate", 7, None])},
    optional={
        "height": attributes,
        "flow": attributes,
        "openingRatio": attributes,
        "location": attributes,
        "name": attributes,
        "dateObserved": attributes | st.sampled_from(["2025-10-01T05:00:00Z", "0001-01-01T00:00:00+23:59"]),
        "data": anything,
    },
)


@given(entities | anything)
def test_whatever_an_entity_holds_it_leaves_a_trace_and_raises_nothing(payload):
    for entity in entities_of(payload):
        observations, quarantined = read_entity(entity, FEED, NOW)
        assert observations or quarantined
        assert all(one.reason and one.raw for one in quarantined)


@given(st.lists(st.text(max_size=30) | entities.map(lambda one: json.dumps({**LINE, "payload": one})), max_size=5))
def test_whatever_a_line_holds_the_next_one_is_read(lines):
    good = {"id": "g", "type": "WaterObserved", "height": 1.0, "dateObserved": "2025-10-01T05:59:00Z"}
    observations, quarantined = read_recording([*lines, json.dumps({**LINE, "payload": good})], FEED)
    assert observations[-1].value == 1.0
    assert len(observations) + len(quarantined) >= 1
