"""Writes the survey of a synthetic scene as files, with its truth beside them."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tiles.atomic import atomic_path
from tiles.las import LasParams, open_las_writer
from twin.crs import parse_crs
from twin.progress import Progress, Silent
from twin.scene import Piece, Scene, SceneParams
from twin.scene.truth import building_feature, building_truth, scene_truth

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["SurveyFiles", "write_survey"]

_LARGEST_FILE = 40_000_000
"""Points of one file, about: a strip with more is delivered in parts, as contractors do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyFiles:
    """What was written."""

    files: tuple[Path, ...]
    """LAZ files, strip by strip."""
    truth: Path
    """``truth.json``: parameters, levels, strips' offsets, gauges, buildings with their roof planes."""
    footprints: Path
    """``truth_footprints.geojson``: outlines in EPSG:6677."""
    n_points: int
    n_buildings: int


def write_survey(out: Path, params: SceneParams, progress: Progress | None = None) -> SurveyFiles:
    """Build a scene and write its survey into a folder: one LAZ a strip (LAS 1.4, point format 7, WKT), and truth.

    Parameters
    ----------
    out
        Folder, made if missing; files of the same names are replaced.
    params
        The scene. With ``delivered="none"`` the files carry class 0 and an extra byte dimension ``truth_class``.
    progress
        Hears of points.

    Notes
    -----
    Memory is that of the scene's objects and one piece. Half of the time is LAZ compression, a million points a
    second. The same parameters give the same bytes.
    """
    listener = progress or Silent()
    scene = Scene.build(params)
    out.mkdir(parents=True, exist_ok=True)
    files, n_points = [], 0
    listener.start("synth", params.n_points, "points")
    for name, pieces in _deliveries(scene):
        n_points += _write_file(out / name, scene, pieces, listener)
        files.append(out / name)
    listener.finish()
    truth, footprints = out / "truth.json", out / "truth_footprints.geojson"
    n_buildings = _write_truth(scene, truth, footprints, n_points)
    return SurveyFiles(
        files=tuple(files), truth=truth, footprints=footprints, n_points=n_points, n_buildings=n_buildings
    )


def _deliveries(scene: Scene) -> Iterator[tuple[str, list[Piece]]]:
    """Yield each file's name and pieces."""
    share = scene.params.n_points / len(scene.pieces())
    per_file = max(1, int(_LARGEST_FILE / share))
    for strip in scene.strips:
        pieces = [piece for piece in scene.pieces() if piece.strip == strip.number]
        parts = [pieces[i : i + per_file] for i in range(0, len(pieces), per_file)]
        for k, part in enumerate(parts, 1):
            yield f"strip_{strip.number:02d}{f'_{k:03d}' if len(parts) > 1 else ''}.laz", part


def _write_file(path: Path, scene: Scene, pieces: list[Piece], progress: Progress) -> int:
    extra = () if scene.params.delivered == "truth" else (("extra/truth_class", "u1"),)
    layout = LasParams(point_format=7, scale_m=0.001, offset=(*scene.origin, 0.0), extra=extra)
    with open_las_writer(path, layout, crs=parse_crs(scene.crs), vertical=scene.vertical) as writer:
        for piece in pieces:
            points = scene.points(piece)
            writer.write(points)
            progress.advance(len(points))
        return writer.n_points


def _write_truth(scene: Scene, truth: Path, footprints: Path, n_points: int) -> int:
    """Write both truth files building by building; a city's list never stands in memory."""
    head = {**scene_truth(scene), "n_points": n_points}
    crs = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:{scene.crs.replace(':', '::')}"}}
    collection = {"type": "FeatureCollection", "name": "truth_footprints", "crs": crs}
    count = 0
    with ExitStack() as stack:
        facts = stack.enter_context(stack.enter_context(atomic_path(truth)).open("w", encoding="utf-8"))
        outlines = stack.enter_context(stack.enter_context(atomic_path(footprints)).open("w", encoding="utf-8"))
        facts.write(_text(head)[:-1] + ',\n"buildings": [')
        outlines.write(_text(collection)[:-1] + ',\n"features": [')
        for count, building in enumerate(scene.buildings(), 1):
            comma = ",\n" if count > 1 else "\n"
            facts.write(comma + _text(building_truth(building)))
            outlines.write(comma + _text(building_feature(building)))
        facts.write("\n]}\n")
        outlines.write("\n]}\n")
    return count


def _text(content: dict[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))
