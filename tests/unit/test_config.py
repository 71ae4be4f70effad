"""Presets, project files and overrides merge in one order; a wrong key says where it stands and what was meant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.config import (
    Layer,
    Settings,
    digest,
    load_named,
    load_yaml,
    parse_override,
    preset,
    require_mapping,
    resolve,
)
from twin.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Params:
    slope: float = 0.15
    window_m: float = 18.0
    iterations: int = 3
    scene: Literal["bay", "hills"] = "bay"
    steps: tuple[float, ...] = (1.0, 2.0)
    name: str | None = None
    strict: bool = False

    def __post_init__(self) -> None:
        if self.slope < 0:
            raise ValueError(f"slope must not be negative: {self.slope}")


def layer(where: str, **ground: object) -> Layer:
    return Layer(where=where, stages={"ground": ground})


def test_without_layers_the_defaults_hold() -> None:
    assert Settings().params("ground", Params) == Params()


def test_later_layers_win_and_untouched_keys_stay() -> None:
    settings = (
        Settings()
        .with_layer(layer("preset urban", slope=0.2, window_m=20.0))
        .with_layer(layer("project.yaml", slope=0.3))
        .with_layer(parse_override("ground.slope=0.4"))
    )
    assert settings.params("ground", Params) == Params(slope=0.4, window_m=20.0)
    assert settings.params("terrain", Params) == Params()


@given(st.lists(st.dictionaries(st.sampled_from(["slope", "window_m"]), st.floats(0, 99)), max_size=5))
def test_the_last_layer_that_speaks_of_a_key_decides(mappings: list[dict[str, float]]) -> None:
    merged: dict[str, float] = {}
    for mapping in mappings:
        merged |= mapping
    layers = [(f"layer {i}", mapping) for i, mapping in enumerate(mappings)]
    assert resolve(Params, layers, "ground") == Params(**merged)


def test_an_unknown_key_names_the_layer_the_key_and_the_closest_valid_one() -> None:
    with pytest.raises(ConfigError, match=r"project\.yaml: unknown key ground\.windw_m; did you mean 'window_m'\?"):
        Settings(layers=(layer("project.yaml", windw_m=1.0),)).params("ground", Params)


def test_an_unknown_stage_names_the_closest_one() -> None:
    settings = Settings(layers=(Layer(where="project.yaml", stages={"grond": {}}),))
    with pytest.raises(ConfigError, match=r"project\.yaml: unknown stage 'grond'; did you mean 'ground'\?"):
        settings.check_stages(["terrain", "ground"])


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("slope", "steep", "expected float"),
        ("slope", True, "expected float"),
        ("iterations", 2.5, "expected int"),
        ("iterations", True, "expected int"),
        ("scene", "moon", "expected one of bay, hills"),
        ("strict", "yes", "expected bool"),
        ("steps", [1.0, "two"], "expected float"),
        ("slope", -1.0, "must not be negative"),
    ],
)
def test_a_value_of_another_kind_is_refused(key: str, value: object, expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        Settings(layers=(layer("project.yaml", **{key: value}),)).params("ground", Params)


def test_yaml_habits_are_met_half_way() -> None:
    params = Settings(layers=(layer("p", slope=1, steps=[1, 2, 3], name=None),)).params("ground", Params)
    assert params == Params(slope=1.0, steps=(1.0, 2.0, 3.0))
    assert isinstance(params.slope, float)
    assert all(isinstance(step, float) for step in params.steps)


@pytest.mark.parametrize("text", ["slope=1", "ground.slope", "=1", ".slope=1", "ground.=1", ""])
def test_an_override_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"write stage\.param=value"):
        parse_override(text)


def test_an_override_may_hold_an_equals_sign_and_any_yaml() -> None:
    assert parse_override("a.b=[1, x=2]").stages == {"a": {"b": [1, "x=2"]}}


@pytest.mark.parametrize(
    ("content", "message"),
    [("- a\n- b\n", "expected a mapping"), ("a: [1, 2\n", "not YAML"), ("", "expected a mapping")],
)
def test_a_file_that_is_no_mapping_is_refused_in_one_line(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "project.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=message) as caught:
        load_yaml(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_missing_preset_are_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load_yaml(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="no preset areas/atlantis"):
        preset("areas", "atlantis")


@pytest.mark.parametrize("suffix", [".yaml", ".yml"])
def test_a_path_is_read_as_a_file_and_goes_by_its_stem(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"delft{suffix}"
    path.write_text("name: mine\n", encoding="utf-8")
    assert load_named("areas", path) == ({"name": "mine"}, str(path), "delft")
    assert load_named("areas", str(path)) == load_named("areas", path)


def test_a_name_without_a_suffix_is_a_preset() -> None:
    assert load_named("areas", "delft") == (preset("areas", "delft"), "areas/delft.yaml", "delft")


@given(st.dictionaries(st.text(max_size=5), st.integers(), max_size=3), st.booleans())
def test_a_mapping_passes_as_it_is(mapping: dict[str, int], or_nothing: bool) -> None:
    assert require_mapping(mapping, "here", or_nothing=or_nothing) is mapping


@pytest.mark.parametrize("or_nothing", [False, True])
@pytest.mark.parametrize("value", [[], "", "text", 0, 3.0, False, ["a"]])
def test_what_is_no_mapping_is_refused_with_its_place(value: object, or_nothing: bool) -> None:
    with pytest.raises(ConfigError, match=r"^feed\.yaml: title: expected keys and values$"):
        require_mapping(value, "feed.yaml: title", or_nothing=or_nothing)


def test_nothing_is_an_empty_mapping_only_where_that_is_allowed() -> None:
    assert require_mapping(None, "here", or_nothing=True) == {}
    with pytest.raises(ConfigError, match="here: expected keys and values"):
        require_mapping(None, "here")


@given(st.dictionaries(st.text(max_size=5), st.integers(), min_size=2, max_size=5))
def test_a_digest_does_not_depend_on_the_order_of_keys(facts: dict[str, int]) -> None:
    assert digest("stage", facts) == digest("stage", dict(reversed(facts.items())))


def test_a_digest_changes_with_every_part_and_is_the_same_tomorrow() -> None:
    names = {digest("ground", 1, Params()), digest("ground", 2, Params()), digest("ground", 1, Params(slope=0.2))}
    assert len(names) == 3
    assert digest("ground", 1) == "0193b467f097c9ef"


@dataclass(frozen=True, kw_only=True)
class Delivery:
    code: str = ""
    day: str = ""
    version: Literal["2.0", "3.0"] = "2.0"


def test_codes_dates_and_versions_stay_as_they_are_written() -> None:
    layers = [parse_override(f"d.{text}") for text in ("code=01100", "day=2025-10-01", "version=3.0")]
    found = Settings(layers=tuple(layers)).params("d", Delivery)
    assert found == Delivery(code="01100", day="2025-10-01", version="3.0")
    with pytest.raises(ConfigError, match=r"expected one of 2\.0, 3\.0"):
        Settings(layers=(parse_override("d.version=4.0"),)).params("d", Delivery)
