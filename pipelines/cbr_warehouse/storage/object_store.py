"""An object store that speaks S3: whole objects, conditional writes, ranged reads, retries.

Every write is of a whole object: readers see the old one or the new one. Requests that fail for a moment
(503, resets, timeouts) are repeated, by the library where repeating is harmless, and here for conditional
writes, whose response may be lost after they succeeded. What the store refuses becomes a sentence in
``store_errors``. Which objects there are is decided by ``transfer`` and ``remote``.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotModifiedError, PreconditionError
from obstore.store import S3Store

from cbr_warehouse.errors import StorageError
from cbr_warehouse.storage.store_errors import as_store_error, is_absent_object, is_passing
from cbr_warehouse.storage.store_url import StoreUrl, endpoint_in, require_credentials

PATIENCE_SECONDS = 180.0
"""How long one request is repeated before the store counts as unavailable."""

PART_BYTES = 8 * 2**20
"""Larger files are sent and received in parts of this size, of which a failure repeats one."""

_REQUEST_SECONDS = 120
"""Time for one request with its part; slower than 70 KB/s is no connection to copy with."""

_PARTS_AT_ONCE = 3
_CONDITIONAL_ATTEMPTS = 6


def open_store(
    url: StoreUrl, environ: Mapping[str, str], patience_seconds: float = PATIENCE_SECONDS
) -> "ObjectStore":
    """Opens a store; nothing is requested yet.

    Args:
        url: Bucket and prefix.
        environ: The environment: credentials, region and endpoint in the variables of AWS's own tools.
        patience_seconds: How long one request is repeated.

    Raises:
        SettingsError: There are no credentials.
    """
    require_credentials(url, environ)
    store = S3Store(
        url.bucket,
        prefix=url.prefix or None,
        client_options={
            "allow_http": endpoint_in(environ).startswith("http://"),
            "timeout": timedelta(seconds=_REQUEST_SECONDS),
            "connect_timeout": timedelta(seconds=10),
        },
        retry_config={
            "max_retries": 1000,  # the time counts
            "retry_timeout": timedelta(seconds=patience_seconds),
            "backoff": {
                "init_backoff": timedelta(milliseconds=100),
                "max_backoff": timedelta(seconds=15),
                "base": 2,
            },
        },
    )
    return ObjectStore(url, store)


class ObjectStore:
    """The objects below one prefix of a bucket. Safe to use from several threads.

    Args:
        url: Bucket and prefix, for messages.
        store: The library's store of that bucket and prefix.
        sleep: Waits between attempts, seconds.
    """

    def __init__(self, url: StoreUrl, store: S3Store, sleep: Callable[[float], None] = time.sleep) -> None:
        self.url = url
        self._store = store
        self._sleep = sleep

    def read(self, key: str) -> tuple[bytes, str] | None:
        """Reads an object.

        Returns:
            Its content and its ETag; None where there is no such object.

        Raises:
            StorageError: The store refused or did not answer.
        """
        with as_store_error(self.url, f"read {key}"):
            return self._get(key)

    def read_newer(self, key: str, etag: str | None) -> tuple[bytes, str] | Literal["unchanged"] | None:
        """Reads an object unless it is still the one that is known.

        Args:
            key: The object.
            etag: Its ETag when it was read; None if it was not.

        Returns:
            As of :meth:`read`; ``unchanged`` where it still has that ETag.

        Raises:
            StorageError: The store refused or did not answer.
        """
        if etag is None:
            return self.read(key)
        with as_store_error(self.url, f"read {key}"):
            try:
                found = self._get(key, {"if_none_match": etag})
            except NotModifiedError:
                return "unchanged"
        is_same = found is not None and found[1] == etag  # a store may ignore the condition
        return "unchanged" if is_same else found

    def _get(self, key: str, options: Any = None) -> tuple[bytes, str] | None:
        try:
            found = obstore.get(self._store, key, options=options)
            return bytes(found.bytes()), found.meta["e_tag"] or ""
        except FileNotFoundError as error:
            if is_absent_object(error):
                return None
            raise

    def read_parts(self, key: str, size: int) -> Iterator[bytes]:
        """Reads an object that does not change, part by part.

        Args:
            key: The object.
            size: Its size in bytes.

        Raises:
            StorageError: There is no such object, or the store refused or did not answer.
        """
        for start in range(0, size, PART_BYTES):
            with as_store_error(self.url, f"read {key}"):
                part = obstore.get_range(self._store, key, start=start, length=min(PART_BYTES, size - start))
            yield bytes(part)

    def write(self, key: str, content: bytes | Path) -> None:
        """Writes an object, whole; a file is sent in parts and appears when all are there.

        Raises:
            StorageError: The store refused or did not answer; an older object is as it was.
        """
        with as_store_error(self.url, f"write {key}"):
            obstore.put(self._store, key, content, chunk_size=PART_BYTES, max_concurrency=_PARTS_AT_ONCE)

    def create(self, key: str, content: bytes) -> bool:
        """Writes an object unless there is one.

        Args:
            key: The object.
            content: What no other writer writes: it shows a writer its own object after a lost response.

        Returns:
            Whether the object is there with this content.

        Raises:
            StorageError: The store refused or did not answer.
        """
        return self.write_if(key, content, None) is not None

    def replace(self, key: str, content: bytes, etag: str) -> bool:
        """Writes an object if the one that is there still has an ETag.

        Args:
            key: The object.
            content: As of :meth:`create`.
            etag: The ETag that :meth:`read` returned.

        Returns:
            Whether the object is there with this content.

        Raises:
            StorageError: The store refused or did not answer.
        """
        return self.write_if(key, content, etag) is not None

    def sizes(self, prefix: str) -> dict[str, int]:
        """Sizes in bytes of the objects below a prefix, by key; those written just now may be missing.

        Raises:
            StorageError: The store refused or did not answer.
        """
        return {found["path"]: found["size"] for found in self._listed(prefix)}

    def written_at(self, prefix: str) -> dict[str, datetime]:
        """When the objects below a prefix were written, UTC, by key; those written just now may be missing.

        Raises:
            StorageError: The store refused or did not answer.
        """
        return {found["path"]: found["last_modified"] for found in self._listed(prefix)}

    def _listed(self, prefix: str) -> Iterator[Mapping[str, Any]]:
        with as_store_error(self.url, f"list {prefix}"):
            for batch in obstore.list(self._store, prefix, chunk_size=1000):
                yield from batch

    def size_of(self, key: str) -> int | None:
        """Size of an object in bytes; None where there is no such object.

        Raises:
            StorageError: The store refused or did not answer.
        """
        with as_store_error(self.url, f"read {key}"):
            try:
                size: int = obstore.head(self._store, key)["size"]
            except FileNotFoundError as error:
                if is_absent_object(error):
                    return None
                raise
        return size

    def remove(self, keys: Iterable[str]) -> None:
        """Removes objects; none is needed to be there.

        Raises:
            StorageError: The store refused or did not answer.
        """
        listed = list(keys)
        with as_store_error(self.url, "remove objects"):
            if listed:
                obstore.delete(self._store, listed)

    def write_if(self, key: str, content: bytes, etag: str | None) -> str | None:
        """Does what :meth:`replace` does, or :meth:`create` where there is no ETag.

        Whether it succeeded is looked up where the response does not say so: 412 can mean our own object, of
        an attempt whose response was lost. 409 means that another write was under way, and perhaps neither
        came to its end.

        Args:
            key: The object.
            content: As of :meth:`create`.
            etag: The ETag that the object is to have still; None if there is to be none.

        Returns:
            The new ETag; None where the object is another one.

        Raises:
            StorageError: The store refused or did not answer.
        """
        mode: Any = "create" if etag is None else {"e_tag": etag}
        for attempt in range(_CONDITIONAL_ATTEMPTS):
            failure: Exception | None = None
            try:
                written = obstore.put(self._store, key, content, mode=mode, use_multipart=False)
            except (AlreadyExistsError, PreconditionError, FileNotFoundError):
                pass  # of an object to replace that is gone, some stores say 404
            except BaseError as error:
                if not is_passing(error):
                    with as_store_error(self.url, f"write {key}"):
                        raise
                failure = error
            else:
                return written["e_tag"] or ""
            found = self.read(key)
            if found is not None and found[0] == content:
                return found[1]
            if (None if found is None else found[1]) != etag:
                return None
            if failure is not None and attempt == _CONDITIONAL_ATTEMPTS - 1:
                with as_store_error(self.url, f"write {key}"):
                    raise failure
            self._sleep(0.1 * 2**attempt)
        raise StorageError(
            f"{self.url}: {key} could not be written: other writers were always faster. Try again later."
        )
