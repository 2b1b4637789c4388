"""What a data directory must hold, by what its source has served, and whether it does."""

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from cbr_warehouse.contract.columns import Contract
from cbr_warehouse.integrity.verify import verify
from cbr_warehouse.load.context import LoadContext
from cbr_warehouse.load.run import rebuild
from cbr_warehouse.settings.analytics import AnalyticsSettings
from cbr_warehouse.storage.layout import DataDirectory
from simulation.directory_hash import row_hashes
from simulation.source import HISTORY, Source

NOT_OF_RAW = frozenset({"main.loads"})
"""Tables that a rebuild need not give unchanged."""

TIME_TO_APPEAR = timedelta(minutes=30)
"""A day that was proved when a task had been visible for less may lack it."""


@dataclass(frozen=True)
class DoneLoad:
    """A load that ended well.

    Attributes:
        began_at: When, by the source's clock.
        purpose: What it was for.
        delivered: Records of the complete responses that it received, by task.
    """

    began_at: datetime
    purpose: str
    delivered: tuple[tuple[str, bytes], ...]


class Truth:
    """Compares a data directory with its source.

    Args:
        source: The source.
        directory: The data directory.
        contract: The contract.
        now: The true time.
    """

    def __init__(
        self, source: Source, directory: DataDirectory, contract: Contract, now: Callable[[], datetime]
    ) -> None:
        self._source = source
        self._directory = directory
        self._contract = contract
        self._now = now
        self._done: list[DoneLoad] = []
        self._first_at: datetime | None = None

    def note_done(self, load: DoneLoad) -> None:
        """Takes note of a load that ended well: what it received must be held from then on."""
        if self._first_at is None:
            self._first_at = load.began_at
        self._done.append(load)

    def check_published(self) -> int:
        """Checks what is published at any time; returns how many versions were compared.

        Raises:
            AssertionError: Something false is held, or something received is not.
        """
        if not self._directory.warehouse.exists():
            assert not self._done, "a load ended well and nothing is published"
            return 0
        versions = self._versions()
        self._check_nothing_false(versions)
        self._check_received(versions)
        self._check_complete_days(versions.keys())
        return sum(map(len, versions.values()))

    def check_all(self) -> int:
        """Checks everything, after a quiet deep load; returns how many versions were compared."""
        compared = self.check_published()
        versions = self._versions()
        self._check_current(versions)
        self._check_seen(versions.keys())
        found = verify(self._directory, self._contract, AnalyticsSettings(), self._now())
        assert not found.findings, found.findings
        left = list(self._directory.root.rglob(".part-*"))
        assert not left, f"left behind: {left}"
        return compared

    def check_rebuild(self, context: Callable[[DataDirectory], LoadContext]) -> None:
        """Checks that a rebuild from raw alone gives the same tables."""
        copy = Path("rebuilt")
        shutil.copytree(self._directory.root, copy)
        again = DataDirectory(copy)
        shutil.rmtree(again.tables)
        again.warehouse.unlink()
        rebuild(context(again))
        before, after = (row_hashes(one.warehouse) for one in (self._directory, again))
        differing = {table for table in before.keys() | after.keys() if before.get(table) != after.get(table)}
        differing -= NOT_OF_RAW
        assert not differing, f"a rebuild gives other rows in {sorted(differing)}"
        shutil.rmtree(copy)

    def _versions(self) -> dict[str, list[bytes]]:
        """The text of each version held, oldest first, by task."""
        found: dict[str, list[bytes]] = {}
        with duckdb.connect(str(self._directory.warehouse), read_only=True) as connection:
            rows = connection.execute(
                "SELECT v.task_id, v.version, v.record_text, t.status IS NOT DISTINCT FROM v.status "
                "FROM task_versions v LEFT JOIN tasks t USING (source, task_id) ORDER BY ALL"
            ).fetchall()
            tasks = connection.execute("SELECT task_id FROM tasks").fetchall()
        newest = {}
        for task_id, version, text, is_same in rows:
            texts = found.setdefault(task_id, [])
            texts.append(text.encode())
            assert version == len(texts), f"{task_id}: version {version} comes as number {len(texts)}"
            newest[task_id] = is_same
        assert sorted(found) == sorted(task_id for (task_id,) in tasks), "tasks and their versions differ"
        assert all(newest.values()), "a task is not as its newest version"
        return found

    def _check_nothing_false(self, versions: dict[str, list[bytes]]) -> None:
        sent = self._source.ever_sent
        for task_id, texts in versions.items():
            assert len(set(texts)) == len(texts), f"{task_id}: a version is held twice"
            false = [text for text in texts if text not in sent.get(task_id, ())]
            assert not false, f"{task_id}: held but never served: {false[0]!r}"

    def _check_received(self, versions: dict[str, list[bytes]]) -> None:
        for load in self._done:
            lost = [one for one, text in load.delivered if text not in versions.get(one, ())]
            assert not lost, f"{lost[0]}: received by the load of {load.began_at:%m-%d %H:%M:%S}, not held"

    def _check_complete_days(self, held: "set[str] | object") -> None:
        with duckdb.connect(str(self._directory.warehouse), read_only=True) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            query = "SELECT day, checked_at, counted, held FROM coverage WHERE state = 'complete'"
            proved = {day: rest for day, *rest in connection.execute(query).fetchall()}
            query = "SELECT CAST(created_at AS DATE), count(*) FROM tasks GROUP BY ALL"
            counts = Counter(dict(connection.execute(query).fetchall()))
        for day, (_, _, count) in proved.items():
            assert count == counts[day], f"{day}: {count} held by its coverage, {counts[day]} in tasks"
        oldest = self._now() - (self._source.dialect.retention or timedelta.max)
        visible_from = self._source.visible_from
        for task_id, created_at in self._source.created_at.items():
            checked_at = proved.get(created_at.astimezone(UTC).date(), (None,))[0]
            if checked_at is None or created_at < oldest:
                continue
            if visible_from[task_id] <= checked_at - TIME_TO_APPEAR:
                assert task_id in held, f"{task_id} of {created_at}: not held, though its day is complete"  # type: ignore[operator]

    def _check_current(self, versions: dict[str, list[bytes]]) -> None:
        """What the source shows now is held as it is now."""
        assert self._first_at
        since, load = self._first_at - HISTORY + timedelta(hours=1), self._done[-1]
        before, now = self._source.shown(load.began_at), self._source.shown(self._now())
        for task_id, text in before.items():
            if self._source.created_at[task_id] < since or now.get(task_id) != text:
                continue
            texts = versions.get(task_id, [b""])
            assert texts[-1] == text, f"{task_id}: the source shows {text!r}, held is {texts[-1]!r}"

    def _check_seen(self, held: "object") -> None:
        """What was served for as long as a load needs to see it is held, also if it is served no more."""
        assert self._first_at
        since = self._first_at - HISTORY + timedelta(hours=1)
        retention = self._source.dialect.retention or timedelta.max
        created, visible_from = self._source.created_at, self._source.visible_from
        for task_id, created_at in created.items():
            if created_at < since:
                continue
            seen_from = visible_from[task_id] + timedelta(minutes=1)
            is_late = visible_from[task_id] > created_at
            loads = [
                load
                for load in self._done
                if seen_from <= load.began_at <= created_at + retention - timedelta(hours=1)
                and load.purpose != "range"
                and (load.purpose == "deep" or not is_late)
            ]
            if loads:
                assert task_id in held, (  # type: ignore[operator]
                    f"{task_id} of {created_at}: not held, though served at the {loads[0].purpose} load of "
                    f"{loads[0].began_at}"
                )
