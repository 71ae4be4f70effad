"""Presets, project files and overrides, merged in one fixed order.

Defaults live in each stage's parameters dataclass; a preset overrides them, a project file overrides the preset, and
``--set stage.param=value`` overrides all. An unknown key names the layer it came from and the closest valid one.
"""

from __future__ import annotations

import dataclasses
import datetime
import difflib
import hashlib
import json
import re
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import yaml

from twin.errors import ConfigError

if typing.TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = [
    "Layer",
    "Settings",
    "digest",
    "load_named",
    "load_yaml",
    "parse_override",
    "preset",
    "preset_names",
    "preset_path",
    "require_mapping",
    "resolve",
]

P = TypeVar("P", bound="DataclassInstance")

_ZEROS_FIRST = re.compile(r"0\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One source of parameters: ``{stage: {parameter: value}}`` and where it was written."""

    where: str
    """File name, preset name or ``--set``, for messages."""
    stages: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All layers of a run, weakest first."""

    layers: tuple[Layer, ...] = ()

    def with_layer(self, layer: Layer) -> Settings:
        """Return the settings with one stronger layer on top."""
        return Settings(layers=(*self.layers, layer))

    def params(self, stage: str, kind: type[P]) -> P:
        """Return the parameters dataclass `kind` of a stage, with every layer applied.

        Raises
        ------
        ConfigError
            If a layer has a key that `kind` lacks, or a value of another type.
        """
        return resolve(kind, [(layer.where, layer.stages.get(stage, {})) for layer in self.layers], stage)

    def check_stages(self, known: typing.Iterable[str]) -> None:
        """Raise ConfigError if a layer speaks of a stage that does not exist."""
        names = sorted(known)
        for layer in self.layers:
            for stage in layer.stages:
                if stage not in names:
                    raise ConfigError(f"{layer.where}: unknown stage {stage!r}{_closest(stage, names)}")


def resolve(kind: type[P], layers: typing.Iterable[tuple[str, Mapping[str, Any]]], stage: str) -> P:
    """Build a frozen parameters dataclass from its defaults and overriding mappings, weakest first."""
    hints = typing.get_type_hints(kind)
    names = [field.name for field in dataclasses.fields(kind)]
    values: dict[str, Any] = {}
    for where, mapping in layers:
        for key, value in mapping.items():
            if key not in names:
                raise ConfigError(f"{where}: unknown key {stage}.{key}{_closest(key, names)}")
            values[key] = _coerced(value, hints[key], f"{where}: {stage}.{key}")
    try:
        return kind(**values)
    except ValueError as error:
        raise ConfigError(f"{stage}: {error}") from None


def parse_override(text: str) -> Layer:
    """Read one ``stage.param=value``; the value is YAML.

    Raises
    ------
    ConfigError
        If the text has another form.
    """
    path, equals, value = text.partition("=")
    stage, dot, key = path.partition(".")
    if not (equals and dot and stage and key):
        raise ConfigError(f"--set {text!r}: write stage.param=value")
    # YAML reads a code that begins with zero as an octal number.
    loaded = value.strip() if _ZEROS_FIRST.fullmatch(value.strip()) else yaml.safe_load(value)
    return Layer(where="--set", stages={stage: {key: loaded}})


def load_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping.

    Raises
    ------
    ConfigError
        If the file is missing, not YAML, or not a mapping.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: expected a mapping of keys to values")
    return content


def preset(kind: str, name: str) -> dict[str, Any]:
    """Read a preset such as ``preset("areas", "delft")``.

    Raises
    ------
    ConfigError
        If there is none of that name; the message lists those there are.
    """
    path = _presets() / kind / f"{name}.yaml"
    if not path.is_file():
        names = preset_names(kind)
        raise ConfigError(f"no preset {kind}/{name}{_closest(name, names)}; there are: {', '.join(names)}")
    return load_yaml(path)


def preset_path(kind: str) -> Path:
    """Folder of the presets of a kind, for those that are not YAML."""
    return _presets() / kind


def preset_names(kind: str) -> list[str]:
    """Names of all presets of a kind, sorted."""
    return sorted(path.stem for path in (_presets() / kind).glob("*.yaml"))


def load_named(kind: str, name_or_path: str | Path) -> tuple[dict[str, Any], str, str]:
    """Read a YAML file if its path is given, else the preset of that name.

    Returns
    -------
    tuple
        Content; where it stands, for messages; and the name that it goes by without one of its own.

    Raises
    ------
    ConfigError
        If there is no such file or preset, or it holds no mapping.
    """
    path = Path(name_or_path)
    if path.suffix in {".yaml", ".yml"}:
        return load_yaml(path), str(path), path.stem
    name = str(name_or_path)
    return preset(kind, name), f"{kind}/{name}.yaml", name


def require_mapping(value: Any, where: str, *, or_nothing: bool = False) -> Mapping[str, Any]:
    """Return `value` if it is a mapping, as a part of a YAML file that has keys of its own must be.

    Parameters
    ----------
    value
        What the file says.
    where
        File and key, for the message.
    or_nothing
        Whether None, a key with nothing written behind it, stands for an empty mapping.

    Raises
    ------
    ConfigError
        If it is anything else.
    """
    if value is None and or_nothing:
        return {}
    if not isinstance(value, Mapping):
        raise ConfigError(f"{where}: expected keys and values")
    return value


def digest(*parts: Any) -> str:
    """Return a short stable name (16 hex digits) for JSON-able facts and parameter dataclasses."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=_plain)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _presets() -> Path:
    packaged = Path(str(resources.files("twin"))) / "presets"
    return packaged if packaged.is_dir() else Path(str(resources.files("twin"))).parent / "config"


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return str(value)


def _closest(word: str, names: typing.Sequence[str]) -> str:
    matches = difflib.get_close_matches(word, names, n=1, cutoff=0.4)
    return f"; did you mean {matches[0]!r}?" if matches else ""


def _coerced(value: Any, hint: Any, where: str) -> Any:
    """Check `value` against a field's type; ints pass for floats and for text (``epoch: 2024``), lists for tuples."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Union or type(hint).__name__ == "UnionType":
        if value is None and type(None) in arguments:
            return None
        hint = next(argument for argument in arguments if argument is not type(None))
        return _coerced(value, hint, where)
    if origin is tuple and isinstance(value, list | tuple):
        item = arguments[0] if arguments else Any
        return tuple(_coerced(entry, item, where) for entry in value)
    if origin is tuple and arguments[:1] == (str,) and isinstance(value, str):
        return (value,)  # one, written without a list
    if origin is Mapping:
        if isinstance(value, Mapping):
            return value
        raise ConfigError(f"{where} = {value!r}: expected a mapping")
    if origin is typing.Literal:
        wanted = str(value) if isinstance(value, float) else value  # a version, such as 3.0
        if wanted in arguments:
            return wanted
        raise ConfigError(f"{where} = {value!r}: expected one of {', '.join(map(str, arguments))}")
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint is str and isinstance(value, int | datetime.date) and not isinstance(value, bool):
        return str(value)
    if isinstance(hint, type) and (not isinstance(value, hint) or (hint is int and isinstance(value, bool))):
        raise ConfigError(f"{where} = {value!r}: expected {hint.__name__}")
    return value
