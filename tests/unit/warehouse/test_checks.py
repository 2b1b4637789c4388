"""Keys and references of a warehouse: what each violation is called, and which rows are looked at."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import duckdb
import pytest

from cbr_warehouse.errors import WarehouseError
from cbr_warehouse.warehouse.checks import REFERENCES, check_all, check_days
from cbr_warehouse.warehouse.ddl import create_statements
from support.landed_records import CONTRACT

AT = datetime(2026, 11, 19, 1, tzinfo=UTC)
DAYS = ["2026-11-18", "2026-11-19"]


@pytest.fixture(scope="module")
def empty() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as engine:
        engine.execute("SET TimeZone = 'UTC'")
        for statement in create_statements(CONTRACT):
            if not statement.startswith("COMMENT"):
                engine.execute(statement.replace(" NOT NULL", ""))
        yield engine


@pytest.fixture
def connection(empty: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    empty.execute("BEGIN")
    yield empty
    empty.execute("ROLLBACK")


def insert(connection: duckdb.DuckDBPyConnection, table: str, **values: Any) -> None:
    values = {"source": "prod", "task_id": "a", "day": DAYS[1]} | values
    columns = ", ".join(f"${name} AS {name}" for name in values)
    connection.execute(f"INSERT INTO {table} BY NAME SELECT {columns}", values)


def sound(connection: duckdb.DuckDBPyConnection) -> None:
    for task_id, day in (("a", DAYS[1]), ("b", DAYS[0])):
        insert(connection, "tasks", task_id=task_id, day=day)
        insert(connection, "task_versions", task_id=task_id, day=day, version=1)
    insert(connection, "resources", role="target", position=0)
    insert(
        connection, "resource_volumes", role="target", position=0, volume_role="include", volume_position=0
    )
    insert(connection, "replications")
    insert(connection, "quarantine", record_text="x")


VIOLATIONS: list[tuple[str, dict[str, Any], str]] = [
    ("tasks", {}, "tasks: unique_key"),
    ("tasks", {"day": DAYS[0]}, "tasks: unique_key"),
    ("quarantine", {"record_text": "x", "day": DAYS[0]}, "quarantine: unique_key"),
    ("task_versions", {"version": 1}, "task_versions: unique_key"),
    ("resources", {"role": "target", "position": 0}, "resources: unique_key"),
    ("tasks", {"task_id": "c"}, "tasks: references_task_versions"),
    ("task_versions", {"task_id": "c", "version": 1}, "task_versions: references_tasks"),
    ("resources", {"task_id": "c", "role": "target", "position": 0}, "resources: references_tasks"),
    ("replications", {"task_id": "c"}, "replications: references_tasks"),
    ("resource_volumes", {"role": "target", "position": 1}, "resource_volumes: references_resources"),
    ("resource_volumes", {"role": "removed", "position": 0}, "resource_volumes: references_resources"),
]


def test_a_sound_warehouse_passes_all_checks(connection: duckdb.DuckDBPyConnection) -> None:
    sound(connection)
    check_days(connection, CONTRACT, [*DAYS, "unknown"])
    found = check_all(connection, CONTRACT)
    assert [one for one in found if one.violations] == []
    keys = {(table.name, "unique_key") for table in CONTRACT.tables}
    references = {(child, f"references_{parent}") for child, parent, _ in REFERENCES}
    assert {(one.table, one.name) for one in found} == keys | references


@pytest.mark.parametrize(("table", "values", "name"), VIOLATIONS)
def test_each_violation_is_counted_and_named(
    connection: duckdb.DuckDBPyConnection, table: str, values: dict[str, Any], name: str
) -> None:
    sound(connection)
    insert(connection, table, **values)
    with pytest.raises(WarehouseError, match=rf"\(.*{name} broken 1 times.*was not published"):
        check_days(connection, CONTRACT, ["unknown", *DAYS])
    found = {f"{one.table}: {one.name}": one.violations for one in check_all(connection, CONTRACT)}
    assert found[name] == 1
    if values.get("day") != DAYS[0]:
        check_days(connection, CONTRACT, [DAYS[0]])


def test_only_the_days_that_were_replaced_are_checked(connection: duckdb.DuckDBPyConnection) -> None:
    sound(connection)
    insert(connection, "tasks", task_id="b", day=DAYS[0])
    check_days(connection, CONTRACT, [])
    check_days(connection, CONTRACT, ["unknown"])
    check_days(connection, CONTRACT, [DAYS[1]])
    with pytest.raises(WarehouseError, match="tasks: unique_key broken 1 times"):
        check_days(connection, CONTRACT, [DAYS[0]])


def test_what_a_task_refers_to_must_be_of_its_day(connection: duckdb.DuckDBPyConnection) -> None:
    """Partitions are replaced by day: rows of another day would stay when this one is made again."""
    sound(connection)
    insert(connection, "replications", task_id="b", day=DAYS[1])
    with pytest.raises(WarehouseError, match="replications: references_tasks broken 1 times"):
        check_days(connection, CONTRACT, DAYS)
    assert not any(one.violations for one in check_all(connection, CONTRACT))
