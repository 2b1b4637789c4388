"""What is published of a source, read for comparison."""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb

from simulation.source import Source


@dataclass(frozen=True)
class Version:
    """A version of a task.

    Attributes:
        number: Its number.
        text: The record as it was received.
        first_seen_at: When it was received first.
        last_seen_at: When it was received last.
    """

    number: int
    text: bytes
    first_seen_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True)
class Day:
    """What is said of a day: its row of ``coverage``, and how many of its tasks are stored."""

    day: date
    state: str
    checked_at: datetime | None
    held: int
    stored: int


@dataclass(frozen=True)
class Published:
    """What is published of one source.

    Attributes:
        versions: The versions of each task, oldest first.
        quarantined: The exact records in quarantine.
        days: The days, in order.
        loads: Beginning and end of each load that ended well, in order. One that reached nothing has the
            times of the machine's clock, which may be wrong.
    """

    versions: dict[str, list[Version]]
    quarantined: set[bytes]
    days: list[Day]
    loads: list[tuple[datetime, datetime | None]]

    def holds(self, task_id: str, source: Source) -> bool:
        """Whether a task is stored, or a record of it in quarantine."""
        return task_id in self.versions or not self.quarantined.isdisjoint(source.ever_sent.get(task_id, ()))


def read_published(path: Path, source: str) -> Published:
    """Reads the published warehouse.

    Args:
        path: The file.
        source: Name of the source.

    Raises:
        AssertionError: Tasks and versions contradict each other.
    """
    with duckdb.connect(str(path), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")

        def ask(query: str) -> list[tuple[object, ...]]:
            return connection.execute(query, [source]).fetchall()

        versions = _versions(ask(_VERSIONS), ask("SELECT task_id FROM tasks WHERE source = $1"))
        quarantine = ask("SELECT record_text, record_bytes FROM quarantine WHERE source = $1")
        days = [Day(*row) for row in ask(_DAYS)]  # type: ignore[arg-type]
        loads = ask(
            "SELECT started_at, finished_at FROM loads WHERE source = $1 AND outcome = 'done' "
            "ORDER BY load_id"
        )
    exact = {
        raw if isinstance(raw, bytes) else str(text).encode(errors="surrogatepass")
        for text, raw in quarantine
    }
    return Published(versions, exact, days, loads)  # type: ignore[arg-type]


_VERSIONS = """
SELECT v.task_id, v.version, v.record_text, v.first_seen_at, v.last_seen_at,
       t.status IS NOT DISTINCT FROM v.status
FROM task_versions v LEFT JOIN tasks t USING (source, task_id)
WHERE v.source = $1 ORDER BY v.task_id, v.version
"""

_DAYS = """
SELECT c.day, c.state, c.checked_at, c.held, count(t.task_id)
FROM coverage c LEFT JOIN tasks t ON t.source = c.source AND CAST(t.created_at AS DATE) = c.day
WHERE c.source = $1 GROUP BY ALL ORDER BY c.day
"""


def _versions(rows: list[tuple[object, ...]], tasks: list[tuple[object, ...]]) -> dict[str, list[Version]]:
    found: dict[str, list[Version]] = {}
    is_newest: dict[str, object] = {}
    for task_id, number, text, first, last, is_same in rows:
        own = found.setdefault(str(task_id), [])
        version = Version(number, str(text).encode(errors="surrogatepass"), first, last)  # type: ignore[arg-type]
        own.append(version)
        assert number == len(own), f"{task_id}: version {number} comes as number {len(own)}"
        is_newest[str(task_id)] = is_same
    assert sorted(found) == sorted(str(task_id) for (task_id,) in tasks), "tasks and their versions differ"
    assert all(is_newest.values()), "a task is not as its newest version"
    return found
