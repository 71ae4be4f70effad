"""Roofs of single buildings: points to planes, planes to lines, lines to faces, faces to a closed solid."""
