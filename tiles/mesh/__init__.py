"""A model as meshes for drawing programs: OBJ with materials, and glTF of the whole, both in metres near an origin.

Their coordinates are 32-bit numbers in most programs, too coarse for those of a city's reference system: 6 cm apart at
1 000 km. Both formats therefore count from whole metres south-west of the model, and say so in the file.
"""

from tiles.mesh.frame import LocalFrame, MeshFacts
from tiles.mesh.gltf import write_glb
from tiles.mesh.obj import write_obj

__all__ = ["LocalFrame", "MeshFacts", "write_glb", "write_obj"]
