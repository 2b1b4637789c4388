"""What a load does about damaged raw files: those the source can still serve are fetched again."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from pipelines.contract.columns import Contract
from pipelines.errors import StorageError
from pipelines.extract.days import start_of
from pipelines.extract.plan import DayState, Plan
from pipelines.raw.damage import DamagedFile, days_with_files_set_aside, find_damaged, set_aside
from pipelines.raw.ledgers import AuditEntry, Findings, read_audits, read_hidden_providers, write_audit
from pipelines.storage.layout import UNKNOWN_DAY, DataDirectory
from pipelines.tables.make import dirty_days


@dataclass(frozen=True)
class Damage:
    """What was found damaged.

    Attributes:
        set_aside: Days of the files that were set aside, to be asked for again.
        beyond_reach: Files left in their place, because the source serves their days no more.
    """

    set_aside: tuple[str, ...] = ()
    beyond_reach: tuple[DamagedFile, ...] = ()

    @property
    def unreadable_days(self) -> frozenset[str]:
        """Days whose tables cannot be made again from what is in their place."""
        return frozenset(one.day for one in self.beyond_reach)


def find_and_set_aside(directory: DataDirectory, source: str, load_id: str, plan: Plan) -> Damage:
    """Finds damaged raw files; the days of those set aside count as unproven from then on.

    The ledger is written first: a load killed in between leaves days to be asked for again,
    never days that look complete and are not. Of a file beyond reach nothing could be fetched
    again. It stays where it is, so that the tables that were made from it stay too.

    Raises:
        StorageError: A file can be neither read nor moved.
    """
    damaged = find_damaged(directory, source, directory.raw_days(source))
    within = [one for one in damaged if _is_within(one.day, plan)]
    if within:
        days = sorted({one.day for one in within})
        _doubt(directory, source, load_id, days)
        set_aside(directory, source, within)
    beyond = tuple(one for one in damaged if one not in within)
    return Damage(tuple(sorted({one.day for one in within})), beyond)


def refuse_damaged(directory: DataDirectory, sources: Iterable[str]) -> None:
    """For who can fetch nothing again.

    Raises:
        StorageError: Raw holds a damaged file.
    """
    damaged = [
        one for source in sources for one in find_damaged(directory, source, directory.raw_days(source))
    ]
    if damaged:
        more = f" (and {len(damaged) - 1} more)" if len(damaged) > 1 else ""
        raise StorageError(
            f"{damaged[0].path}{more}: is damaged: its content is not what its checksum says. Nothing was "
            "rebuilt. Restore it from a backup, or run 'cbr-warehouse load', which fetches again what the "
            "source still has."
        )


def still_missing(directory: DataDirectory, source: str) -> frozenset[str]:
    """Days with a file set aside whose content is not proved to be held again."""
    audits = read_audits(directory, source)
    doubted = (DayState.UNVERIFIED, DayState.INCOMPLETE)
    return frozenset(
        day
        for day in days_with_files_set_aside(directory, source)
        if day == UNKNOWN_DAY
        or (entry := audits.get(date.fromisoformat(day))) is None
        or entry.state in doubted
    )


def days_to_keep(directory: DataDirectory, source: str, contract: Contract) -> frozenset[str]:
    """Days whose tables stand better as they are than made again: raw lacks what they were made from.

    For who makes tables without loading the source.

    Raises:
        StorageError: A file cannot be read at all.
    """
    damaged = find_damaged(directory, source, dirty_days(directory, source, contract))
    return still_missing(directory, source) | {one.day for one in damaged}


def _is_within(day: str, plan: Plan) -> bool:
    return day == UNKNOWN_DAY or start_of(date.fromisoformat(day)) >= plan.since


def _doubt(directory: DataDirectory, source: str, load_id: str, days: Iterable[str]) -> None:
    audits = read_audits(directory, source)
    entries = []
    for day in (date.fromisoformat(text) for text in days if text != UNKNOWN_DAY):
        known = audits.get(day)
        entries.append(
            AuditEntry(
                day,
                known.counted if known else None,
                known.expired if known else 0,
                DayState.UNVERIFIED.value,
                known.checked_at if known else None,
            )
        )
    hidden = read_hidden_providers(directory, source)
    # Its name comes before that of the load's own findings, which say what became of these days.
    write_audit(directory, source, f"{load_id}-damage", Findings(tuple(entries), (), hidden))
