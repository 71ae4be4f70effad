from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from tiles.store import Store
from twin.errors import RenderError
from viewer import offscreen
from viewer.camera import plan
from viewer.captions import Captions, Label, ScaleBar, draw_captions
from viewer.content import LAYERS
from viewer.fonts import find_fonts
from viewer.live import STATE_COLORS
from viewer.marks import gauge_head
from viewer.palette import rgb
from viewer.snapshot import snapshot

if TYPE_CHECKING:
    from pathlib import Path

SIZE = (480, 320)


@pytest.fixture(scope="module")
def stage(drawing: None, scene: Any) -> Any:
    """The town seen straight from above, so that a place on the map is a place in the picture."""
    from viewer.stage import Look, Stage

    made = Stage(scene, size=SIZE, look=Look(point_size=2.0))
    made.aim(plan(scene, SIZE))
    yield made
    made.close()


def _color_at(stage: Any, east: float, north: float, height: float) -> np.ndarray:
    """Colour of the picture where a place of the town (metres from its corner) is seen."""
    content = stage.content
    place = np.array([content.bounds.xmin + east, content.bounds.ymin + north, height]) - np.array(content.origin)
    x, y = stage.to_screen(place)
    return stage.image()[round(y), round(x)].astype(int)


def _count(actor: Any) -> int:
    return int(actor.GetMapper().GetInput().GetNumberOfPoints())


def _close(color: np.ndarray, expected: tuple[int, int, int], reach: int) -> bool:
    return bool((np.abs(color - np.array(expected)) <= reach).all())


def test_switching_a_layer_changes_what_is_seen_where_it_stands(stage: Any) -> None:
    stage.show({"terrain", "buildings"})
    roof = _color_at(stage, 90, 80, 32)
    stage.show({"terrain"})
    assert np.abs(_color_at(stage, 90, 80, 32) - roof).max() > 20
    stage.show({"buildings"})
    assert _close(_color_at(stage, 90, 80, 32), tuple(roof.tolist()), 3)
    assert _color_at(stage, 60, 60, 0)[2] > 200  # nothing but sky


def test_water_shows_its_rank_over_land_and_blue_over_the_canal(stage: Any) -> None:
    stage.show({"terrain"})
    land, bed = _color_at(stage, 110, 25, 1.0), _color_at(stage, 60, 8, -1.0)
    stage.show({"terrain", "flood"})
    wet, deep = _color_at(stage, 110, 25, 1.5), _color_at(stage, 60, 8, 1.5)
    assert np.abs(wet - land).max() > 8
    assert np.abs(wet - np.array([255, 216, 192])).sum() < np.abs(land - np.array([255, 216, 192])).sum()
    assert deep[2] > deep[0] + 30
    assert bed[2] < bed[0] + 30


def test_points_of_a_tree_are_drawn_in_the_colour_of_their_class(stage: Any) -> None:
    stage.show({"points", "terrain"})
    green = _color_at(stage, 30, 95, 18)
    assert green[1] > green[0] + 20
    assert green[1] > green[2] + 20


def test_marks_of_gauges_carry_the_colour_of_their_state(stage: Any, scene: Any) -> None:
    stage.show({"gauges"})
    for gauge in scene.gauges:
        head = gauge_head(gauge, scene)
        if head is not None:
            x, y = stage.to_screen(head)
            seen = stage.image()[round(y), round(x)].astype(int)
            assert _close(seen, rgb(STATE_COLORS[gauge.freshness.state]), 40)


def test_a_gauge_whose_zero_is_unknown_never_makes_water(drawing: None, scene: Any) -> None:
    from viewer.stage import Look, Stage

    silent = replace(scene, flood=None, gauges=tuple(g for g in scene.gauges if g.level_m is None))
    made = Stage(silent, size=SIZE, look=Look())
    try:
        assert "flood" not in made.actors
        assert len(made.actors["gauges"]) == 2  # a pole and its head, no surface
    finally:
        made.close()


def test_fewer_points_are_drawn_while_the_camera_moves(drawing: None, scene: Any) -> None:
    from viewer import stage as stage_module
    from viewer.stage import Look, Stage

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage_module, "BUDGET_MOVING", 500)
        made = Stage(scene, size=SIZE, look=Look())
    try:
        full, few = made.actors["points"]
        for actor in (full, few):
            actor.GetMapper().Update()
        assert _count(few) <= 500 < _count(full)
        made.moving(True)
        assert (full.GetVisibility(), few.GetVisibility()) == (0, 1)
        made.moving(False)
        assert (full.GetVisibility(), few.GetVisibility()) == (1, 0)
    finally:
        made.close()


def test_a_picture_of_a_store_is_whole_and_repeats_byte_for_byte(
    drawing: None, store_path: Path, scene: Any, tmp_path: Path
) -> None:
    store = Store.open(store_path)
    paths = [tmp_path / name for name in ("one.png", "two.png")]
    for path in paths:
        summary = snapshot(store, path, size=(800, 500), now=scene.now)
        assert (summary.width, summary.height, summary.layers) == (800, 500, LAYERS)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["one.png", "two.png"]
    with Image.open(paths[0]) as image:
        assert image.size == (800, 500)
        assert len(np.unique(np.asarray(image).reshape(-1, 3), axis=0)) > 2000


def test_a_picture_of_some_layers_has_only_those(drawing: None, store_path: Path, scene: Any, tmp_path: Path) -> None:
    store = Store.open(store_path)
    summary = snapshot(store, tmp_path / "a.png", layers=["terrain"], size=SIZE, now=scene.now)
    assert summary.layers == ("terrain",)


def test_where_nothing_draws_no_file_appears(store_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise RenderError("no 3D picture can be drawn on this machine")

    monkeypatch.setattr(offscreen, "prepare", refuse)
    with pytest.raises(RenderError):
        snapshot(Store.open(store_path), tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_without_a_japanese_font_all_text_is_english(
    drawing: None, scene: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from viewer import snapshot as module

    latin = replace(find_fonts(), japanese=False)
    written: list[Captions] = []

    def remember(picture: Any, captions: Captions, fonts: Any) -> Image.Image:
        written.append(captions)
        return draw_captions(picture, captions, fonts)

    monkeypatch.setattr(module, "find_fonts", lambda: latin)
    monkeypatch.setattr(module, "draw_captions", remember)
    module.picture(scene, size=SIZE)
    captions = written[0]
    words = [
        captions.title,
        *captions.subtitle,
        captions.footer,
        *(line for one in captions.labels for line in one.lines),
    ]
    assert all(text.replace("・", "").isascii() for text in words)
    assert any("2.10 m A.P." in text for text in words)


def test_cards_of_gauges_cover_neither_each_other_nor_a_point() -> None:
    from viewer.captions import _Pen

    pen = _Pen(Image.new("RGBA", (1600, 1000)), find_fonts(), 1.0)
    labels = tuple(
        Label(x=700.0 + 9 * k, y=500.0 + 5 * k, lines=("a gauge", "water level 1.00 m"), color="#12805c")
        for k in range(6)
    )
    pen.labels(labels)
    boxes = pen.taken
    assert len(boxes) == 12
    for one, two in combinations(boxes[6:], 2):
        assert one[2] <= two[0] or two[2] <= one[0] or one[3] <= two[1] or two[3] <= one[1]
    for label in labels:
        assert not any(b[0] < label.x < b[2] and b[1] < label.y < b[3] for b in boxes[6:])


def test_the_scale_bar_is_as_long_as_it_says(stage: Any) -> None:
    from viewer.snapshot import _scale

    bar = _scale(stage, plan(stage.content, SIZE))
    assert isinstance(bar, ScaleBar)
    west, east = (np.array(stage.to_screen((x, 0.0, 0.0))) for x in (0.0, bar.length_m))
    assert abs(np.linalg.norm(east - west) / 2 - bar.pixels) < 0.1 * bar.pixels
    assert bar.north[1] < 0
