"""The package as it is installed: where it lies, what travels with it, what its command says."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path

import pytest

from twin.config import preset, preset_names

PACKAGES = ["twin", "tiles", "pipelines", "viewer"]


@pytest.fixture
def expected_root(checkout: Path) -> Path:
    """Return the folder that modules must come from: the unpacked wheel in `make test-wheel`, else the checkout."""
    return Path(os.environ.get("TWIN_EXPECTED_UNDER", checkout))


@pytest.mark.parametrize("name", PACKAGES)
def test_packages_come_from_the_tree_under_test(name: str, expected_root: Path) -> None:
    file = import_module(name).__file__
    assert file is not None
    assert Path(file).resolve() == expected_root.resolve() / name / "__init__.py"


@pytest.mark.parametrize("name", PACKAGES)
def test_every_file_of_a_package_travels(name: str, checkout: Path, expected_root: Path) -> None:
    def files(root: Path) -> set[str]:
        found = (path.relative_to(root) for path in (root / name).rglob("*") if path.is_file())
        return {str(path) for path in found if not {"__pycache__", "presets"} & set(path.parts)}

    assert files(expected_root) == files(checkout)


@pytest.mark.parametrize("name", PACKAGES)
def test_packages_say_that_they_are_typed(name: str, expected_root: Path) -> None:
    assert (expected_root / name / "py.typed").is_file()


@pytest.mark.parametrize("kind", sorted(path.name for path in (Path(__file__).parents[2] / "config").iterdir()))
def test_every_preset_of_the_source_tree_is_found_and_read(kind: str, checkout: Path) -> None:
    written = sorted(path.stem for path in (checkout / "config" / kind).glob("*.yaml"))
    assert preset_names(kind) == written
    for name in written:
        assert preset(kind, name)
