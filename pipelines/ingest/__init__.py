"""Survey files to tiles: check, scatter, merge, commit; resumable, and the same bytes every time.

==============  ========================================================================
`params`        what a delivery is, and how it is cut
`gate`          what is taken and what is refused, for `twin check` and `twin ingest`
`placement`     how a file's coordinates become the store's
`heights`       from the datum of a file's heights to the store's, through offsets and geoid grids
`shifts`        a report of `twin adjust`, applied to points
`admission`     pass one: a file's header, and a digest of its bytes
`scatter`       pass two: rows to fragments, sorted by tile, decoded once
`content`       what the points of a file really are, counted on the way
`fragments`     the file that a range of rows becomes
`plan`          which tiles there will be; quadtree splits of `cells`
`replacing`     which file takes the place of which
`merge`         pass three: one task makes one whole tile, by `levels` of detail
`lineage`       the records of files, taken and refused
`workspace`     what is in hand until it is true
`job`           the client: runs the passes and commits
==============  ========================================================================
"""

from pipelines.ingest.job import IngestSummary, ingest
from pipelines.ingest.params import IngestParams, SurveyKind
from pipelines.ingest.shifts import write_shifts

__all__ = ["IngestParams", "IngestSummary", "SurveyKind", "ingest", "write_shifts"]
