"""Survey files to tiles: check, scatter, merge, commit; resumable, and the same bytes every time.

==============  ========================================================================
`gate`          what is taken and what is refused, for `twin check` and `twin ingest`
`placement`     how a file's coordinates become the store's
`admission`     pass one: a file's header, and a digest of its bytes
`scatter`       pass two: rows to fragments, sorted by tile, decoded once
`plan`          which tiles there will be; quadtree splits
`replacing`     which file takes the place of which
`merge`         pass three: one task makes one whole tile
`job`           the client: runs the passes and commits
==============  ========================================================================
"""

from pipelines.ingest.job import IngestSummary, ingest
from pipelines.ingest.params import IngestParams, SurveyKind
from pipelines.ingest.shifts import write_shifts

__all__ = ["IngestParams", "IngestSummary", "SurveyKind", "ingest", "write_shifts"]
