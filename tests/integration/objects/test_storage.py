"""The laws of a place in an object store, against a server that speaks S3."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from tiles.storage import (
    ObjectPath,
    fetched,
    files_below,
    names_in,
    place_of,
    publish_folder,
    read_ranges,
    read_tail,
    remove,
)
from tiles.storage.lease import Lease
from tiles.storage.objects import ConflictError, put_if
from twin.errors import ConfigError, StoreError, UnreachableError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def place(address: str) -> ObjectPath:
    found = place_of(address)
    assert isinstance(found, ObjectPath)
    return found


@pytest.mark.parametrize("wrong", ["s3://ab/x", "s3://Bucket/x", "s3://bucket", "s3:///x"])
def test_an_address_without_bucket_or_prefix_is_refused(wrong: str) -> None:
    with pytest.raises(ConfigError, match="s3://BUCKET/PREFIX"):
        place_of(wrong)


def test_an_address_of_another_service_is_refused() -> None:
    with pytest.raises(StoreError, match="folder or s3://"):
        place_of("ftp://somewhere/else")


def test_a_place_reads_like_a_file(place: ObjectPath, tmp_path: Path) -> None:
    content = bytes(range(200))
    local = tmp_path / "file"
    local.write_bytes(content)
    (place / "file").write(content)
    for one in (local, pickle.loads(pickle.dumps(place / "file"))):
        assert one.read_bytes() == content
        assert read_ranges(one, [(10, 20), (150, 153), (0, 1)]) == [content[10:20], content[150:153], content[:1]]
        assert read_tail(one, 5) == content[-5:]
        assert read_tail(one, 500) == content
        assert one.is_file()
        assert one.exists()
    for none in (tmp_path / "none", place / "none"):
        assert not none.exists()
        with pytest.raises(FileNotFoundError):
            none.read_bytes()


def test_a_published_folder_has_the_same_names_and_bytes(place: ObjectPath, tmp_path: Path) -> None:
    source = tmp_path / "folder"
    for name in ("zarr.json", "c.json", "c/0", "extra/50%25 of #1 (a+b)", "extra/高さ"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(name, encoding="utf-8")
    target = place / "folder"
    (target / "c" / "1").write(b"stood there before")
    (place / "folder2" / "kept").write(b"a neighbour whose name begins alike")
    publish_folder(source, target)
    assert list(files_below(target)) == list(files_below(source))
    assert [one.read_bytes() for one in files_below(target).values()] == [
        one.read_bytes() for one in files_below(source).values()
    ]
    assert names_in(target) == names_in(source)
    with fetched(target) as copy:
        assert (copy / "extra" / "高さ").read_text(encoding="utf-8") == "extra/高さ"
    remove(target)
    assert not target.exists()
    assert (place / "folder2").exists()


def test_only_the_version_that_was_read_is_replaced(place: ObjectPath) -> None:
    first = put_if(place / "it", b"1", "")
    with pytest.raises(ConflictError):
        put_if(place / "it", b"2", "")
    second = put_if(place / "it", b"2", first)
    with pytest.raises(ConflictError):
        put_if(place / "it", b"3", first)
    assert second != first
    assert (place / "it").read_bytes() == b"2"


def test_a_write_whose_answer_was_lost_is_no_conflict(place: ObjectPath, server: Any) -> None:
    first = put_if(place / "it", b"1", "")
    server.bodies_lost = 1  # the server wrote it and answers 500: the library tries again and meets its own bytes
    second = put_if(place / "it", b"2", first)
    assert put_if(place / "it", b"3", second)


def test_a_server_that_fails_often_is_asked_again(place: ObjectPath, server: Any) -> None:
    server.fail(0.3, seed=7)
    for number in range(20):
        (place / str(number)).write(str(number).encode())
    assert [(place / str(number)).read_bytes() for number in range(20)] == [str(n).encode() for n in range(20)]
    assert server.requests["PUT"] > 20


def test_a_server_that_is_not_there_is_one_sentence(
    place: ObjectPath, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWIN_STORE_PATIENCE_S", "0.5")
    server.stop()
    try:
        with pytest.raises(UnreachableError, match=r"does not answer \(.*refused.*\); run it again") as caught:
            (place / "it").read_bytes()
        assert "\n" not in str(caught.value)
    finally:
        server.start()


def test_a_missing_bucket_and_missing_rights_are_named(server: Any) -> None:
    nowhere = ObjectPath("no-such-bucket", "store")
    for work in (nowhere.read_bytes, nowhere.exists, lambda: nowhere.write(b"x")):
        with pytest.raises(StoreError, match="there is no bucket no-such-bucket"):
            work()


def test_the_second_owner_is_refused_and_told_who_the_first_is(place: ObjectPath) -> None:
    first = Lease(place / ".lock", "the store")
    with pytest.raises(StoreError, match=f"the store is being written by process {os.getpid()} on .*wait"):
        Lease(place / ".lock", "the store")
    first.release()
    Lease(place / ".lock", "the store").release()


def _hold(place: ObjectPath, ready: Any) -> None:
    Lease(place / ".lock", "the store")
    ready.set()
    time.sleep(60)


def test_a_dead_owner_on_this_machine_does_not_keep_the_lock(place: ObjectPath) -> None:
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=_hold, args=(place, ready))
    process.start()
    assert ready.wait(30)
    with pytest.raises(StoreError, match=f"process {process.pid} on"):
        Lease(place / ".lock", "the store")
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    process.close()
    Lease(place / ".lock", "the store").release()


def test_a_lease_that_ran_out_is_taken_and_its_owner_notices(
    place: ObjectPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr("tiles.storage.lease._machine", lambda: "another machine")
        slow = Lease(place / ".lock", "the store", lease_s=1.2)
    with pytest.raises(StoreError, match="if it died, after"):
        Lease(place / ".lock", "the store")
    time.sleep(2.3)  # the service's clock has whole seconds
    quick = Lease(place / ".lock", "the store")
    slow.renew()
    with pytest.raises(StoreError, match="the lock was lost, another process took it"):
        slow.check()
    slow.release()
    quick.renew()
    quick.check()
    quick.release()


def test_a_renewed_lease_stays(place: ObjectPath, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr("tiles.storage.lease._machine", lambda: "another machine")
        lease = Lease(place / ".lock", "the store", lease_s=2.0)
        for _ in range(6):
            time.sleep(0.6)
            lease.renew()
    with pytest.raises(StoreError, match="is being written"):
        Lease(place / ".lock", "the store")
    lease.check()
    lease.release()
