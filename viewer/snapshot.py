"""One picture of a store: the whole area at an angle, with its keys, its scale and the age of its data."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL.Image import fromarray as image_of

from viewer import offscreen
from viewer.camera import Camera, Margins, overview
from viewer.captions import Captions, Label, ScaleBar, draw_captions, nice_length
from viewer.fonts import find_fonts
from viewer.keys import keys
from viewer.live import STATE_COLORS, datum_text, reading_text, time_text
from viewer.marks import gauge_head

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from PIL.Image import Image

    from tiles.store import Store
    from viewer.content import LayerName, SceneContent
    from viewer.fonts import Fonts
    from viewer.stage import Stage

__all__ = ["SnapshotSummary", "picture", "snapshot"]

_OVERSAMPLE = 2
"""Pixels drawn along each side of one pixel of the result: smooth edges at a cost in fill only."""

_MAX_LABELS = 12
"""Cards of live readings in one picture."""

_MARGINS = Margins(left=0.03, right=0.20, top=0.10, bottom=0.11)
"""Room for the title above and the keys on the right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotSummary:
    """What was drawn."""

    path: Path
    width: int
    height: int
    layers: tuple[str, ...]
    """Layers that had something to show."""


def snapshot(  # noqa: PLR0913 - the options of one picture, all but two with defaults
    store: Store,
    out_png: str | Path,
    *,
    layers: Sequence[LayerName] | None = None,
    size: tuple[int, int] = (1600, 1000),
    camera: Camera | None = None,
    now: datetime | None = None,
    title: str | None = None,
) -> SnapshotSummary:
    """Draw a store into a PNG file, off-screen; the same store, options and machine give the same bytes.

    Parameters
    ----------
    store
        What to draw; it is only read.
    out_png
        The file; it appears complete or not at all.
    layers
        Which layers; all that have something to show if None. A layer without data is left out.
    size
        Width and height in pixels.
    camera
        Where to look from, in metres from the scene's origin; the whole area if None.
    now
        The moment that the freshness of live readings is judged at; the clock if None. Give it for a replay, or where
        the picture must not change with the hour.
    title
        What people call the area; the store's folder if None.

    Raises
    ------
    RenderError
        If this machine cannot draw; the message names the packages to install.
    StoreError
        If there is nothing in the store.
    """
    from viewer.load import load_scene

    offscreen.prepare()
    content = load_scene(store, layers=layers, now=now, final=True).titled(title)
    shown = tuple(name for name in content.layers if layers is None or name in layers)
    path = Path(out_png)
    image = picture(content, layers=shown, size=size, camera=camera)
    _write(image, path)
    return SnapshotSummary(path=path, width=image.width, height=image.height, layers=shown)


def picture(
    content: SceneContent,
    *,
    layers: Sequence[LayerName] | None = None,
    size: tuple[int, int] = (1600, 1000),
    camera: Camera | None = None,
) -> Image:
    """Draw a scene with its captions; needs `offscreen.prepare` first."""
    from viewer.stage import Look, Stage

    look = Look(buildings="flood" if content.flood is not None else "height", scale=float(_OVERSAMPLE))
    stage = Stage(content, size=(size[0] * _OVERSAMPLE, size[1] * _OVERSAMPLE), look=look)
    try:
        stage.show(content.layers if layers is None else layers)
        view = camera or overview(content, size, _MARGINS)
        stage.aim(view)
        small = np.asarray(image_of(stage.image()).reduce(_OVERSAMPLE))
        fonts = find_fonts()
        captions = _captions(content, stage, view, fonts)
    finally:
        stage.close()
    return draw_captions(small, captions, fonts)


def _captions(content: SceneContent, stage: Stage, camera: Camera, fonts: Fonts) -> Captions:
    japanese = fonts.japanese
    when = content.data_from.strftime("%Y-%m-%d %H:%M UTC") if content.data_from else "-"
    datum = datum_text(content.vertical)
    subtitle = [
        f"{content.crs.code} ・ 高さの基準 {datum}" if japanese else f"{content.crs.code}, heights above {datum}"
    ]
    if content.flood is not None and "flood" in stage.shown:
        flood = content.flood
        subtitle.append(f"{flood.title_ja}  {flood.title_en}" if japanese else flood.title_en)
    return Captions(
        title=content.title if japanese or content.title.isascii() else "Twin",
        subtitle=tuple(subtitle),
        keys=tuple(keys(content, stage.shown, stage.look.points, stage.look.buildings)),
        labels=_labels(content, stage, japanese) if "gauges" in stage.shown else (),
        scale=_scale(stage, camera),
        sky=stage.sky()[::_OVERSAMPLE, ::_OVERSAMPLE],
        footer=f"{'データ作成' if japanese else 'Data made'} {when}",
    )


def _labels(content: SceneContent, stage: Stage, japanese: bool) -> tuple[Label, ...]:
    labels: list[Label] = []
    # Water levels first: with many things only so many cards fit, and the others keep their marks.
    for gauge in sorted(content.gauges, key=lambda gauge: gauge.observation.quantity != "stage"):
        head = gauge_head(gauge, content)
        if head is None or len(labels) == _MAX_LABELS:
            continue
        x, y = stage.to_screen(head)
        name = gauge.observation.name or gauge.observation.entity
        language = "ja" if japanese else "en"
        title = name if japanese or name.isascii() else gauge.observation.entity
        lines = (title, reading_text(gauge, language), time_text(gauge, language))
        color = STATE_COLORS[gauge.freshness.state]
        labels.append(Label(x=x / _OVERSAMPLE, y=y / _OVERSAMPLE, lines=lines, color=color))
    return tuple(labels)


def _scale(stage: Stage, camera: Camera) -> ScaleBar:
    """Measure the picture around the camera's focus."""
    focus = np.array(camera.focus)
    towards = focus - np.array(camera.position)
    right = np.cross(towards, camera.up)
    right /= np.linalg.norm(right)
    reach_m = 0.05 * float(np.linalg.norm(towards))
    ground = (focus, focus + right * reach_m, focus + np.array([0.0, reach_m, 0.0]))
    middle, aside, north = (np.array(stage.to_screen(point)) / _OVERSAMPLE for point in ground)
    pixels_per_m = float(np.linalg.norm(aside - middle)) / reach_m
    length_m = nice_length(180.0 / pixels_per_m)
    away = north - middle
    return ScaleBar(length_m=length_m, pixels=length_m * pixels_per_m, north=(float(away[0]), float(away[1])))


def _write(image: Image, path: Path) -> None:
    """Write beside the target and rename, so that a reader never sees half a picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as stream:
            image.save(stream, format="PNG", optimize=False)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
