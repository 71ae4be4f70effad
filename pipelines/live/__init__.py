"""Live feeds of the city's platform: recorded as they come, replayed into the store's history.

===========================  ==================================================================
`pipelines.live.feed`        presets: what a feed's messages mean, and above which zero
`pipelines.live.ngsi`        NGSI entities to observations, with reasons for what cannot be read
`pipelines.live.record`      a broker's answers to JSON lines
`pipelines.live.replay`      JSON lines to the history; how each feed is doing
`pipelines.live.demo_feed`   a recording of the synthetic bay, made by code
===========================  ==================================================================
"""

from pipelines.live.feed import Feed, load_feed
from pipelines.live.record import RecordParams, RecordSummary, record, record_stream
from pipelines.live.replay import FeedStatus, ReplaySummary, replay, status

__all__ = [
    "Feed",
    "FeedStatus",
    "RecordParams",
    "RecordSummary",
    "ReplaySummary",
    "load_feed",
    "record",
    "record_stream",
    "replay",
    "status",
]
