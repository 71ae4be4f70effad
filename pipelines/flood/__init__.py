"""Flood overlays: how deep the water stands, where it has a way to.

===============================  ============================================================
`pipelines.flood.scenario`       which water, how high, above which zero
`pipelines.flood.ground`         what each cell is: ground, water, gate, unknown
`pipelines.flood.connectivity`   from which level on water reaches each cell
`pipelines.flood.exposure`       depth around each building
`pipelines.flood.overlay`        the static overlay as arrays
`pipelines.flood.inputs`         terrain and outlines from a store
`pipelines.flood.run`            a scenario over a store
===============================  ============================================================
"""

from pipelines.flood.run import FloodSummary, run_flood
from pipelines.flood.scenario import StaticScenario, load_scenario

__all__ = ["FloodSummary", "StaticScenario", "load_scenario", "run_flood"]
