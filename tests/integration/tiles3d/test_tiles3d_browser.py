"""What others make of our files: the Khronos glTF validator, and CesiumJS in headless Chromium.

Both are installed by ``tests/browser/install.sh``; without them, or without a browser, these tests skip and say so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from twin.building import Building
    from twin.points import Points

GROUND, ROOF_POINT = (176, 137, 92), (222, 92, 68)
"""Screen colours of classes 2 and 6."""


@pytest.fixture(scope="session")
def tallest(town: list[Building]) -> list[Building]:
    """Five blocks without a court, whose middle is roof."""
    whole = [building for building in town if not building.footprint.interiors]
    return sorted(whole, key=lambda b: -b.roof_m)[:5]


@pytest.fixture(scope="session")
def views(  # noqa: PLR0913 - fixtures
    draw_in_cesium: Callable[..., Any],
    export: Path,
    tallest: list[Building],
    survey: Points,
    true_ecef: Callable[..., Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    """Draw the buildings, the points, and both, from nearly straight above."""
    pictures = tmp_path_factory.mktemp("pictures")
    roofs = [[*b.footprint.centroid.coords[0], b.roof_m] for b in tallest]
    some = survey.take(np.flatnonzero(np.abs(survey.x) > 20)[:40])
    probes = {
        "buildings": true_ecef(np.array(roofs)).tolist(),
        "points": true_ecef(np.stack([some.x, some.y, some.z], axis=1)).tolist(),
        "": [],
    }
    wishes = [
        {
            "folder": str(export / part),
            "screenshot": str(pictures / f"{part or 'both'}.png"),
            "pitch": -0.8 if part == "" else -1.5,
            "max_error": 16 if part == "" else 0.5,
            "point_size": 3,
            "width": 400,
            "height": 300,
            "probes": places,
        }
        for part, places in probes.items()
    ]
    seen = dict(zip(probes, draw_in_cesium(wishes), strict=True))
    seen["some"] = some
    return seen


def test_every_glb_passes_the_khronos_validator(validate_gltf: Callable[..., Any], export: Path) -> None:
    report = validate_gltf(export)
    assert report["files"] > 40
    assert report["errors"] == []
    assert report["warnings"] == []


@pytest.mark.parametrize("part", ["buildings", "points", ""])
def test_cesium_loads_everything_and_asks_nobody_else(views: dict[str, Any], part: str) -> None:
    assert views[part]["failed"] == []
    assert views[part]["console_errors"] == []
    assert views[part]["strayed"] == []


@pytest.mark.parametrize("part", ["buildings", "points", ""])
def test_the_middle_of_the_view_is_not_empty(views: dict[str, Any], part: str) -> None:
    assert views[part]["drawn_middle"] > 0.25
    assert views[part]["drawn"] < 0.95
    assert views[part]["n_colours"] > 1


def test_cesium_draws_every_building_and_every_point_when_asked_for_all(
    views: dict[str, Any], town: list[Building], survey: Points
) -> None:
    assert views["buildings"]["tiles"]["features"] == len(town)
    assert views["points"]["tiles"]["points"] == len(survey)
    assert views[""]["tiles"]["features"] > 0
    assert views[""]["tiles"]["points"] > 0


def test_a_click_on_a_roof_tells_the_facts_of_that_building(views: dict[str, Any], tallest: list[Building]) -> None:
    for building, probe in zip(tallest, views["buildings"]["probes"], strict=True):
        red, green, _ = probe["colour"]
        assert red > green + 30
        assert probe["facts"]["id"] == building.id
        assert probe["facts"]["measuredHeight"] == building.measured_height_m
        assert probe["facts"]["groundHeight"] == building.ground_m
        assert probe["facts"].get("usage") == building.attributes.get("usage")
        assert probe["facts"].get("storeys") == building.attributes.get("storeys")


def test_points_stand_on_their_pixels_in_the_colour_of_their_class(views: dict[str, Any]) -> None:
    some = views["some"]
    colours = {2: GROUND, 6: ROOF_POINT}
    for code, probe in zip(some["classification"].tolist(), views["points"]["probes"], strict=True):
        assert np.abs(np.subtract(probe["colour"], colours[code])).max() <= 6
