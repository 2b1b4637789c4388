"""Leases: who may change a scope, among hosts that have only the store in common.

A lease is one object, changed by conditional writes. Its holder renews it; where it does not, because it was
killed or cut off, the lease ends by itself. It keeps work from being done twice, no more: what makes a late
holder harmless is that a commit is only made in place of the one that its maker has read.
"""

import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from cbr_warehouse.errors import LoadRunningError, StorageError
from cbr_warehouse.storage.lock import REPORT_EVERY_SECONDS

if TYPE_CHECKING:
    from cbr_warehouse.storage.object_store import ObjectStore

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=90)
"""How long a lease lasts that is not renewed."""

RENEWED_EVERY_SECONDS = 20.0

_POLL_SECONDS = 2.0


@dataclass(frozen=True)
class Terms:
    """How to take a lease.

    Attributes:
        what: What the holder does; those that are kept out report it.
        copy: Identifies the working copy, whose local lock the caller holds: a lease that this copy had
            before was left by a process that was killed.
        clock: Returns the present, UTC.
        wait: Whether to wait for another holder instead of failing.
        report: Called with a sentence that names the holder, once a minute while waiting.
        quiet_seconds: Waits shorter than this are not reported.
        sleep: Waits between looks, seconds.
    """

    what: str
    copy: str
    clock: Callable[[], datetime]
    wait: bool
    report: Callable[[str], None]
    quiet_seconds: float = 0.0
    sleep: Callable[[float], None] = time.sleep


class Lease:
    """A lease that this process holds.

    Args:
        store: The store.
        name: What it is for.
        terms: How it was taken.
    """

    def __init__(self, store: "ObjectStore", name: str, terms: Terms) -> None:
        self._store = store
        self._key, self._name = f"leases/{name}.json", name
        self._terms = terms
        self._owner = uuid4().hex
        self._since = terms.clock()
        self._etag: str | None = None
        self._taken_by: str | None = None
        self._turn = threading.Lock()

    def take(self) -> dict[str, Any] | None:
        """Takes the lease if it is free, has ended, or was left by this working copy.

        Returns:
            None if this process has it now; otherwise the note of its holder.

        Raises:
            StorageError: The store refused or did not answer.
        """
        found = self._store.read(self._key)
        note = None if found is None else _parse(found[0])
        if note is not None and not self._may_take(note):
            return note
        if self._write(None if found is None else found[1]):
            return None
        return self._read_note() or {}

    def renew(self) -> None:
        """Makes the lease last longer, or notes who has it instead.

        Raises:
            StorageError: The store refused or did not answer.
        """
        with self._turn:
            if self._etag is not None and self._taken_by is None and not self._write(self._etag):
                self._taken_by = _describe(self._read_note())

    def require(self) -> None:
        """Fails if another process has taken the lease; renews it otherwise.

        Raises:
            StorageError: It was taken, since this process did not renew it in time.
        """
        self.renew()
        if self._taken_by is not None:
            raise StorageError(
                f"{self._store.url}: the lease of {self._name} was not renewed in time, and {self._taken_by} "
                "has it now. Nothing of this run was committed since. What it received is kept on this "
                "machine, and the next run here continues with it unless the other one commits."
            )

    def release(self) -> None:
        """Ends the lease; whoever waits for it need not wait until it ends by itself.

        Raises:
            StorageError: The store refused or did not answer.
        """
        with self._turn:
            if self._etag is not None and self._taken_by is None:
                self._store.replace(self._key, _encode({"owner": self._owner}), self._etag)
            self._etag = None

    def _may_take(self, note: dict[str, Any]) -> bool:
        if "until" not in note or note.get("copy") == self._terms.copy:
            return True
        return datetime.fromisoformat(note["until"]) < self._terms.clock()

    def _write(self, etag: str | None) -> bool:
        now, terms = self._terms.clock(), self._terms
        content = _encode(
            {
                "owner": self._owner,
                "turn": uuid4().hex,  # no two writes are alike: a lost response is found out by the content
                "what": terms.what,
                "host": socket.gethostname(),
                "pid": os.getpid(),
                "copy": terms.copy,
                "since": self._since.isoformat(timespec="seconds"),
                "until": (now + LEASE).isoformat(),
            }
        )
        written = self._store.write_if(self._key, content, etag)
        self._etag = written if written is not None else self._etag
        return written is not None

    def _read_note(self) -> dict[str, Any] | None:
        found = self._store.read(self._key)
        return None if found is None else _parse(found[0])


@contextmanager
def hold_lease(store: "ObjectStore", name: str, terms: Terms) -> Iterator[Lease]:
    """Holds a lease while the block runs, and renews it in a thread.

    Args:
        store: The store.
        name: What it is for.
        terms: How to take it.

    Raises:
        LoadRunningError: Another process holds it, and ``wait`` is false.
        StorageError: The store refused or did not answer.
    """
    lease = Lease(store, name, terms)
    _take(lease, terms)
    ended = threading.Event()
    renewal = threading.Thread(target=_renew, args=(lease, ended), name=f"lease-{name}", daemon=True)
    renewal.start()
    try:
        yield lease
    finally:
        ended.set()
        renewal.join()
        try:
            lease.release()
        except StorageError as error:  # it ends by itself; what the block did is what matters
            logger.warning("%s", error)


def read_holder(store: "ObjectStore", name: str, now: datetime) -> str | None:
    """Who holds a lease, and since when; None if nobody does.

    Args:
        store: The store.
        name: What it is for.
        now: The present, UTC.

    Raises:
        StorageError: The store refused or did not answer.
    """
    found = store.read(f"leases/{name}.json")
    note = None if found is None else _parse(found[0])
    if note is None or "until" not in note or datetime.fromisoformat(note["until"]) < now:
        return None
    return _describe(note)


def _take(lease: Lease, terms: Terms) -> None:
    report_at = time.monotonic() + terms.quiet_seconds
    while (holder := lease.take()) is not None:
        if not terms.wait:
            raise LoadRunningError(
                f"Another load is running: {_describe(holder)}. Wait for it with --wait, or try again later."
            )
        if time.monotonic() >= report_at:
            terms.report(f"waiting for {_describe(holder)}")
            report_at = time.monotonic() + REPORT_EVERY_SECONDS
        terms.sleep(_POLL_SECONDS)


def _renew(lease: Lease, ended: threading.Event) -> None:
    while not ended.wait(RENEWED_EVERY_SECONDS):
        try:
            lease.renew()
        except StorageError as error:  # until the lease has ended, the next renewal is in time
            logger.warning("%s", error)


def _describe(note: dict[str, Any] | None) -> str:
    if not note or "what" not in note:
        return "another process"
    return f"{note['what']} (process {note['pid']} on {note['host']}), since {note['since']}"


def _encode(value: dict[str, Any]) -> bytes:
    return json.dumps(value, indent=1).encode()


def _parse(content: bytes) -> dict[str, Any]:
    """The note of a lease; an object that is none counts as a lease that has ended."""
    try:
        value = json.loads(content)
        if not isinstance(value, dict):
            return {}
        if "until" in value and datetime.fromisoformat(value["until"]).tzinfo is None:
            return {}
    except (ValueError, TypeError):
        return {}
    return value
