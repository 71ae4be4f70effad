"""Files and folders appear whole or not at all, also where two workers make the same one at once."""

from __future__ import annotations

import errno
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tiles.atomic import atomic_folder, atomic_path

if TYPE_CHECKING:
    from pathlib import Path


def test_a_task_that_is_done_twice_at_once_fails_in_neither_place(tmp_path: Path) -> None:
    def make(number: int) -> None:
        for _ in range(10):
            with atomic_folder(tmp_path / "target", scratch=tmp_path / "scratch") as folder:
                (folder / "content").write_text(str(number))

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(make, range(3)))
    assert (tmp_path / "target" / "content").read_text() in "012"
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_library_s_failure_on_a_full_disk_is_called_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write() -> None:
        with atomic_path(tmp_path / "a"):
            raise RuntimeError("failed to call write")

    with pytest.raises(RuntimeError):
        write()
    monkeypatch.setattr("tiles.atomic.is_full", lambda _: True)
    with pytest.raises(OSError, match="No space left") as caught:
        write()
    assert caught.value.errno == errno.ENOSPC
    assert list(tmp_path.iterdir()) == []
