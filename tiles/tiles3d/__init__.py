"""3D Tiles 1.1: buildings that can be picked, and quantised points, both placed on the Earth vertex by vertex.

==============  =============================================================
`buildings`     solids in glb, with a property table a tile
`points`        a store's points in glb, overview above, detail below
`survey`        what is drawn of a store's points
`pointglb`      one glb of points
`solids`        solids to triangles
`colours`       of classes and faces, in linear light
`metadata`      EXT_structural_metadata
`glb`           the binary glTF container
`meshopt`       compressed vertex streams, checked
`vertex_codec`  how they are compressed
`placement`     projected coordinates to the Earth, and what heights mean
`tree`          the binary tree that both share
`overview`      the quadtree above a store's tiles
`tileset`       ``tileset.json``
`publish`       whole or not at all, and the file that joins both parts
==============  =============================================================
"""

from tiles.tiles3d.buildings import BuildingTileParams, export_buildings
from tiles.tiles3d.placement import Heights, Placement
from tiles.tiles3d.points import PointTileParams, export_points
from tiles.tiles3d.publish import ExportSummary
from tiles.tiles3d.survey import PointSource

__all__ = [
    "BuildingTileParams",
    "ExportSummary",
    "Heights",
    "Placement",
    "PointSource",
    "PointTileParams",
    "export_buildings",
    "export_points",
]
