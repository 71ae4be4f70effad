"""What a model is trained from: regions with their files, licences and habits, copies of each cloud, and the trees."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Any, TypeVar

from pipelines.learned.truths import habit_named
from twin.config import load_named, require_mapping, resolve
from twin.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from _typeshed import DataclassInstance

__all__ = ["Copy", "Recipe", "Region", "SceneSource", "TreeParams", "read_recipe"]

P = TypeVar("P", bound="DataclassInstance")


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneSource:
    """A synthetic scene to train on; see `twin.scene.SceneParams`."""

    kind: str
    """Kind of scene."""
    seed: int
    """Seed; 100 to 199 are for training."""
    n_points: int = 150_000
    """Points."""
    density_per_m2: float = 8.0
    """Points per square metre."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """Clouds of one place and survey: what is left out together when a model is validated."""

    name: str
    """Short name."""
    codes: str
    """Habit of the class codes; see `pipelines.learned.truths`."""
    licence: str
    """Licence of the files, for the record."""
    files: tuple[str, ...] = ()
    """Labelled LAS or LAZ files, relative to the folder of data."""
    scenes: tuple[SceneSource, ...] = ()
    """Synthetic scenes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """One way in which every cloud is seen once."""

    density_per_m2: float = 0.0
    """Density to which the cloud is thinned, points per square metre where there are any; 0 keeps all."""
    noise_m: float = 0.0
    """Standard deviation of noise added to heights, metres."""
    relief: float = 0.0
    """Slope of smooth hills put under everything, rise over run; the steepest places have about twice that."""
    echoes: bool = True
    """Whether returns stay numbered."""
    turn: bool = True
    """Whether the cloud is turned by a random angle: streets shall not run along cells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeParams:
    """How trees are grown (LightGBM's terms)."""

    n_trees: int = 80
    """Trees of each head."""
    depth: int = 6
    """Greatest number of splits on a way down; a model's size doubles with each."""
    leaves: int = 31
    """Greatest number of leaves of a tree."""
    learning_rate: float = 0.1
    """Share of each tree's answer that counts."""
    min_rows: int = 200
    """Least rows in a leaf: what occurs in one garden is no rule."""
    feature_share: float = 0.5
    """Share of the features that a tree may look at."""
    l2: float = 1.0
    """Penalty on large leaves."""
    seed: int = 1
    """Seed of every choice."""
    rows_per_region: int = 120_000
    """Rows that each region gives to a head, all its files and copies alike; all regions weigh the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that decides what a model becomes, but the bytes of the files."""

    name: str
    """Name of the preset or of the file."""
    regions: tuple[Region, ...]
    """Regions, in the order of the file."""
    copies: tuple[Copy, ...]
    """Copies of every cloud."""
    trees: TreeParams
    """How trees are grown."""

    def without(self, names: tuple[str, ...]) -> Recipe:
        """Return the recipe without some regions, for a model that never saw them.

        Raises
        ------
        ConfigError
            If there is no such region, or none is left.
        """
        known = [region.name for region in self.regions]
        for name in names:
            if name not in known:
                raise ConfigError(f"{self.name}: no region {name!r} to leave out; there are: {', '.join(known)}")
        kept = tuple(region for region in self.regions if region.name not in names)
        if not kept:
            raise ConfigError(f"{self.name}: no region is left to train on")
        return Recipe(name=self.name, regions=kept, copies=self.copies, trees=self.trees)


def read_recipe(name_or_path: str | Path) -> Recipe:
    """Read a recipe: a preset of ``config/training`` by name, or a YAML file by its path.

    Raises
    ------
    ConfigError
        If it has an unknown key, no region, or a region without files and scenes.
    """
    content, where, name = load_named("training", name_or_path)
    unknown = set(content) - {"regions", "copies", "trees"}
    if unknown:
        raise ConfigError(f"{where}: unknown key {min(unknown)!r}; a recipe has regions, copies and trees")
    regions = require_mapping(content.get("regions"), f"{where}: regions", or_nothing=True)
    if not regions:
        raise ConfigError(f"{where}: no regions to train on")
    copies = [_row(Copy, row, f"{where}: copies") for row in content.get("copies") or [{}]]
    trees = _row(TreeParams, content.get("trees") or {}, f"{where}: trees")
    parts = tuple(_region(str(key), value, where) for key, value in regions.items())
    return Recipe(name=name, regions=parts, copies=tuple(copies), trees=trees)


def _region(name: str, value: Any, where: str) -> Region:
    own = f"{where}: regions.{name}"
    facts = require_mapping(value, own)
    scenes = tuple(_row(SceneSource, row, f"{own}.scenes") for row in facts.get("scenes") or [])
    region = _row(Region, {**facts, "name": name, "scenes": scenes}, own)
    habit_named(region.codes)
    if not (region.files or region.scenes):
        raise ConfigError(f"{own}: neither files nor scenes")
    return region


def _row(kind: type[P], value: Any, where: str) -> P:
    row: Mapping[str, Any] = require_mapping(value, where)
    for field in fields(kind):
        if field.default is MISSING and field.name not in row:
            raise ConfigError(f"{where}: {field.name} is missing")
    return resolve(kind, [(where, row)], kind.__name__.lower())
