"""A place in an object store, with the few words of `pathlib.Path` that readers of a store use.

Everything about where the service is and who asks comes from the usual environment (``AWS_ENDPOINT_URL``,
``AWS_ACCESS_KEY_ID``, ``AWS_REGION``...). Errors 5xx, refused and dropped connections are tried again for
``TWIN_STORE_PATIENCE_S`` seconds; then they end in one sentence.
"""

from __future__ import annotations

import errno
import io
import os
import re
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import IO, TYPE_CHECKING, Any

from twin.errors import ConfigError, StoreError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

__all__ = ["SCHEME", "ConflictError", "ObjectPath", "ObjectState", "patience_s", "put_if", "told"]

SCHEME = "s3://"
_PATIENCE = "TWIN_STORE_PATIENCE_S"
_DEFAULT_PATIENCE_S = 60.0
"""Seconds; services recover from overload within a minute, and a person should not wait longer for a typing error."""
_LEAST_TIMEOUT_S = 10.0
"""Least time for one request, seconds; else it is as long as the patience: a part of 16 MB in a minute is 270 kB/s."""
_PART_BYTES = 16 * 1024 * 1024
"""Larger files go up in parts of this size, each tried again on its own."""
_SETTINGS = (
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ALLOW_HTTP",
    _PATIENCE,
)
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


class ConflictError(StoreError):
    """An object is not the one that was to be replaced: somebody else wrote it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectState:
    """An object as it was at one moment."""

    content: bytes
    e_tag: str
    modified: datetime
    """By the service's clock."""


@dataclass(frozen=True, slots=True)
class ObjectPath:
    """One key, or all keys below it; a name, not a connection, so it can be pickled."""

    bucket: str
    key: str
    """Without slashes at its ends."""

    @staticmethod
    def parse(address: str) -> ObjectPath:
        """Read ``s3://bucket/prefix``.

        Raises
        ------
        ConfigError
            If it names no bucket, or no prefix in it.
        """
        bucket, _, key = address.removeprefix(SCHEME).partition("/")
        key = "/".join(part for part in key.split("/") if part)
        if not address.startswith(SCHEME) or not _BUCKET.fullmatch(bucket) or not key:
            raise ConfigError(
                f"{address}: write s3://BUCKET/PREFIX; a bucket's name has 3 to 63 small letters or digits"
            )
        return ObjectPath(bucket, key)

    def __str__(self) -> str:
        """Return the address."""
        return f"{SCHEME}{self.bucket}/{self.key}"

    def __truediv__(self, part: str) -> ObjectPath:
        """Return a place below this one."""
        return ObjectPath(self.bucket, f"{self.key}/{part}")

    @property
    def name(self) -> str:
        """Last part of the key."""
        return self.key.rsplit("/", 1)[-1]

    @property
    def client(self) -> Any:
        """The connection of this process to the bucket."""
        return _client(self.bucket, tuple(os.environ.get(name, "") for name in _SETTINGS))

    @property
    def client_below(self) -> Any:
        """The connection for a library that asks for keys relative to this place."""
        return _client(self.bucket, tuple(os.environ.get(name, "") for name in _SETTINGS), self.key)

    def read_bytes(self) -> bytes:
        """Return an object's bytes.

        Raises
        ------
        FileNotFoundError
            If there is none.
        UnreachableError
            If the service does not answer.
        """
        import obstore

        with told(self):
            return obstore.get(self.client, self.key).bytes().to_bytes()

    def read_text(self, encoding: str = "utf-8") -> str:
        """Return an object as text; errors as `read_bytes`."""
        return self.read_bytes().decode(encoding)

    def open(self, encoding: str = "utf-8") -> IO[str]:
        """Return an object as a stream of text in memory; errors as `read_bytes`."""
        return io.StringIO(self.read_text(encoding))

    def is_file(self) -> bool:
        """Whether there is an object of this very key."""
        import obstore

        try:
            with told(self):
                obstore.head(self.client, self.key)
        except FileNotFoundError:
            return False
        return True

    def exists(self) -> bool:
        """Whether there is an object of this key or below it."""
        return next(self.below(), None) is not None or self.is_file()

    def below(self) -> Iterator[ObjectPath]:
        """Yield all objects below this place, in no order."""
        yield from (place for place, _ in self.sizes())

    def names(self) -> list[str]:
        """Return the names directly below this place, sorted; what lies deeper costs nothing."""
        import obstore

        with told(self):
            found = obstore.list_with_delimiter(self.client, prefix=self.key)
        keys = [*found["common_prefixes"], *(entry["path"] for entry in found["objects"])]
        return sorted(key.rstrip("/").rsplit("/", 1)[-1] for key in keys)

    def sizes(self) -> Iterator[tuple[ObjectPath, int]]:
        """Yield all objects below this place, in no order, and their bytes; one request for a thousand."""
        import obstore

        with told(self):
            for batch in obstore.list(self.client, prefix=self.key):
                for entry in batch:
                    yield ObjectPath(self.bucket, entry["path"]), entry["size"]

    def state(self, unless: str = "") -> ObjectState | None:
        """Return an object with its ETag; None if its ETag is still `unless`. Errors as `read_bytes`."""
        import obstore
        from obstore.exceptions import NotModifiedError

        with told(self):
            try:
                found = obstore.get(self.client, self.key, options={"if_none_match": unless} if unless else None)
            except NotModifiedError:
                return None
            content = found.bytes().to_bytes()
            return ObjectState(content=content, e_tag=found.meta["e_tag"] or "", modified=found.meta["last_modified"])

    def write(self, content: bytes | Path) -> None:
        """Create or replace the object, whole or not at all."""
        import obstore

        with told(self):
            obstore.put(self.client, self.key, content, chunk_size=_PART_BYTES)


def put_if(place: ObjectPath, content: bytes, e_tag: str) -> str:
    """Replace an object if it is still the one with `e_tag` (if it does not exist, for an empty one); return the ETag.

    An answer that was lost is no conflict: what stands there is compared with what was to be written.

    Raises
    ------
    ConflictError
        If somebody else wrote it.
    UnreachableError
        If the service does not answer.
    """
    import obstore
    from obstore.exceptions import AlreadyExistsError, PreconditionError

    until = time.monotonic() + patience_s()
    mode: Any = {"e_tag": e_tag} if e_tag else "create"
    while True:
        try:
            with told(place):
                return obstore.put(place.client, place.key, content, mode=mode)["e_tag"] or ""
        except (AlreadyExistsError, PreconditionError, FileNotFoundError):
            found = _state_or_none(place)
            if found is None or found.content != content:
                raise ConflictError(f"{place} was changed by somebody else") from None
            return found.e_tag
        except UnreachableError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


def _state_or_none(place: ObjectPath) -> ObjectState | None:
    try:
        return place.state()
    except FileNotFoundError:
        return None


@contextmanager
def told(place: ObjectPath) -> Iterator[None]:
    """Turn the library's errors into ours; failed conditions pass, they are answers.

    Raises
    ------
    FileNotFoundError
        If there is no such object.
    UnreachableError
        If the service failed again and again, or is not there, or there is no such bucket, or no right to use it.
    """
    from obstore import exceptions as known

    try:
        yield
    except FileNotFoundError as error:
        if "NoSuchBucket" in str(error):
            raise _no_bucket(place) from None
        raise FileNotFoundError(errno.ENOENT, "no such object", str(place)) from None
    except (known.AlreadyExistsError, known.PreconditionError, known.NotModifiedError):
        raise
    except (known.PermissionDeniedError, known.UnauthenticatedError):
        text = f"{place}: the object store refuses; check AWS_ACCESS_KEY_ID and its rights on bucket {place.bucket}"
        raise UnreachableError(text) from None
    except known.BaseError as error:
        if "NoSuchBucket" in str(error):
            raise _no_bucket(place) from None
        way = "run it again when it does, it goes on from there"
        raise UnreachableError(f"{place}: the object store does not answer ({_reason(str(error))}); {way}") from None


def _no_bucket(place: ObjectPath) -> UnreachableError:
    return UnreachableError(
        f"{place}: there is no bucket {place.bucket} at this service; make it, or check the address"
    )


def _reason(text: str) -> str:
    """Return what the service or the network said, of pages."""
    status = re.search(r"status code: (\d+ [A-Za-z ]+)", text)
    if status:
        return status.group(1).strip()
    said = re.findall(r'message: "([^"]+)"', text) or re.findall(r"HTTP error: ([^\n]+)", text)
    return said[-1] if said else " ".join(text.split("\n", 1)[0].split())[:200]


def patience_s() -> float:
    """Return for how many seconds a failing request is tried again.

    Raises
    ------
    ConfigError
        If the environment says something that is no number.
    """
    text = os.environ.get(_PATIENCE, "")
    try:
        return float(text) if text else _DEFAULT_PATIENCE_S
    except ValueError:
        raise ConfigError(f"{_PATIENCE}={text}: a number of seconds was expected") from None


@lru_cache(maxsize=32)
def _client(bucket: str, settings: tuple[str, ...], prefix: str | None = None) -> Any:
    from obstore.store import S3Store

    given = dict(zip(_SETTINGS, settings, strict=True))
    endpoint = given["AWS_ENDPOINT_URL_S3"] or given["AWS_ENDPOINT_URL"]
    longest = timedelta(seconds=max(patience_s(), _LEAST_TIMEOUT_S))
    options: dict[str, Any] = {"timeout": longest, "connect_timeout": timedelta(seconds=5)}
    if endpoint.startswith("http://"):
        options["allow_http"] = True  # whoever names such an address means it
    retry: Any = {
        "max_retries": 100,
        "retry_timeout": timedelta(seconds=patience_s()),
        "backoff": {
            "init_backoff": timedelta(milliseconds=100),
            "max_backoff": timedelta(seconds=5),
            "base": 2,
        },
    }
    where: dict[str, Any] = {"endpoint": endpoint} if endpoint else {}
    return S3Store(bucket, prefix=prefix, client_options=options, retry_config=retry, **where)  # type: ignore[arg-type]
