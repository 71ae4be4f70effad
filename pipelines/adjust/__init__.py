"""Strip adjustment: how far flight strips lie from each other, and the shift of each that brings them together.

==============  ======================================================================
`patches`       points of a tile to planar patches, one a strip and cell
`matching`      patches of two strips in one cell to equations, summed a pair and tile
`network`       sums of all tiles to one shift a strip, with what is not determined
`stage`         the tiled stage; its result is a report, the store is not changed
==============  ======================================================================

Shifts are applied on request only, while files are ingested (`IngestParams.shifts`).
"""

from pipelines.adjust.network import Network, StripShift, solve_shifts
from pipelines.adjust.params import AdjustParams
from pipelines.adjust.stage import AdjustStage

__all__ = ["AdjustParams", "AdjustStage", "Network", "StripShift", "solve_shifts"]
