"""Which files a delivery is: what a folder holds, each once, and nothing that no surveyor put there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tiles.pointfiles import ReadParams
from twin.cli.sources import expand_sources
from twin.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_folder_means_its_las_and_laz_files_in_order(tmp_path: Path) -> None:
    (tmp_path / "b" / "strip.las").mkdir(parents=True)  # a folder that is called like a file
    files = [tmp_path / "A.LAZ", tmp_path / "b" / "strip.las" / "測量.las", tmp_path / "c.las"]
    for file in (*files, tmp_path / "._c.las", tmp_path / "notes.txt"):
        file.touch()
    assert expand_sources([tmp_path]) == files


def test_a_link_to_nowhere_is_handed_on_to_be_refused(tmp_path: Path) -> None:
    (tmp_path / "gone.laz").symlink_to(tmp_path / "nowhere.laz")
    assert expand_sources([tmp_path]) == [tmp_path / "gone.laz"]


def test_a_file_named_twice_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.las").touch()
    monkeypatch.chdir(tmp_path)
    assert [str(path) for path in expand_sources(["a.las", "./a.las", tmp_path / "a.las", tmp_path])] == ["a.las"]


def test_what_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        expand_sources([tmp_path / "a.las"])
    with pytest.raises(ConfigError, match=r"no file of points \(\.las, \.laz"):
        expand_sources([tmp_path])


def test_text_in_a_folder_is_a_delivery_if_its_columns_are_named(tmp_path: Path) -> None:
    for name in ("a.xyz", "b.csv", "c.txt.gz", "notes.md"):
        (tmp_path / name).touch()
    assert expand_sources([tmp_path]) == [tmp_path / "a.xyz"]
    named = ReadParams(columns=("x", "y", "z"))
    assert expand_sources([tmp_path], reading=named) == [tmp_path / name for name in ("a.xyz", "b.csv", "c.txt.gz")]
