"""The queries of a pack: its controls, and the tables that they are read from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cbr_warehouse.analytics.catalogue import base_tables, views
from cbr_warehouse.controls.catalogue import Control, read_controls
from cbr_warehouse.controls.statement import fill_statement
from cbr_warehouse.settings.control_exceptions import ControlException


@dataclass(frozen=True)
class PackQuery:
    """A query of a pack.

    Attributes:
        name: Its name, that of its files.
        says: What it answers.
        sql: The query.
        control: The control that it is of; None for a table.
    """

    name: str
    says: str
    sql: str
    control: Control | None = None


def pack_queries(exceptions: Sequence[ControlException], now: datetime) -> list[PackQuery]:
    """All queries, in order of their names.

    Args:
        exceptions: The exceptions of the configuration.
        now: The time that the controls are judged at, UTC.
    """
    controls = read_controls()
    found = [
        PackQuery(f"control_{one.name}", one.title, fill_statement(one, exceptions, now), one)
        for one in controls
    ]
    return sorted([*found, *_tables(controls)], key=lambda one: one.name)


def _tables(controls: Sequence[Control]) -> list[PackQuery]:
    """The tables and views that controls read, whole, and what is stored of each day."""
    read = {word for one in controls for word in one.query.replace(",", " ").split()}
    definitions = {one.name: one for one in (*base_tables(), *views())}
    # A task a row: the raw records and the tables have them, and one control lists those that count.
    left_out = {"attempt", "resource", "schedule_slot", "deletion_class", "day_state"}
    named = sorted(name for name in definitions if f"analytics.{name}" in read and name not in left_out)
    tables = [
        PackQuery(
            f"table_{name}",
            definitions[name].parts["Question"],
            f"SELECT * FROM analytics.{name} ORDER BY ALL",
        )
        for name in named
    ]
    days = "SELECT * FROM coverage ORDER BY source, day"
    return [
        *tables,
        PackQuery("table_coverage", "how complete is each day of each source?", days),
        PackQuery("table_records", "how many records became how many tasks?", _RECORDS),
        PackQuery("table_quarantine", "which records could not be taken in, and why?", _QUARANTINE),
    ]


_QUARANTINE = """\
SELECT source, record_text, reason, task_id, first_seen_at, last_seen_at, resolved_at
FROM quarantine
ORDER BY source, record_text"""
"""Without ``record_bytes``, which JSON has no type for; the raw records have them."""

_RECORDS = """\
SELECT t.source, t.day, count(*) AS tasks, any_value(v.versions) AS versions, any_value(q.refused) AS refused
FROM tasks AS t
LEFT JOIN (SELECT source, day, count(*) AS versions FROM task_versions GROUP BY ALL) AS v
    ON v.source = t.source AND v.day = t.day
LEFT JOIN (SELECT source, day, count(*) AS refused FROM quarantine GROUP BY ALL) AS q
    ON q.source = t.source AND q.day = t.day
GROUP BY t.source, t.day
ORDER BY t.source, t.day"""
