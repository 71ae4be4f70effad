from __future__ import annotations

import dataclasses
import json
import random
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from pipelines.live import RecordParams, load_feed, record, record_stream, replay, status
from pipelines.live.demo_feed import DemoFeedParams, write_demo_feed
from tiles.observations import Batch, append, read_feeds, read_observations, read_quarantine
from tiles.store import Store
from twin.crs import parse_crs
from twin.errors import ConfigError, FormatError, StoreError
from twin.freshness import freshness
from twin.observation import Observation
from twin.scene import Scene, SceneParams
from twin.vertical import AP, TP

END = datetime(2025, 10, 1, 6, 0, tzinfo=UTC)
SEA = "urn:ngsi-ld:WaterObserved:gauge-sea"


@pytest.fixture
def store(tmp_path):
    return Store.create(tmp_path / "store", crs=parse_crs("EPSG:6677"), vertical=TP)


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    path = tmp_path_factory.mktemp("feed") / "bay.jsonl"
    write_demo_feed(path, Scene.build(SceneParams(kind="bay", n_points=10_000)), DemoFeedParams(end=END))
    return path


def files_of(store):
    found = sorted(path for path in (store.path / "observations").rglob("*") if path.is_file())
    return {path.relative_to(store.path).as_posix(): path.read_bytes() for path in found}


def test_the_demonstration_replays_with_every_fault_named(store, recording):
    summary = replay(store, recording, load_feed("bay_demo"), now=END)
    (feed,) = summary.feeds.values()
    assert feed.received == feed.stored + feed.dropped + feed.quarantined
    assert (feed.dropped, feed.quarantined, feed.state) == (1, 2, "fresh")
    assert feed.last_at == END
    reasons = sorted(one.reason for one in read_quarantine(store, "bay_demo"))
    assert "null, not a number" in reasons[1]
    assert reasons[0].startswith("not JSON")
    newest = {(one.entity.rsplit(":", 1)[-1], one.quantity): one for one in read_observations(store)}
    assert newest["gauge-sea", "stage"].value == pytest.approx(0.10 + 1.6 + 1.1344, abs=1e-3)
    assert newest["gauge-sea", "stage"].vertical == AP
    assert newest["gauge-pump", "stage"].vertical is None
    assert newest["gate-canal", "gate_opening"].value == 0.0
    assert freshness(newest["gauge-upstream", "stage"], END, read_feeds(store)[0].limits).state == "dead"
    assert all(139.7 < one.longitude_deg < 139.8 and 35.6 < one.latitude_deg < 35.8 for one in newest.values())


def test_replaying_again_changes_nothing(store, recording):
    first = replay(store, recording, load_feed("bay_demo"), now=END)
    before = files_of(store)
    again = replay(store, recording, load_feed("bay_demo"), now=END)
    assert again.skipped
    assert not first.skipped
    assert (again.stored_now, again.quarantined_now) == (0, 0)
    assert again.feeds == first.feeds
    assert files_of(store) == before


def test_a_datum_that_is_found_late_or_corrected_holds_for_the_whole_history(store, recording):
    feed = load_feed("bay_demo")
    pump = SEA.replace("gauge-sea", "gauge-pump")
    replay(store, recording, dataclasses.replace(feed, datums={SEA: TP}), now=END)
    kept = files_of(store)
    summary = replay(store, recording, dataclasses.replace(feed, datums={SEA: AP, pump: TP}), now=END)
    assert (summary.skipped, summary.stored_now) == (False, 0)
    history = read_observations(store, latest=False)
    assert {one.vertical for one in history if one.entity == SEA and one.quantity == "stage"} == {AP}
    assert {one.vertical for one in history if one.entity == pump and one.quantity == "stage"} == {TP}
    assert {one.vertical for one in history if one.quantity != "stage"} == {None}
    assert files_of(store) == kept, "history is not rewritten"
    assert replay(store, recording, dataclasses.replace(feed, datums={SEA: AP, pump: TP}), now=END).skipped


def test_the_history_is_the_same_in_whatever_order_it_came(store, recording, tmp_path):
    lines = recording.read_text(encoding="utf-8").splitlines()
    random.Random(5).shuffle(lines)
    shuffled = tmp_path / "shuffled.jsonl"
    shuffled.write_text("\n".join(lines), encoding="utf-8")
    other = Store.create(tmp_path / "other", crs=parse_crs("EPSG:6677"), vertical=TP)
    replay(store, recording, load_feed("bay_demo"))
    replay(other, shuffled, load_feed("bay_demo"))

    def said(one):
        return read_observations(one, latest=False)

    def without_arrival(rows):
        return [(one.entity, one.quantity, one.observed_at, one.value) for one in rows]

    assert without_arrival(said(store)) == without_arrival(said(other))
    assert {one.raw for one in read_quarantine(store, "bay_demo")} == {
        one.raw for one in read_quarantine(other, "bay_demo")
    }


def test_a_growing_recording_adds_only_what_is_new(store, recording, tmp_path):
    lines = recording.read_text(encoding="utf-8").splitlines(keepends=True)
    part, feed = tmp_path / "part.jsonl", load_feed("bay_demo")
    part.write_text("".join(lines[:40]), encoding="utf-8")
    first = replay(store, part, feed, now=END)
    before = files_of(store)
    whole = replay(store, recording, feed, now=END)
    assert first.stored_now + whole.stored_now == whole.feeds["bay_demo"].stored
    assert before.items() <= files_of(store).items()  # what was written stays as it was
    counts = whole.feeds["bay_demo"]
    assert counts.received == counts.stored + counts.dropped + counts.quarantined


def test_the_past_can_be_asked_for(store, recording):
    replay(store, recording, load_feed("bay_demo"))
    at = END - timedelta(hours=1, minutes=1)
    one = next(one for one in read_observations(store, at=at) if one.entity == SEA)
    assert one.observed_at == END - timedelta(minutes=70)
    assert status(store, END + timedelta(minutes=20))["bay_demo"].state == "stale"
    assert status(store, END + timedelta(hours=3))["bay_demo"].state == "dead"


def reading(value, minute=0, **changes):
    facts = {"entity": "e", "kind": "k", "quantity": "stage", "unit": "m", "received_at": END}
    return Observation(feed="f", value=value, observed_at=END - timedelta(minutes=minute), **(facts | changes))


def test_history_is_not_rewritten(store):
    facts = {"title": {"ja": "f", "en": "f"}, "freshness": {}}
    with store.writing():
        append(store, Batch(feed="f", source="1", observations=[reading(1.0), reading(1.0)], facts=facts))
        append(store, Batch(feed="f", source="2", observations=[reading(2.0), reading(3.0, 5)], facts=facts))
    assert [one.value for one in read_observations(store, latest=False)] == [3.0, 1.0]
    assert "another value for the same moment" in read_quarantine(store, "f")[0].reason
    (record_,) = read_feeds(store)
    assert (record_.received, record_.stored, record_.dropped, record_.quarantined) == (4, 2, 1, 1)


def test_a_killed_append_is_finished_by_the_next_one(store, monkeypatch):
    facts = {"title": {"ja": "f", "en": "f"}, "freshness": {}}
    batch = Batch(feed="f", source="1", observations=[reading(1.0), reading(2.0, 2000)], facts=facts)
    commit = type(store.manifest).commit_artefact
    calls = []

    def dies(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        commit(*arguments)

    monkeypatch.setattr(type(store.manifest), "commit_artefact", dies)
    with pytest.raises(KeyboardInterrupt), store.writing():
        append(store, batch)
    monkeypatch.undo()
    with store.writing():
        append(store, batch)
    assert [one.value for one in read_observations(store, latest=False)] == [2.0, 1.0]
    (record_,) = read_feeds(store)
    assert (record_.received, record_.stored, record_.dropped) == (2, 2, 0)


def test_a_changed_segment_is_noticed(store, recording):
    replay(store, recording, load_feed("bay_demo"))
    path = next((store.path / "observations" / "bay_demo").glob("2025*/*.jsonl"))
    path.write_bytes(path.read_bytes().replace(b'"unit": "m"', b'"unit": "k"', 1))
    with pytest.raises(StoreError, match="bytes changed"):
        read_observations(store)


def test_a_missing_recording_is_one_sentence(store, tmp_path):
    with pytest.raises(FormatError, match="cannot be read"):
        replay(store, tmp_path / "none.jsonl", load_feed("bay_demo"))


@pytest.fixture
def broker():
    """Serve four answers in turn: two good ones, an error, and something that is no JSON."""
    answers = [(200, b'[{"id": 1}]'), (200, b'[{"id": 2}]'), (503, b"down"), (200, b"<html>")]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            code, body = answers.pop(0)
            self.send_response(code)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v2/entities"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_poll_that_fails_is_a_line_and_recording_goes_on(broker, tmp_path):
    out, waited = tmp_path / "rec.jsonl", []
    out.write_bytes(b'{"received_at": "torn')
    summary = record(out, broker, RecordParams(seconds=7, polls=4), now=lambda: END, wait=waited.append)
    lines = out.read_text(encoding="utf-8").splitlines()
    assert (summary.messages, len(summary.failures), waited) == (2, 2, [7, 7, 7])
    assert len(lines) == 5  # half a line of a killed recorder stays a line of its own
    assert [json.loads(line)["payload"] for line in lines[1:]] == [[{"id": 1}], [{"id": 2}], None, None]
    assert "503" in json.loads(lines[3])["error"]


def test_messages_from_a_pipe_are_recorded_with_their_time(tmp_path, store):
    out = tmp_path / "rec.jsonl"
    summary = record_stream(out, ['{"id": "a"}\n', "\n", "not json\n"], now=lambda: END)
    assert (summary.messages, len(summary.failures)) == (1, 1)
    result = replay(store, out, load_feed("bay_demo"), now=END)
    assert result.feeds["bay_demo"].quarantined == 2


def test_half_a_surrogate_pair_survives_recording_and_replay(tmp_path, store):
    entity = {"id": "g\\ud83d", "type": "WaterObserved", "height": 1.0, "dateObserved": "2025-10-01T05:59:00Z"}
    out = tmp_path / "rec.jsonl"
    text = json.dumps(entity).replace("\\\\", "\\")
    record_stream(out, [text, text.replace("Water", "Air")], now=lambda: END)
    replay(store, out, load_feed("bay_demo"), now=END)
    assert [one.entity for one in read_observations(store)] == ["g\ud83d"]
    assert "\\ud83d" in read_quarantine(store, "bay_demo")[0].raw.encode(errors="backslashreplace").decode()


def test_an_address_that_is_none_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="http"):
        record(tmp_path / "rec.jsonl", "broker.example/v2")
