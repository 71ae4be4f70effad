"""The vocabulary of a city's point-cloud twin: small immutable types, no files, no screen.

==================  =====================================================================
`twin.bounds`       axis-aligned rectangles in a projected CRS
`twin.tiling`       tile addresses, the grid, halos, ownership
`twin.points`       point clouds as columns, and the ASPRS classes
`twin.raster`       georeferenced 2-D arrays on a globally anchored frame
`twin.crs`          horizontal reference systems and their units
`twin.vertical`     vertical datums: a height is never a bare number
`twin.building`     footprints, solids and what was measured of them
`twin.observation`  what a sensor said, when, above which zero
`twin.config`       presets, project files, overrides
`twin.errors`       everything that can go wrong, by name
`twin.scene`        the synthetic city, with its truth
`twin.cli`          the command line (the composition root)
==================  =====================================================================
"""

__version__ = "0.1.0"
__all__ = ["__version__"]
