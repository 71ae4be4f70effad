"""What every test may ask for: the real files, and repeatable random examples."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("MPLBACKEND", "Agg")

# Examples are derived from the test itself, so a run on another day or machine tries the same ones. A loaded machine
# must not fail a law: there is no deadline. `HYPOTHESIS_PROFILE=thorough` looks further.
settings.register_profile(
    "repeatable",
    derandomize=True,
    max_examples=40,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("thorough", max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what goes on for as long as it is told, unless it is asked for by name: ``-m fuzz``."""
    if "fuzz" not in config.getoption("markexpr"):
        endless = [item for item in items if item.get_closest_marker("fuzz")]
        items[:] = [item for item in items if item not in endless]
        config.hook.pytest_deselected(items=endless)


@pytest.fixture(scope="session")
def checkout() -> Path:
    """Return the root of the source tree that holds these tests."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data(checkout: Path) -> Path:
    """Return the folder of real survey files beside the checkout; without it the test is skipped."""
    folder = checkout.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real files: {Path('..') / 'shared' / 'data'} does not stand beside the checkout")
    return folder
