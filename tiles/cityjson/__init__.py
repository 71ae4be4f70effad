"""CityJSON 2.0 and CityJSONSeq: city models in text, written streaming, read from whoever wrote them.

What we add beyond the standard's own attributes: `ground_m`, `roof_m`, `n_points`, `rmse_m` on each building, and in
the metadata `verticalDatum` and `lineage`, because a height without its datum is not one.
On surfaces: each roof face has `slope_deg`, `azimuth_deg` (where water runs, clockwise from grid north; none below half
a degree) and `area_m2` (along the slope); walls have `on_footprint_edge`, false for those that stand on a lower roof.
"""

from tiles.cityjson.outlines import is_cityjson, read_outlines
from tiles.cityjson.read import read_cityjson, read_cityjsonseq, reference_code
from tiles.cityjson.reference import reference_system
from tiles.cityjson.write import ModelFacts, write_cityjson, write_cityjsonseq

__all__ = [
    "ModelFacts",
    "is_cityjson",
    "read_cityjson",
    "read_cityjsonseq",
    "read_outlines",
    "reference_code",
    "reference_system",
    "write_cityjson",
    "write_cityjsonseq",
]
