"""The calendar: a row a resource or vault, a column a backup day, each cell with a sign and a word."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from cbr_warehouse.amounts import amount
from cbr_warehouse.page.columns import Row, address
from cbr_warehouse.page.parts import Pager
from cbr_warehouse.page.snapshots import Result
from cbr_warehouse.report.formatting import abbreviate


@dataclass(frozen=True)
class Outcome:
    """How a cell of the calendar looks.

    Attributes:
        name: Its class in the style sheet.
        sign: What is in the cell, so that nothing is told by colour alone.
        word: What it means.
    """

    name: str
    sign: str
    word: str


OUTCOMES = {
    one.name: one
    for one in (
        Outcome("protected", "✓", "backed up"),
        Outcome("rescued", "↻", "backed up after a failed attempt"),
        Outcome("part", "◐", "backed up, but some scheduled attempts failed or were skipped"),
        Outcome("failed", "✕", "failed"),
        Outcome("skipped", "»", "skipped"),
        Outcome("pending", "…", "still running"),
        Outcome("unknown", "?", "in a status that is not known"),
        Outcome("none", "·", "no attempt"),
    )
}


@dataclass(frozen=True)
class Night:
    """One cell.

    Attributes:
        day: The backup day.
        outcome: How it looks.
        text: What is in it.
        says: What it means, in words.
        href: Where it leads; None where nothing was tried.
        values: The numbers behind it, by column, for programs.
    """

    day: date
    outcome: Outcome
    text: str
    says: str
    href: str | None
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Line:
    """One row.

    Attributes:
        name: The resource or vault.
        detail: What is said below its name.
        href: Its page.
        nights: Its cells, the newest first.
    """

    name: str
    detail: str
    href: str | None
    nights: list[Night]


@dataclass(frozen=True)
class Calendar:
    """The calendar.

    Attributes:
        by: What its rows are: ``resources`` or ``vaults``.
        days: The backup days, the newest first.
        open_days: Those that were not over at the watermark.
        lines: Its rows, the worst first.
        result: The query that it shows.
        pager: Where it is in its list.
    """

    by: str
    days: list[date]
    open_days: frozenset[date]
    lines: list[Line]
    result: Result
    pager: Pager


def resource_lines(rows: Iterable[Row], days: list[date], *, with_source: bool) -> list[Line]:
    """The rows of the calendar of resources.

    Args:
        rows: What its query returned.
        days: The backup days, the newest first.
        with_source: Whether each row names its source.
    """
    return [
        Line(
            abbreviate(row["resource_name"] or row["resource_id"]),
            _detail(row, with_source=with_source),
            address("/resource", source=row["source"], id=row["resource_id"]),
            [_resource_night(row, day, found.get(day)) for day in days],
        )
        for row in rows
        for found in [{night["backup_day"]: night for night in row["nights"] or ()}]
    ]


def vault_lines(rows: Iterable[Row], days: list[date], *, with_source: bool) -> list[Line]:
    """The rows of the calendar of vaults; arguments as of ``resource_lines``."""
    return [
        Line(
            abbreviate(row["vault_name"] or row["vault_id"] or "(no vault)"),
            f"{row['failed']:,} of {row['windows']:,} failed" + (f", {row['source']}" if with_source else ""),
            None if row["vault_id"] is None else address("/", source=row["source"], vault=row["vault_id"]),
            [_vault_night(row, day, found.get(day)) for day in days],
        )
        for row in rows
        for found in [{night["backup_day"]: night for night in row["nights"]}]
    ]


_BUCKETS = {
    "never": "never backed up",
    "none_left": "no backup left",
    "older_than_7d": "newest backup over 7 days old",
    "within_7d": "newest backup past twice its RPO",
    "within_2x_rpo": "newest backup past its RPO",
    "within_rpo": "",
    "new": "new",
    "removed": "removed",
    "not_loaded": "source no longer loaded",
}


def _detail(row: Row, *, with_source: bool) -> str:
    strikes = f"{row['strikes']:,} failed in a row" if row["strikes"] else ""
    bucket = _BUCKETS.get(row["bucket"], row["bucket"])
    source = row["source"] if with_source else ""
    vault = abbreviate(row["vault_name"] or "")
    return ", ".join(part for part in (strikes, bucket, vault, source) if part)


def _resource_night(row: Row, day: date, night: Mapping[str, Any] | None) -> Night:
    if night is None:
        return Night(day, OUTCOMES["none"], OUTCOMES["none"].sign, OUTCOMES["none"].word, None, {})
    outcome = OUTCOMES[_kind_of(night)]
    attempts = amount(night["attempts"], "attempts")
    code = f", {night['last_error_code']}" if night["last_error_code"] else ""
    href = address("/night", source=row["source"], id=row["resource_id"], day=day)
    values = {name: night[name] for name in ("verdict", "attempts", "failed")}
    return Night(day, outcome, outcome.sign, f"{outcome.word}, {attempts}{code}", href, values)


def _kind_of(night: Mapping[str, Any]) -> str:
    """The sign of a resource's day; the verdict is that of the view, with two kinds of success told apart."""
    if night["verdict"] != "protected":
        return str(night["verdict"])
    if night["is_rescued"]:
        return "rescued"
    # As protected_in_part of backup_success_daily.
    return "part" if night["scheduled_ok"] < night["scheduled_ended"] > 1 else "protected"


def _vault_night(row: Row, day: date, night: Mapping[str, Any] | None) -> Night:
    if night is None:
        return Night(day, OUTCOMES["none"], OUTCOMES["none"].sign, OUTCOMES["none"].word, None, {})
    kind = next((one for one in ("failed", "unknown", "skipped", "pending") if night[one]), "protected")
    outcome = OUTCOMES[kind]
    href = address("/night", source=row["source"], in_vault=row["vault_id"] or "(none)", day=day)
    text = outcome.sign if kind == "protected" else f"{night[kind]}{outcome.sign}"
    counts = [f"{night[one]:,} {one}" for one in ("failed", "unknown", "skipped", "pending") if night[one]]
    says = ", ".join([*counts, f"{night['protected']:,} of {night['windows']:,} backed up"])
    values = {name: number for name, number in night.items() if name != "backup_day" and number}
    return Night(day, outcome, text, says, href, values)
