"""Evaluates controls on a warehouse: runs the statement of each and reads its verdict and evidence."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from cbr_warehouse.controls.catalogue import Control, read_controls
from cbr_warehouse.controls.outcome import Evidence, Outcome, Verdict
from cbr_warehouse.controls.statement import fill_statement
from cbr_warehouse.errors import WarehouseError
from cbr_warehouse.settings.control_exceptions import ControlException
from cbr_warehouse.warehouse.open_published import open_published

_OF_EVIDENCE = 7
"""Columns of the frame that are of one row of evidence; those before are the same in all rows."""


def check_published(path: Path, exceptions: Sequence[ControlException], now: datetime) -> list[Outcome]:
    """Evaluates all controls on the published warehouse.

    Args:
        path: The published warehouse.
        exceptions: The exceptions of the configuration.
        now: The time of the check, UTC.

    Raises:
        WarehouseError: There is no warehouse, or another version published it.
    """
    with open_published(path) as connection:
        try:
            return [evaluate(connection, one, exceptions, now) for one in read_controls()]
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            # The queries are ours: what is missing was not known to who published the file.
            raise WarehouseError(
                f"{path} was published by another version of cbr-warehouse, which lacks what the controls "
                "read. Run 'cbr-warehouse load' or 'cbr-warehouse rebuild' once, then check again."
            ) from error


def evaluate(
    connection: duckdb.DuckDBPyConnection,
    control: Control,
    exceptions: Iterable[ControlException],
    now: datetime,
) -> Outcome:
    """Evaluates a control.

    Args:
        connection: A warehouse with the schema ``analytics``.
        control: The control.
        exceptions: The exceptions of the configuration, of whatever control.
        now: The time of the check, UTC.

    Raises:
        duckdb.Error: The warehouse lacks a view or a setting that the control reads.
    """
    statement = fill_statement(control, exceptions, now)
    rows = connection.execute(statement).fetchall()
    verdict, population, failing, undecided, excepted, window_from, watermark, days, complete_days = rows[0][
        :-_OF_EVIDENCE
    ]
    return Outcome(
        control=control,
        verdict=Verdict(verdict),
        population=population,
        failing=failing,
        undecided=undecided,
        excepted=excepted,
        window_from=_utc(window_from) if control.window else None,
        watermark=_utc(watermark),
        days=days,
        complete_days=complete_days,
        settings=_settings(connection, control),
        evidence=tuple(_evidence(row[-_OF_EVIDENCE:]) for row in rows if row[-_OF_EVIDENCE] is not None),
        statement=statement,
    )


def _evidence(row: Sequence[Any]) -> Evidence:
    source, item, name, fails, excepted_for, why, since = row
    return Evidence(source, item, name, fails, excepted_for, why, _utc(since))


def _settings(connection: duckdb.DuckDBPyConnection, control: Control) -> dict[str, Any]:
    names = control.thresholds
    if not names:
        return {}
    values = connection.execute(f"SELECT {', '.join(names)} FROM analytics.settings").fetchall()
    return dict(zip(names, values[0], strict=True))


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC)
