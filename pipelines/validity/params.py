"""How exact a solid has to be."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DEFAULT", "STRICT", "Tolerances"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerances:
    """Distances and an angle below which a fault is no fault; the defaults are val3dity's own."""

    planarity_m: float = 0.01
    """Largest distance of a face's vertex to the face's plane of least squares, metres (``--planarity_d2p_tol``)."""
    normals_deg: float = 20.0
    """Largest angle between the normals of two triangles of one face, degrees (``--planarity_n_tol``)."""
    snap_m: float = 0.001
    """Vertices not farther apart than this are one vertex, metres (``--snap_tol``)."""


DEFAULT = Tolerances()
"""What val3dity takes unless told otherwise."""

STRICT = Tolerances(planarity_m=0.001, snap_m=0.0001)
"""Faces flat to 1 mm, vertices told apart at one step of the model's grid (0.1 mm): what our own solids should hold."""
