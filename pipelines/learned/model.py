"""A trained model at rest: one small file, its features by name, a digest against broken bytes.

The file is a line that says what it is, a line of JSON, and the arrays one after the other (little endian). Equal
models are equal bytes. Where, when and from what a model was trained stands beside it in a YAML file of the same name.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.learned.features import FEATURES
from pipelines.learned.trees import Trees
from twin.config import preset_path
from twin.errors import ConfigError, FormatError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["HEADS", "Model", "load_model", "model_file", "read_model", "write_model"]

HEADS = ("ground", "building", "vegetation")
"""What a model gives odds for."""

_MAGIC = b"twin trees 1\n"
_PARTS: tuple[tuple[str, str], ...] = (("feature", "<u1"), ("threshold", "<f4"), ("leaf", "<i4"))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Model:
    """Trees for each of `HEADS`, all of one set of features."""

    heads: Mapping[str, Trees]
    """Trees by head."""
    digest: str
    """Digest of the file's arrays and features, 32 hex digits."""

    @staticmethod
    def of(heads: Mapping[str, Trees]) -> Model:
        """Make a model of freshly trained trees."""
        return Model(heads=heads, digest=_digest(_payload(heads)))


def model_file(name: str) -> Path:
    """Path of a model: a shipped one by name, any other by its path.

    Raises
    ------
    ConfigError
        If there is no such file.
    """
    path = Path(name) if name.endswith(".trees") else preset_path("learned") / f"{name}.trees"
    if not path.is_file():
        raise ConfigError(f"{path}: no such model; give a path that ends in .trees, or `default`")
    return path


@lru_cache(maxsize=8)
def load_model(name: str) -> Model:
    """Return the model of a name or path, read once a process."""
    return read_model(model_file(name))


def write_model(path: Path, model: Model) -> None:
    """Write a model's file."""
    payload = _payload(model.heads)
    shapes = {head: [len(trees.leaf), trees.depth] for head, trees in model.heads.items()}
    facts = {"features": list(FEATURES), "heads": shapes, "digest": _digest(payload)}
    path.write_bytes(_MAGIC + json.dumps(facts, sort_keys=True).encode() + b"\n" + payload)


def read_model(path: Path) -> Model:
    """Read a model's file.

    Raises
    ------
    FormatError
        If it is no such file, was cut, or its bytes changed.
    ConfigError
        If it was trained on other features than this version makes.
    """
    raw = path.read_bytes()
    line, _, payload = raw[len(_MAGIC) :].partition(b"\n")
    if not raw.startswith(_MAGIC):
        raise FormatError(f"{path}: not a model of this engine; make one with `twin train`")
    try:
        facts = json.loads(line)
        features, shapes, digest = facts["features"], facts["heads"], facts["digest"]
    except (ValueError, KeyError, TypeError):
        raise FormatError(f"{path}: its second line is not what a model says of itself; make it again") from None
    _check_features(path, features)
    if digest != _digest(payload):
        raise FormatError(f"{path}: its trees are not those that were written; copy it again")
    return Model(heads=_heads(payload, shapes), digest=digest)


def _check_features(path: Path, features: list[str]) -> None:
    missing, extra = [n for n in features if n not in FEATURES], [n for n in FEATURES if n not in features]
    if features != list(FEATURES):
        told = f"it has {', '.join(missing) or 'none more'} and lacks {', '.join(extra) or 'none'}"
        raise ConfigError(f"{path}: trained on other features than this version makes: {told}; run `twin train`")


def _heads(payload: bytes, shapes: Mapping[str, Any]) -> dict[str, Trees]:
    heads, at = {}, 0
    for head in HEADS:
        n_trees, depth = shapes[head]
        parts = {}
        for name, kind in _PARTS:
            columns = (1 << depth) - (name != "leaf")
            values = np.frombuffer(payload, kind, n_trees * columns, at)
            at += values.nbytes
            parts[name] = np.ascontiguousarray(values.reshape(n_trees, columns).astype(kind[1:]))
        heads[head] = Trees(**parts)
    return heads


def _payload(heads: Mapping[str, Trees]) -> bytes:
    return b"".join(getattr(heads[head], name).astype(kind).tobytes() for head in HEADS for name, kind in _PARTS)


def _digest(payload: bytes) -> str:
    return hashlib.blake2b("\n".join(FEATURES).encode() + payload, digest_size=16).hexdigest()
