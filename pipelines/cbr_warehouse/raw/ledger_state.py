"""What the folded loads and audits of a source amount to, in one small file, so that a load reads no more.

The file is derived: it names the folded files that it was made from, and counts only where exactly
those are in place. It is read by the source's loads and by readers beside them, and written by loads.
"""

import hashlib
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import msgspec

from cbr_warehouse.raw.ledger_entries import AuditEntry, AuditFindings, LatenessFinding, LoadEntry
from cbr_warehouse.raw.ledger_order import (
    CLOCK_TOLERANCE,
    Written,
    is_settled,
    last_agreeing,
    trusted,
)
from cbr_warehouse.storage.atomic_write import read_file, write_bytes

logger = logging.getLogger(__name__)

VERSION = 2
"""Raised whenever the summaries get a field, or a field another meaning."""

RANGE = "range"
"""Purpose of a load of a requested range, which moves no horizon."""


@dataclass(frozen=True)
class LoadsSummary:
    """What the planner and the coverage need to know of the loads of a source.

    Loads whose times are not to be relied on (``LoadEntry.is_timed``) count only where there is no other.

    Attributes:
        newest: The newest load; None where there is none.
        newest_timed: The newest load whose times may be relied on.
        first_at: When the first of those began, UTC.
        requested_from: First time that any of those requested, UTC, range loads excepted.
        since: First time that any of those requested, UTC.
        last_done: The last finished load.
        last_planned: The last finished load, range loads excepted.
        last_deep: The last finished deep load.
        unfinished: Ids of the loads since the last finished one.
        latest_at: The latest time at which any load began; not of the newest one where a clock was ahead.
    """

    newest: LoadEntry | None = None
    newest_timed: LoadEntry | None = None
    first_at: datetime | None = None
    requested_from: datetime | None = None
    since: datetime | None = None
    last_done: LoadEntry | None = None
    last_planned: LoadEntry | None = None
    last_deep: LoadEntry | None = None
    unfinished: tuple[str, ...] = ()
    latest_at: datetime | None = None

    def add(self, load: LoadEntry) -> "LoadsSummary":
        """The same with one more load, later than the others."""
        found = replace(self, newest=load, latest_at=_later(self.latest_at, load.started_at))
        if load.is_timed:
            found = replace(
                found,
                newest_timed=load,
                first_at=self.first_at or load.started_at,
                since=_earlier(self.since, load.since),
            )
            if load.purpose != RANGE:
                found = replace(found, requested_from=_earlier(self.requested_from, load.since))
        if load.outcome != "done":
            return replace(found, unfinished=(*self.unfinished, load.load_id))
        found = replace(found, last_done=load, unfinished=())
        if load.purpose != RANGE:
            found = replace(found, last_planned=load)
        return replace(found, last_deep=load) if load.purpose == "deep" else found


@dataclass(frozen=True)
class AuditsSummary:
    """What the audits of a source amount to, without those of a clock that was wrong.

    Attributes:
        verdicts: The latest verdict on every day, by day.
        vanished: Tasks that the source, asked by id, did not know any more.
        hidden_providers: As the latest audit has them.
        edited_at: As the latest audit has it.
        lateness: As the latest audit has it.
        latest_at: When the latest of the audits that count was written.
        confirmed_at: The last confirmed time that agrees with the order of the audits.
        is_settled: Whether later audits in order change nothing about which of these count.
    """

    verdicts: tuple[AuditEntry, ...] = ()
    vanished: frozenset[str] = frozenset()
    hidden_providers: tuple[str, ...] = ()
    latest_at: datetime | None = None
    confirmed_at: datetime | None = None
    is_settled: bool = True
    edited_at: datetime | None = None
    lateness: LatenessFinding | None = None

    def add(
        self, audits: Sequence[tuple[Written, AuditFindings]], now: datetime | None
    ) -> "AuditsSummary | None":
        """The same with some more audits, later than the others.

        Args:
            audits: The audits, in order.
            now: The present, if the source confirmed it; else None.

        Returns:
            The summary, or None where one of the times contradicts an earlier one: then all audits
            together say which of them count.
        """
        times = [written for written, _ in audits]
        confirmed = [at for at, is_confirmed in (*times, (now, now is not None)) if is_confirmed and at]
        if not self.is_settled or any(after < before for before, after in pairwise(confirmed)):
            return None
        if confirmed and (
            (self.latest_at is not None and self.latest_at > confirmed[0] + CLOCK_TOLERANCE)
            or (self.confirmed_at is not None and self.confirmed_at > confirmed[0])
        ):
            return None
        found = self.plus(audits, trusted(times, now))
        return replace(found, confirmed_at=last_agreeing(times) or self.confirmed_at)

    def plus(
        self, audits: Sequence[tuple[Written, AuditFindings]], counts: Sequence[bool]
    ) -> "AuditsSummary":
        """The same with some more audits, of which it is known whether they count."""
        latest = {entry.day: entry for entry in self.verdicts}
        latest_at, vanished = self.latest_at, set(self.vanished)
        for ((written_at, _), findings), is_trusted in zip(audits, counts, strict=True):
            vanished.update(findings.vanished)
            if is_trusted:
                latest.update({entry.day: entry for entry in findings.days})
                latest_at = latest_at if written_at is None else _later(latest_at, written_at)
        hidden = audits[-1][1].hidden_providers if audits else self.hidden_providers
        edited_at = audits[-1][1].edited_at if audits else self.edited_at
        lateness = audits[-1][1].lateness if audits else self.lateness
        return replace(
            self,
            edited_at=edited_at,
            lateness=lateness,
            verdicts=tuple(latest.values()),
            vanished=frozenset(vanished),
            hidden_providers=hidden,
            latest_at=latest_at,
        )


def sum_loads(loads: Iterable[LoadEntry], before: LoadsSummary | None = None) -> LoadsSummary:
    """What loads amount to, after those of a summary."""
    found = before or LoadsSummary()
    for load in loads:
        found = found.add(load)
    return found


def sum_audits(audits: Sequence[tuple[Written, AuditFindings]], now: datetime | None) -> AuditsSummary:
    """What all audits of a source amount to.

    Args:
        audits: All of them, in order.
        now: The present, if the source confirmed it; else None.
    """
    times = [written for written, _ in audits]
    found = AuditsSummary().plus(audits, trusted(times, now))
    return replace(found, confirmed_at=last_agreeing(times), is_settled=is_settled(times))


@dataclass(frozen=True)
class LedgerState:
    """The state file of a source.

    Attributes:
        folded_loads: Names of the folded files of loads that it was made from.
        folded_audits: Names of those of audits.
        loads_until: Name of the last load in them.
        audits_until: Name of the last audit in them.
        loads: What the loads in them amount to.
        audits: What the audits in them amount to.
        version: That of the program's idea of the above; another one's is made again.
    """

    folded_loads: tuple[str, ...] = ()
    folded_audits: tuple[str, ...] = ()
    loads_until: str = ""
    audits_until: str = ""
    loads: LoadsSummary = field(default_factory=LoadsSummary)
    audits: AuditsSummary = field(default_factory=AuditsSummary)
    version: int = 0


class _Envelope(msgspec.Struct):
    checksum: str
    state: msgspec.Raw


def read_ledger_state(path: Path) -> LedgerState | None:
    """Reads the state file of a source; None where there is none, or it is damaged and made again."""
    content = read_file(path)
    if content is None:
        return None
    try:
        envelope = msgspec.json.decode(content, type=_Envelope)
        if envelope.checksum == _checksum(bytes(envelope.state)):
            state = msgspec.json.decode(envelope.state, type=LedgerState)
            return state if state.version == VERSION else None
        reason = "its content is not what its checksum says"
    except msgspec.MsgspecError as error:
        reason = str(error)
    logger.warning("%s: is damaged, so it is made again from the ledgers (%s)", path, reason)
    return None


def write_ledger_state(path: Path, state: LedgerState) -> None:
    """Writes the state file of a source, whole.

    Raises:
        StorageError: It could not be written.
    """
    encoded = msgspec.json.encode(replace(state, version=VERSION), order="deterministic")
    write_bytes(path, b'{"checksum":"%s","state":%s}\n' % (_checksum(encoded).encode(), encoded))


def _checksum(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _later(one: datetime | None, other: datetime) -> datetime:
    return other if one is None else max(one, other)


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min(filter(None, (one, other)), default=None)
