"""Loads and coverage as the ledgers of raw have them: only what differs is written, nothing else goes."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cbr_warehouse.contract.api_facts import RETENTION
from cbr_warehouse.raw.ledgers import AuditEntry, AuditFindings, LoadEntry, write_audit, write_load
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.warehouse.ledger_rows import (
    SourceLedgers,
    read_ledgers,
    replace_ledger_rows,
    verdicts_differ,
)
from support.landed_records import CONTRACT
from support.small_warehouse import create_tables

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def day(number: int) -> date:
    return date(2026, 11, number)


def audit(number: int, state: str = "complete", at: datetime = NOW, **more: Any) -> AuditEntry:
    return AuditEntry(day(number), 1, 0, state, at, **more)


def entry(number: int, source: str = "prod", **values: Any) -> LoadEntry:
    at = NOW + number * HOUR
    return LoadEntry(f"L{number}", source, at, **({"purpose": "incremental", "outcome": "done"} | values))


@pytest.fixture(scope="module")
def empty() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as engine:
        engine.execute("SET TimeZone = 'UTC'")
        create_tables(engine)
        yield engine


@pytest.fixture
def connection(empty: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    empty.execute("BEGIN")
    yield empty
    empty.execute("ROLLBACK")


def rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[Any]:
    return connection.execute(query).fetchall()


def loads(connection: duckdb.DuckDBPyConnection) -> list[Any]:
    return rows(connection, "SELECT source, load_id, outcome FROM loads ORDER BY ALL")


def ledgers(*audits: AuditEntry, loads: tuple[LoadEntry, ...] = ()) -> SourceLedgers:
    return SourceLedgers(loads, {one.day: one for one in audits}, day(18), day(20))


def replace(connection: duckdb.DuckDBPyConnection, kept: tuple[str, ...] = (), **own: SourceLedgers) -> None:
    replace_ledger_rows(connection, CONTRACT, own, kept)


def test_every_column_of_a_load_is_written(connection: duckdb.DuckDBPyConnection) -> None:
    values = {
        "since": NOW - HOUR,
        "until": NOW,
        "finished_at": NOW + HOUR,
        "message": "It's done.",
        **{name: number for number, name in enumerate(("requests", "new", "records", "quarantined"))},
    }
    replace(connection, prod=ledgers(loads=(entry(1, **values),)))
    found = connection.execute("SELECT * FROM loads")
    names = [column[0] for column in found.description or []]
    (row,) = found.fetchall()
    assert dict(zip(names, row, strict=True)) == asdict(entry(1, **values))


def test_coverage_counts_tasks_and_unresolved_refused_records(connection: duckdb.DuckDBPyConnection) -> None:
    held = (("prod", "x", 18), ("prod", "y", 18), ("prod", "z", 19), ("other", "x", 19), ("prod", "held", 18))
    for source, task_id, number in held:
        connection.execute(
            "INSERT INTO tasks BY NAME SELECT $1 AS source, $2 AS task_id, $3 AS day, $4 AS created_at, "
            "'{}' AS extra",
            [source, task_id, day(number), NOW],
        )
    refused = (("held", 18, "a"), ("b", 18, "b"), ("b", 18, "b2"), (None, 18, "c"), (None, None, "d"))
    for task_id, number, text in refused:
        connection.execute(
            "INSERT INTO quarantine BY NAME SELECT 'prod' AS source, $1 AS task_id, $2::DATE AS day, "
            "$3 AS record_text, 'broken' AS reason, $4 AS first_seen_at, $4 AS last_seen_at",
            [task_id, number and day(number), text, NOW],
        )
    replace(connection, prod=ledgers(audit(18), audit(19)))
    found = rows(connection, "SELECT day, held, quarantined, state FROM coverage ORDER BY day")
    assert found == [(day(18), 3, 2, "complete"), (day(19), 1, 0, "complete"), (day(20), 0, 0, "open")]


def test_rows_are_replaced_by_key_and_those_of_kept_sources_stay(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    replace(
        connection,
        one=ledgers(audit(18), loads=(entry(1, "one", outcome="interrupted"), entry(2, "one"))),
        two=ledgers(audit(18), loads=(entry(1, "two"),)),
        three=ledgers(audit(18), loads=(entry(1, "three"),)),
    )
    replace(connection, ("two",), one=ledgers(audit(18, "lost"), loads=(entry(1, "one"), entry(3, "one"))))
    # The loads that the ledgers do not repeat stay; a source that is neither read nor kept has none.
    one = [("one", f"L{number}", "done") for number in (1, 2, 3)]
    assert loads(connection) == [*one, ("two", "L1", "done")]
    found = rows(connection, "SELECT source, state FROM coverage WHERE day = '2026-11-18' ORDER BY ALL")
    assert found == [("one", "lost"), ("two", "complete")]


def test_days_that_the_ledgers_do_not_name_any_more_go(connection: duckdb.DuckDBPyConnection) -> None:
    """A clock that was ahead had made them. Those of a source that is kept stay."""
    ahead = ledgers(audit(18), audit(22, "open"))
    replace(connection, prod=ahead, other=ahead)
    assert rows(connection, "SELECT count(*) FROM coverage") == [(10,)]
    replace(connection, ("other",), prod=ledgers(audit(18)))
    found = rows(connection, "SELECT source, max(day), count(*) FROM coverage GROUP BY ALL ORDER BY ALL")
    assert found == [("other", day(22), 5), ("prod", day(20), 3)]


def test_rows_that_do_not_differ_are_not_written(connection: duckdb.DuckDBPyConnection) -> None:
    own = ledgers(audit(18), audit(19), loads=(entry(1), entry(2)))
    replace(connection, prod=own)
    before = rows(connection, "SELECT rowid, load_id FROM loads ORDER BY ALL")
    replace(connection, prod=own)
    assert rows(connection, "SELECT rowid, load_id FROM loads ORDER BY ALL") == before


def test_verdicts_differ_by_all_but_the_time_of_their_check(connection: duckdb.DuckDBPyConnection) -> None:
    replace(connection, prod=ledgers(audit(18), audit(19)), other=ledgers(audit(18)))
    later = NOW + HOUR
    assert not verdicts_differ(connection, "prod", ledgers(audit(18, at=later), audit(19, at=later)))
    assert verdicts_differ(connection, "prod", ledgers(audit(18), audit(19, "lost")))
    assert verdicts_differ(connection, "prod", ledgers(audit(18)))
    assert verdicts_differ(connection, "prod", ledgers(audit(17), audit(18), audit(19)))


def written(directory: DataDirectory, *entries: LoadEntry) -> None:
    for one in entries:
        write_load(directory, one)


def test_only_the_newest_load_and_those_after_it_are_read_again(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """The newest one of a source may have been published before it ended."""
    directory = DataDirectory(tmp_path)
    entries = [entry(number) for number in range(1, 6)]
    written(directory, *entries)
    assert list(read_ledgers(connection, directory, "prod").loads) == entries
    replace(connection, prod=ledgers(loads=tuple(entries[:3])), other=ledgers(loads=(entry(9, "other"),)))
    assert list(read_ledgers(connection, directory, "prod").loads) == entries[2:]


def test_ledgers_that_lost_loads_are_read_whole(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    directory = DataDirectory(tmp_path)
    written(directory, entry(1))
    replace(connection, prod=ledgers(loads=(entry(1), entry(2), entry(3))))
    assert list(read_ledgers(connection, directory, "prod").loads) == [entry(1)]


@pytest.mark.fault("clock faults")
@pytest.mark.parametrize(
    ("last", "today"),
    [
        # Without a source the time is this machine's alone: it counts for a while, and not backwards.
        ({"started_at": NOW + timedelta(days=3)}, date(2026, 11, 23)),
        ({"started_at": NOW, "finished_at": NOW + RETENTION}, (NOW + RETENTION).date()),
        ({"started_at": NOW, "finished_at": NOW + RETENTION + HOUR / 3600}, day(20)),
        ({"started_at": NOW - timedelta(days=3)}, day(20)),
        ({"started_at": NOW + timedelta(days=400)}, day(20)),
    ],
)
def test_today_is_that_of_the_newest_load_that_reached_its_source(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, last: dict[str, Any], today: date
) -> None:
    directory = DataDirectory(tmp_path)
    first = LoadEntry("L1", "prod", NOW - HOUR, "deep", NOW - timedelta(days=4), None, NOW, outcome="done")
    failed = LoadEntry(**({"load_id": "L2", "source": "prod", "purpose": "deep", "outcome": "failed"} | last))
    written(directory, first, failed)
    write_audit(directory, "prod", "L1", AuditFindings((audit(19),), judged_at=NOW, is_confirmed=True))
    found = read_ledgers(connection, directory, "prod")
    assert (found.today, found.requested_from) == (today, day(16))
    assert found.audits == {day(19): audit(19)}


def test_a_source_that_was_never_asked_for_any_time_begins_today(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    directory = DataDirectory(tmp_path)
    written(directory, entry(1, outcome="failed"))
    found = read_ledgers(connection, directory, "prod")
    assert found.requested_from == found.today == day(20)
