"""A flat picture laid over a view. Loads VTK."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyvista as pv
from vtkmodules.vtkRenderingCore import vtkPolyDataMapper2D, vtkTexturedActor2D

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["image_card"]


def image_card(image: Image, *, right: int, top: int) -> Any:
    """Return an actor that shows an RGBA image pixel by pixel, its upper right corner at (right, top) of the view."""
    width, height = image.size
    left, bottom = right - width, top - height
    corners = np.array([[left, bottom, 0], [right, bottom, 0], [right, top, 0], [left, top, 0]], dtype=np.float32)
    mesh: Any = pv.PolyData(corners, faces=[4, 0, 1, 2, 3])
    mesh.active_texture_coordinates = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], dtype=np.float32)
    mapper = vtkPolyDataMapper2D()
    mapper.SetInputData(mesh)
    actor = vtkTexturedActor2D()
    actor.SetMapper(mapper)
    actor.SetTexture(pv.Texture(np.asarray(image)))
    return actor
