"""Measures lateness in an engine that is no warehouse, by the definition of view ``analytics.lateness``."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import duckdb

from cbr_warehouse.analytics.catalogue import base_tables, read_fragment, views
from cbr_warehouse.analytics.create_schema import create_settings
from cbr_warehouse.settings.analytics import AnalyticsSettings

_LOADS = """
CREATE OR REPLACE TABLE loads (source VARCHAR, load_id VARCHAR, purpose VARCHAR, started_at TIMESTAMPTZ,
    finished_at TIMESTAMPTZ, outcome VARCHAR DEFAULT 'done')
"""

_ATTEMPT = """
CREATE TABLE analytics.attempt AS
WITH {task_sighting}
SELECT t.source, t.created_at, t.ended_at, g.first_seen_at, g.end_seen_at, g.last_news_at
FROM touched_tasks AS t
JOIN task_sighting AS g ON g.source = t.source AND g.task_id = t.task_id
"""
"""The columns of ``analytics.attempt`` that the view reads."""


class FinishedLoad(NamedTuple):
    """A load of a source whose outcome is done; times are UTC."""

    source: str
    load_id: str
    purpose: str
    started_at: datetime
    finished_at: datetime | None


class Settled(NamedTuple):
    """How long after its creation or end the last news of a task came: measure ``settled`` of the view.

    Attributes:
        tasks: Number of tasks measured.
        late: Of them those that appeared late or changed after their end.
        p9999_seconds: The 99.99th percentile, an upper bound; None where no task is measured.
    """

    tasks: int
    late: int
    p9999_seconds: int | None


def measure_settled(
    connection: duckdb.DuckDBPyConnection,
    settings: AnalyticsSettings,
    loads: Sequence[FinishedLoad],
    tasks: str,
    versions: str,
) -> Settled | None:
    """Measures one source.

    Args:
        connection: An engine for this alone; it gets tables and views in ``main`` and ``analytics``.
        settings: The settings of the analytics.
        loads: The finished loads of the source.
        tasks: SQL of rows of ``tasks``.
        versions: SQL of rows of ``task_versions`` of the same days.

    Returns:
        The measurement; None if there are no finished loads.
    """
    connection.execute(_LOADS)
    if loads:
        marks = ", ".join(f"unnest(${place})" for place in range(1, 6))
        columns = ", ".join(FinishedLoad._fields)
        connection.execute(
            f"INSERT INTO loads ({columns}) SELECT {marks}",
            [list(column) for column in zip(*loads, strict=True)],
        )
    # The days are text in the partitions, and only compared with each other.
    connection.execute(f"CREATE OR REPLACE VIEW task_versions AS FROM {versions}")
    connection.execute(f"CREATE OR REPLACE TEMP VIEW touched_tasks AS FROM {tasks}")
    connection.execute("DROP SCHEMA IF EXISTS analytics CASCADE")
    connection.execute("CREATE SCHEMA analytics")
    create_settings(connection, settings)
    (finished_load,) = (table for table in base_tables() if table.name == "finished_load")
    connection.execute(f"CREATE TABLE analytics.finished_load AS {finished_load.body}")
    connection.execute(_ATTEMPT.format(task_sighting=read_fragment("task_sighting")))
    (lateness,) = (view for view in views() if view.name == "lateness")
    rows = connection.execute(
        f"SELECT tasks, late, p9999_at_most_seconds FROM ({lateness.body}) WHERE measure = 'settled'"
    ).fetchall()
    return Settled(*rows[0]) if rows else None
