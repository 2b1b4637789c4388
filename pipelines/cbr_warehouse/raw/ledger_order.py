"""The order of ledgers, and which of them a wrong clock wrote. Neither relies on the loader's clock.

Ledgers are ordered by load id. A new id sorts after every earlier one, even where the clock that made
those was ahead. A verdict from the future, seen from a later load whose time the source confirmed,
was made by a clock that was ahead, and does not count. A source's own time can be wrong for once, too:
a confirmed time that contradicts many others is the one that does not count.
"""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cbr_warehouse.storage.files import names_in
from cbr_warehouse.storage.layout import DataDirectory

STAMP = "%Y%m%dT%H%M%S%fZ"
"""The time that a load id begins with."""

CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far two clocks may differ before one of them counts as wrong."""

MOST_DISCREDITED = 2
"""Confirmed times that a single confirmed time may declare wrong; for more, the next one must agree."""


def next_load_id(directory: DataDirectory, source: str, started_at: datetime, unique: str) -> str:
    """An id that sorts after those of all earlier loads of a source.

    Args:
        directory: The data directory.
        source: Name of the source.
        started_at: When the load began, UTC. Where an earlier id has a later stamp, the new id takes
            the next microsecond after that one; the ledger has the true time.
        unique: Makes the id different from that of a load begun at once elsewhere.
    """
    # The newest ledgers are never folded, so their names are in the folder.
    names = names_in(directory.raw_ledger("loads", source), suffix=".json")
    last = stamp_of(max(names, default="").removesuffix(".json"))
    if last is not None and last >= started_at:
        started_at = last + timedelta(microseconds=1)
    return f"{started_at:{STAMP}}-{unique}"


def stamp_of(name: str) -> datetime | None:
    """The time that a load id, or the name of its ledger, begins with; None where it begins with none."""
    try:
        return datetime.strptime(name.partition("-")[0], STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None


Written = tuple[datetime | None, bool]
"""When a ledger was written, None where that is unknown, and whether the source confirmed that time."""


def trusted(times: Sequence[Written], now: datetime | None) -> list[bool]:
    """Which ledgers were not written by a clock that was wrong.

    Args:
        times: Of each ledger, in order.
        now: The present, if the source confirmed it; else None.
    """
    agreeing = _agreeing(times, _anchor(times) if now is None else now)
    return _judge(times, agreeing, now)


def is_settled(times: Sequence[Written]) -> bool:
    """Whether later ledgers, all in order, leave the trust in these unchanged."""
    return trusted(times, None) == _judge(times, _agreeing(times, None), None)


def last_agreeing(times: Sequence[Written]) -> datetime | None:
    """The last of the confirmed times that agree with their order; None if none is confirmed."""
    return max((at for index in _agreeing(times, None) if (at := times[index][0])), default=None)


def _judge(times: Sequence[Written], agreeing: frozenset[int], now: datetime | None) -> list[bool]:
    # From the newest back: no ledger can be later than one that was written after it. Only a confirmed
    # time counts for that, since a clock that is behind would discredit all ledgers before.
    found: list[bool] = []
    latest = now
    for index in range(len(times) - 1, -1, -1):
        written_at = times[index][0]
        found.append(latest is None or written_at is None or written_at <= latest + CLOCK_TOLERANCE)
        if index in agreeing:  # those are in order, and none is later than a confirmed present
            latest = written_at
    found.reverse()
    # From the oldest on: what a source dated before an earlier ledger was judged on a wrong day.
    earliest = None
    for index, (written_at, is_confirmed) in enumerate(times):
        if written_at is None:
            continue
        if index in agreeing:
            earliest = written_at
        elif is_confirmed and earliest is not None and written_at < earliest - CLOCK_TOLERANCE:
            found[index] = False
    return found


def _anchor(times: Sequence[Written]) -> datetime | None:
    """The newest confirmed time, unless it alone contradicts many others."""
    confirmed = [at for at, is_confirmed in times if is_confirmed and at is not None]
    if not confirmed:
        return None
    newest = confirmed[-1]
    contradicted = sum(at > newest + CLOCK_TOLERANCE for at in confirmed)
    is_supported = len(confirmed) > 1 and confirmed[-2] <= newest
    return newest if contradicted <= MOST_DISCREDITED or is_supported else None


def _agreeing(times: Sequence[Written], anchor: datetime | None) -> frozenset[int]:
    """The largest set of confirmed ledgers that were written in their order; the others' times are wrong.

    Args:
        times: Of each ledger, in order.
        anchor: A time that no ledger of the set is later than; None for no such limit.
    """
    # The longest subsequence that does not decrease, by patience sorting: of each length, the ledger that
    # ends such a sequence earliest, and before each ledger the one it continues.
    ends: list[int] = []
    end_times: list[datetime] = []
    before: dict[int, int | None] = {}
    for index, (written_at, is_confirmed) in enumerate(times):
        if not is_confirmed or written_at is None or (anchor is not None and written_at > anchor):
            continue
        place = bisect_right(end_times, written_at)
        before[index] = ends[place - 1] if place else None
        ends[place : place + 1] = [index]
        end_times[place : place + 1] = [written_at]
    chain: list[int] = []
    following: int | None = ends[-1] if ends else None
    while following is not None:
        chain.append(following)
        following = before[following]
    return frozenset(chain)
