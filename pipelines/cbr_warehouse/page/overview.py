"""The first page: figures, the calendar and the success of each night."""

from dataclasses import replace
from datetime import date

from cbr_warehouse.page.calendar import OUTCOMES, Calendar, resource_lines, vault_lines
from cbr_warehouse.page.columns import SOURCE, Column, Row, address
from cbr_warehouse.page.parameters import OF_RESOURCES, Filters, read_filters
from cbr_warehouse.page.parts import Page, Section, pager_of
from cbr_warehouse.page.situation import Situation
from cbr_warehouse.page.snapshots import Result

FIELDS = (*OF_RESOURCES, "code", "by", "until", "nights")

EMPTY = (
    "No backup task is in the warehouse yet. Load some with 'cbr-warehouse load', or try the built-in "
    "emulator with 'cbr-warehouse demo', and reload this page."
)


def overview(situation: Situation, query: dict[str, str]) -> Page:
    """The first page.

    Raises:
        UsageError: A filter has a value that is not allowed.
        WarehouseError: A query failed.
    """
    filters = read_filters(query)
    if situation.newest_day is None:
        return Page("Nothing to show yet", "message.html.j2", (), intro=EMPTY)
    nights = _nights(situation, filters)
    return Page(
        "Backups",
        "overview.html.j2",
        (nights,),
        filters,
        FIELDS,
        "/",
        extra={
            "figures": _figures(situation, filters),
            "calendar": _calendar(situation, filters, filters.days(situation.newest_day), nights.result),
            "outcomes": OUTCOMES.values(),
        },
    )


def _calendar(situation: Situation, filters: Filters, days: list[date], nights: Result) -> Calendar:
    result = situation.run(f"calendar_{filters.by}", filters.sql(days[0]))
    sources = {row["source"] for row in situation.run("choices").rows}
    lines = (resource_lines if filters.by == "resources" else vault_lines)(
        result.rows, days, with_source=len(sources) > 1
    )
    open_days = frozenset(row["backup_day"] for row in nights.rows if not row["is_closed"])
    return Calendar(filters.by, days, open_days, lines, result, pager_of(result, filters, "/"))


def _figures(situation: Situation, filters: Filters) -> tuple[Section, ...]:
    values = filters.sql(situation.newest_day)
    failing, unprotected = filters.link("/failures"), filters.link("/unprotected")
    shown = (
        (
            "protection",
            "Protection now",
            (
                Column("resources", "resources", "count"),
                Column("within_rpo", "with a recent enough backup", "count"),
                Column("past_rpo", "with an older one", "count", lambda _row: f"{unprotected}#too_old"),
                Column("without_backup", "without any", "count", lambda _row: f"{unprotected}#too_old"),
            ),
        ),
        (
            "unprotected_now",
            "Not protected, of all there are",
            (
                Column("unprotected", "resources", "count", lambda _row: unprotected),
                Column("in_no_vault", "of them in no vault", "count"),
                Column("enrolled", "in a vault", "count"),
                Column("longest_days", "days, the longest", "count"),
            ),
        ),
        (
            "failing",
            "Failing now",
            (
                Column("failing", "resources", "count", lambda _row: failing),
                Column("repeatedly", f"of them {situation.strikes} times in a row or more", "count"),
                Column("never_ok", "never backed up", "count"),
                Column("longest_hours", "longest", "hours"),
            ),
        ),
        (
            "days",
            "Days of the log",
            (
                Column("complete", "proved complete", "count", lambda _row: filters.link("/coverage")),
                Column("incomplete", "incomplete", "count"),
                Column("unverified", "not verified", "count"),
                Column("lost", "lost", "count"),
            ),
        ),
    )
    return tuple(
        replace(situation.table(name, title, situation.run(name, values), *columns), shape="figure")
        for name, title, columns in shown
    )


def _nights(situation: Situation, filters: Filters) -> Section:
    result = situation.run("nights", filters.sql(situation.newest_day))
    section = situation.table(
        "nights",
        "Success of each night",
        result,
        Column("backup_day", "Night", "day", _to_all),
        SOURCE,
        Column("final_success_rate", "Backed up", "percent"),
        Column("first_attempt_success_rate", "At the first attempt", "percent"),
        Column("windows", "Resources tried", "count"),
        Column("protected", "Backed up", "count"),
        Column("failed", "Failed", "count", _to_failed),
        Column("skipped", "Skipped", "count"),
        Column("pending", "Running", "count"),
        Column("rescued", "After a failure", "count"),
        Column("protected_in_part", "In part", "count"),
        Column("is_closed", "Over", "truth"),
        Column("is_complete", "Days complete", "truth"),
    )
    return replace(section, note="All resources of a source; of the filters, source and period apply.")


def _to_all(row: Row) -> str:
    return address("/night", source=row["source"], day=row["backup_day"])


def _to_failed(row: Row) -> str | None:
    if not row["failed"]:
        return None
    return address("/night", source=row["source"], day=row["backup_day"], verdict="failed")
