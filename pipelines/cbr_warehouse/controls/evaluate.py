"""Evaluates controls on a warehouse: runs the statement of each and reads its verdict and evidence."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import duckdb

from cbr_warehouse.controls.catalogue import Control, read_controls
from cbr_warehouse.controls.outcome import Evidence, Outcome, Verdict
from cbr_warehouse.controls.statement import fill_statement
from cbr_warehouse.errors import WarehouseError
from cbr_warehouse.settings.control_exceptions import ControlException
from cbr_warehouse.warehouse.open_published import open_published
from cbr_warehouse.warehouse.place import WarehousePlace


def check_published(
    place: WarehousePlace, exceptions: Sequence[ControlException], now: datetime
) -> list[Outcome]:
    """Evaluates all controls on the published warehouse.

    Args:
        place: The published warehouse.
        exceptions: The exceptions of the configuration.
        now: The time of the check, UTC.

    Raises:
        WarehouseError: There is no warehouse, or another version published it.
    """
    with open_published(place) as connection:
        try:
            return [evaluate(connection, one, exceptions, now) for one in read_controls()]
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            # The queries are ours: what is missing was not known to who published the file.
            raise WarehouseError(
                f"{place} was published by another version of cbr-warehouse, which lacks what the controls "
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
    cursor = connection.execute(statement)
    names = [column[0] for column in cursor.description or []]
    rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return read_outcome(control, rows, _settings(connection, control), statement)


def read_outcome(
    control: Control, rows: Sequence[Mapping[str, Any]], settings: dict[str, Any], statement: str
) -> Outcome:
    """Reads the verdict and the evidence of a control from the rows of its statement.

    Args:
        control: The control.
        rows: The rows by column, as DuckDB gives them or as its JSON has them.
        settings: The settings that the control names.
        statement: The statement.
    """
    first = rows[0]
    return Outcome(
        control=control,
        verdict=Verdict(first["result"]),
        population=first["population"],
        failing=first["failing"],
        undecided=first["undecided"],
        excepted=first["excepted"],
        window_from=_utc(first["window_from"]) if control.window else None,
        watermark=_utc(first["watermark"]),
        days=first["days"],
        complete_days=first["complete_days"],
        settings=settings,
        evidence=tuple(_evidence(row) for row in rows if row["source"] is not None),
        statement=statement,
    )


def _evidence(row: Mapping[str, Any]) -> Evidence:
    return Evidence(
        source=row["source"],
        item=row["item"],
        name=row["name"],
        fails=row["fails"],
        excepted_for=row["excepted_for"],
        why=row["why"],
        since=_utc(row["since"]),
    )


def _settings(connection: duckdb.DuckDBPyConnection, control: Control) -> dict[str, Any]:
    names = control.thresholds
    if not names:
        return {}
    values = connection.execute(f"SELECT {', '.join(names)} FROM analytics.settings").fetchall()
    return dict(zip(names, values[0], strict=True))


def _utc(moment: datetime | str | None) -> datetime | None:
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    return None if moment is None else moment.astimezone(UTC)
