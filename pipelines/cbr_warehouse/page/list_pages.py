"""The pages that list: failing resources, streaks, causes, incidents, missed backups, tasks and days."""

from dataclasses import replace

from cbr_warehouse.contract.day_reason import explain
from cbr_warehouse.page.columns import CODE, RESOURCE, RESOURCE_ID, SOURCE, VAULT, Column, to_task
from cbr_warehouse.page.parameters import OF_RESOURCES, read_filters
from cbr_warehouse.page.parts import Page, paged
from cbr_warehouse.page.situation import Situation
from cbr_warehouse.page.snapshots import Result

ATTEMPT = (
    Column("created_at", "Created", "moment", to_task()),
    Column("operation_type", "Operation"),
    Column("outcome", "Outcome"),
    Column("status", "Status"),
    CODE,
    Column("error_message", "Error text"),
    Column("duration_seconds", "Took", "seconds"),
    Column("is_scheduled", "By a policy", "truth"),
    Column("task_id", "Task", "code", to_task()),
)
"""The columns of a list of tasks, without their resource."""


def failures(situation: Situation, query: dict[str, str]) -> Page:
    """Resources that fail now."""
    filters = read_filters(query)
    result = situation.run("unresolved", filters.sql())
    section = paged(
        situation.table(
            "unresolved",
            "Failing now",
            result,
            RESOURCE,
            Column("strikes", "Failed in a row", "count"),
            Column("age_hours", "For", "hours"),
            Column("first_failed_at", "Since", "moment"),
            CODE,
            Column("text_en", "What the vendor says", "code"),
            Column("advice_en", "Advice", "code"),
            Column("last_ok_at", "Last backup", "moment"),
            Column("last_task_id", "Last task", "code", to_task("last_task_id")),
            VAULT,
            SOURCE,
            RESOURCE_ID,
        ),
        filters,
        "/failures",
        "No resource is failing.",
    )
    return Page("Failing now", "page.html.j2", (section,), filters, (*OF_RESOURCES, "code"), "/failures")


def streaks(situation: Situation, query: dict[str, str]) -> Page:
    """Series of failures."""
    filters = read_filters(query)
    result = situation.run("streaks", filters.sql(situation.newest_day))
    section = paged(
        situation.table("streaks", "Streaks", result, RESOURCE, *STREAK, SOURCE, RESOURCE_ID),
        filters,
        "/streaks",
        "No backup failed in the period.",
    )
    fields = (*OF_RESOURCES, "code", "until", "nights")
    return Page("Streaks of failures", "page.html.j2", (section,), filters, fields, "/streaks")


STREAK = (
    Column("failures", "Failures", "count"),
    Column("first_failed_at", "From", "moment", to_task("first_task_id")),
    Column("last_failed_at", "Last failure", "moment", to_task("last_task_id")),
    Column("error_codes", "Error codes", "code"),
    Column("is_open", "Open", "truth"),
    Column("ended_by", "Ended by"),
    Column("recovered_at", "Recovered", "moment", to_task("recovered_by")),
    Column("duration_hours", "Lasted", "hours"),
    Column("censored_hours", "So far", "hours"),
)
"""The columns of a streak, without its resource."""


def causes(situation: Situation, query: dict[str, str]) -> Page:
    """Causes by count and by unprotected hours."""
    filters = read_filters(query)
    texts = (Column("text_en", "What the vendor says", "code"), Column("advice_en", "Advice", "code"))
    by_count = situation.table(
        "causes",
        "By count",
        situation.run("causes", filters.sql()),
        CODE,
        Column("operation_type", "Operation"),
        Column("failures", "Failures", "count"),
        Column("share", "Share", "percent"),
        Column("resources", "Resources", "count"),
        Column("vaults", "Vaults", "count"),
        *texts,
        Column("last_seen_at", "Last seen", "moment"),
        SOURCE,
    )
    by_hours = situation.table(
        "exposure",
        "By unprotected hours",
        situation.run("exposure", filters.sql()),
        CODE,
        Column("unprotected_hours", "Unprotected", "hours"),
        Column("share_of_hours", "Share", "percent"),
        Column("failures", "Failures", "count"),
        Column("resources", "Resources", "count"),
        *texts,
        SOURCE,
    )
    empty = "Nothing failed in the lookback of the analytics."
    return Page(
        "Causes",
        "page.html.j2",
        (replace(by_count, empty=empty), replace(by_hours, empty=empty)),
        filters,
        ("source", "code"),
        "/causes",
    )


def incidents(situation: Situation, query: dict[str, str]) -> Page:
    """Incidents."""
    filters = read_filters(query)
    section = situation.table(
        "incidents",
        "Incidents",
        situation.run("incidents", filters.sql()),
        Column("began_at", "Began", "moment"),
        Column("last_failure_at", "Last failure", "moment"),
        CODE,
        Column("failures", "Failures", "count"),
        Column("resources", "Resources", "count"),
        Column("vaults", "Vaults", "count"),
        Column("failure_rate", "Of all attempts", "percent"),
        Column("duration_hours", "Lasted", "hours"),
        SOURCE,
    )
    section = paged(section, filters, "/incidents", "No incident was found.")
    return Page("Incidents", "page.html.j2", (section,), filters, ("source", "code"), "/incidents")


def missed(situation: Situation, query: dict[str, str]) -> Page:
    """Missed and skipped backups."""
    filters = read_filters(query)
    section = situation.table(
        "missed",
        "Missed backups",
        situation.run("missed", filters.sql()),
        Column("slot_at", "Due", "moment"),
        Column("backup_day", "Night", "day"),
        RESOURCE,
        Column("kind", "Kind"),
        Column("is_policy_silent", "Whole policy", "truth"),
        Column("basis", "Schedule is"),
        Column("policy_id", "Policy", "code"),
        VAULT,
        SOURCE,
        RESOURCE_ID,
    )
    section = paged(section, filters, "/missed", "No backup was missed in the lookback of the analytics.")
    return Page("Missed backups", "page.html.j2", (section,), filters, OF_RESOURCES, "/missed")


def tasks(situation: Situation, query: dict[str, str]) -> Page:
    """Tasks of every operation type."""
    filters = read_filters(query)
    section = situation.table(
        "tasks",
        "Tasks",
        situation.run("tasks", filters.sql(situation.newest_day)),
        *ATTEMPT[:1],
        RESOURCE,
        *ATTEMPT[1:],
        VAULT,
        SOURCE,
    )
    section = paged(section, filters, "/tasks", "No task is in the period.")
    fields = (*OF_RESOURCES, "code", "operation", "outcome", "until", "nights")
    return Page("Tasks", "page.html.j2", (section,), filters, fields, "/tasks")


def coverage(situation: Situation, query: dict[str, str]) -> Page:
    """What is proved of each day."""
    filters = read_filters(query)
    gaps = situation.run("coverage_gaps", filters.sql())
    days = situation.run("coverage", filters.sql(situation.newest_day))
    state = (Column("state", "State"), Column("reason", "Reason"))
    numbers = ("counted", "held", "quarantined", "expired")
    sections = (
        replace(
            situation.table(
                "coverage_gaps",
                "Days that are not complete, in all history",
                gaps,
                *state,
                Column("days", "Days", "count"),
                Column("first_day", "First", "day"),
                Column("last_day", "Last", "day"),
                SOURCE,
            ),
            empty="Every day that is over is proved complete.",
            note=_remedies(gaps),
        ),
        situation.table(
            "coverage",
            "Day by day",
            days,
            Column("day", "UTC day", "day"),
            *state,
            *(Column(name, name.capitalize(), "count") for name in numbers),
            Column("checked_at", "Checked", "moment"),
            SOURCE,
        ),
    )
    return Page(
        "Days of the log", "page.html.j2", sections, filters, ("source", "until", "nights"), "/coverage"
    )


def _remedies(gaps: Result) -> str:
    found = [explain(row["state"], row["reason"]) for row in gaps.rows]
    said = dict.fromkeys(f"{one.why.capitalize()}: {one.remedy}" for one in found if one is not None)
    return " ".join(said)
