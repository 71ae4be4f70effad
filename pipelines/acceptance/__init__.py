"""Acceptance of a delivery without a store: what is wrong with its files, and with all of them together.

=====================  =====================================================================================
`delivery`             the client: headers, one scan of all points, block by block, judgement
`params`               what a delivery is judged against
`intake`               a file's header, through the gate of ingest
`planning`             how the work is cut: ranges of rows, files that belong together, blocks
`scan`                 the one pass over the points: rows to `cells`, hashes (`identity`), `times`, `nearby` ones
`pieces`               what a scan leaves in the scratch folder for the blocks
`block`                all files and strips of a block together: density, `voids`, `overlap`, repeats, strays
`footprint`, `strips`  the surveyed area; the flight strips of a delivery
`totals`               sums of files and groups of files, as the client holds them
`controls`             control points, and heights against them
`..._findings`         figures to sentences in both languages, with `clock`, `sheets` and `verdicts`
`pictures`             maps and charts
=====================  =====================================================================================
"""

from pipelines.acceptance.delivery import check_delivery, check_source
from pipelines.acceptance.params import AcceptanceParams

__all__ = ["AcceptanceParams", "check_delivery", "check_source"]
