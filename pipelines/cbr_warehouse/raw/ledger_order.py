"""The order of ledgers, and which of them a wrong clock wrote. Neither relies on the loader's clock.

Ledgers are ordered by load id. A new id sorts after every earlier one, even where the clock that made
those was ahead. A verdict from the future, seen from a later load whose time the source confirmed,
was made by a clock that was ahead, and does not count.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cbr_warehouse.storage.layout import DataDirectory

STAMP = "%Y%m%dT%H%M%S%fZ"
"""The time that a load id begins with."""

CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far two clocks may differ before one of them counts as wrong."""


def next_load_id(directory: DataDirectory, source: str, started_at: datetime, unique: str) -> str:
    """An id that sorts after those of all earlier loads of a source.

    Args:
        directory: The data directory.
        source: Name of the source.
        started_at: When the load began, UTC. Where an earlier id has a later stamp, the new id takes
            the next microsecond after that one; the ledger has the true time.
        unique: Makes the id different from that of a load begun at once elsewhere.
    """
    names = [path.stem for path in directory.raw_ledger("loads", source).glob("[!.]*.json")]
    last = stamp_of(max(names, default=""))
    if last is not None and last >= started_at:
        started_at = last + timedelta(microseconds=1)
    return f"{started_at:{STAMP}}-{unique}"


def stamp_of(name: str) -> datetime | None:
    """The time that a load id, or the name of its ledger, begins with; None where it begins with none."""
    try:
        return datetime.strptime(name.partition("-")[0], STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None


def trusted(times: Sequence[tuple[datetime | None, bool]], now: datetime | None) -> list[bool]:
    """Which ledgers were not written by a clock that was ahead.

    Args:
        times: Of each ledger, in order, when it was written (None where that is unknown), and whether
            the source confirmed that time.
        now: The present, if the source confirmed it; else None.
    """
    # From the newest back: no ledger can be later than one that was written after it. Only a confirmed
    # time counts for that, since a clock that is behind would discredit all ledgers before.
    found: list[bool] = []
    latest = now
    for written_at, is_confirmed in reversed(times):
        is_early = latest is None or written_at is None or written_at <= latest + CLOCK_TOLERANCE
        found.append(is_early)
        if is_early and is_confirmed and written_at is not None:
            latest = written_at if latest is None else min(latest, written_at)
    return found[::-1]
