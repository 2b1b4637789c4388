"""The pages of one thing: a resource, a backup day, a task, and a record as received."""

from dataclasses import replace

from cbr_warehouse.errors import UsageError
from cbr_warehouse.page.columns import (
    RESOURCE_ID,
    SOURCE,
    VAULT,
    Column,
    address,
    to_code,
    to_night,
    to_resource,
    to_task,
    to_vault,
)
from cbr_warehouse.page.list_pages import ATTEMPT, STREAK
from cbr_warehouse.page.parameters import OF_RESOURCES, Filters, NotFoundError, read_filters
from cbr_warehouse.page.parts import Page, Record, paged
from cbr_warehouse.page.situation import Situation
from cbr_warehouse.page.snapshots import Snapshot
from cbr_warehouse.page.unprotected_page import OF_UNPROTECTED
from cbr_warehouse.report.formatting import abbreviate

_NAMES = {
    "created_at": "moment",
    "started_at": "moment",
    "ended_at": "moment",
    "updated_at": "moment",
    "first_seen_at": "moment",
    "duration_seconds": "seconds",
    "wait_seconds": "seconds",
    "progress": "count",
    "is_scheduled": "truth",
    "is_full": "truth",
    "is_downgraded": "truth",
}
_TASK = (
    *("operation_type", "status", "outcome", "error_code", "error_message", "created_at", "started_at"),
    *("ended_at", "updated_at", "wait_seconds", "duration_seconds", "progress", "is_scheduled", "is_full"),
    *("backup_day", "source", "vault_name", "vault_id", "policy_id", "checkpoint_id", "backup_name"),
    *("backup_id", "source_backup_id", "destination_region", "destination_backup_id", "delete_backup_id"),
    *("restore_backup_id", "restore_target_resource_id", "request_id", "project_id", "first_seen_at"),
)
_NIGHT = (
    Column("verdict", "Verdict"),
    Column("attempts", "Attempts", "count"),
    Column("ok", "Successful", "count"),
    Column("failed", "Failed", "count"),
    Column("skipped", "Skipped", "count"),
    Column("open", "Running", "count"),
    Column("is_rescued", "After a failure", "truth"),
    Column("last_error_code", "Error code", "code"),
)


def night(situation: Situation, query: dict[str, str]) -> Page:
    """One backup day: of one resource its attempts, of a vault or of all its resources.

    Raises:
        UsageError: The address lacks the day, or the source of a resource.
    """
    filters = read_filters(query)
    if filters.day is None:
        raise UsageError("The address lacks a day. Follow a link of the calendar.")
    if filters.id is not None:
        return _resource_night(situation, filters)
    result = situation.run("night", filters.sql())
    section = situation.table(
        "night",
        "Resources",
        result,
        Column("resource_name", "Resource", "text", to_night),
        *_NIGHT,
        VAULT,
        SOURCE,
        Column("resource_id", "Id", "code", to_resource),
    )
    section = paged(section, filters, "/night", "No backup was tried on that day.")
    fields = (*OF_RESOURCES, "verdict", "day", "in_vault")
    return Page(f"Night of {filters.day}", "page.html.j2", (section,), filters, fields, "/night")


def _resource_night(situation: Situation, filters: Filters) -> Page:
    values = filters.sql()
    found = situation.run("resource_night", values)
    attempts = situation.run("night_attempts", values)
    name = abbreviate(str((found.rows and found.rows[0]["resource_name"]) or filters.id))
    summary = situation.table(
        "resource_night", "Verdict", found, *_NIGHT, Column("ends_at", "Night ends", "moment")
    )
    sections = (
        replace(summary, shape="record", empty="No backup was tried on that day."),
        replace(situation.table("night_attempts", "Attempts", attempts, *ATTEMPT), empty="None."),
    )
    trail = ((address("/resource", source=filters.source, id=filters.id), name),)
    return Page(f"{name}, night of {filters.day}", "page.html.j2", sections, trail=trail)


def resource(situation: Situation, query: dict[str, str]) -> Page:
    """One resource: whether it is protected, its nights, its streaks and its tasks.

    Raises:
        NotFoundError: No backup task names it, and no inventory lists it as not protected.
    """
    filters = read_filters(query)
    key = {"source": filters.source, "id": filters.id}
    values = filters.sql(situation.newest_day)
    found = situation.run("resource", values)
    if not found.rows:
        return _without_tasks(situation, filters)
    name = found.rows[0]["resource_name"] or filters.id
    sections = (
        replace(situation.table("resource", "Protection", found, *_PROTECTION), shape="record"),
        situation.listed(
            "resource_streaks", "Streaks of failures", values, STREAK, "No backup of it ever failed."
        ),
        situation.listed(
            "resource_nights",
            "Nights",
            values,
            (Column("backup_day", "Night", "day", to_night), *_NIGHT),
            "No backup was tried in the period.",
        ),
        situation.listed("tasks", "Tasks", {**values, "from_day": None}, ATTEMPT, "None."),
    )
    extra = {
        "links": (
            (address("/missed", **key), "Missed backups of it"),
            (address("/tasks", **key, nights=56), "All its tasks"),
        )
    }
    return Page(
        str(name),
        "page.html.j2",
        sections,
        filters,
        ("source", "id", "until", "nights"),
        "/resource",
        extra=extra,
    )


def _without_tasks(situation: Situation, filters: Filters) -> Page:
    """A resource that no backup task names: why it is not protected, by the inventory."""
    found = situation.run("unprotected", filters.sql())
    if filters.id is None or not found.rows:
        raise NotFoundError(f"No resource of that source has the id {filters.id!r}. Look in the calendar.")
    section = situation.table("unprotected", "Not protected", found, *OF_UNPROTECTED)
    name = found.rows[0]["resource_name"] or filters.id
    trail = (("/unprotected", "Not protected"),)
    return Page(
        str(name),
        "page.html.j2",
        (replace(section, shape="record", note="No backup task of the log names it."),),
        trail=trail,
    )


_PROTECTION = (
    Column("bucket", "Newest backup"),
    Column("age_hours", "Its age", "hours"),
    Column("rpo_hours", "RPO", "hours"),
    Column("schedule_basis", "Its interval is"),
    Column("last_rp_at", "It restores to", "moment", to_task("last_rp_task_id")),
    Column("recovery_points", "Backups kept", "count"),
    Column("recovery_points_made", "Backups ever made", "count"),
    Column("first_attempt_at", "First tried", "moment"),
    Column("last_attempt_at", "Last tried", "moment"),
    Column("removed_at", "Removed", "moment"),
    Column("resource_type", "Type"),
    VAULT,
    Column("vault_id", "Vault id", "code"),
    Column("policy_id", "Policy", "code"),
    SOURCE,
    RESOURCE_ID,
)


def task(situation: Situation, query: dict[str, str]) -> Page:
    """One task: what it tried, what became of its backup, its versions and its records.

    Raises:
        NotFoundError: There is no such task.
    """
    filters = read_filters(query)
    values = filters.sql()
    found = situation.run("task", values)
    if not found.rows:
        raise NotFoundError(f"No task of that source has the id {filters.id!r}. Look in the list of tasks.")
    row = found.rows[0]
    columns = [Column(name, _label(name), _NAMES.get(name, "code"), _LINKS.get(name)) for name in _TASK]
    versions = situation.run("task_versions", values)
    sections = (
        replace(
            situation.table(
                "task", "Task", found, Column("resource_name", "Resource", "code", to_resource), *columns
            ),
            shape="record",
        ),
        situation.listed("task_advice", "What the vendor says", values, _ADVICE, "No text is documented."),
        situation.listed("task_recovery_point", "Its backup", values, _POINT, "It made no backup."),
        situation.listed("task_versions", "Versions", values, _VERSION, "None."),
    )
    records = tuple(
        Record(
            version["version"],
            version["record_text"],
            address("/record", source=filters.source, id=filters.id, version=version["version"]),
        )
        for version in versions.rows
    )
    trail = [(to_resource(row) or "", abbreviate(str(row["resource_name"] or row["resource_id"])))]
    if row["operation_type"] == "backup":
        trail.append((to_night(row), f"Night of {row['backup_day']}"))
    if row["resource_id"] is None:
        trail = []
    return Page(
        f"Task {filters.id}", "task.html.j2", sections, trail=tuple(trail), extra={"records": records}
    )


def record(snapshot: Snapshot, query: dict[str, str]) -> str:
    """A record exactly as received.

    Raises:
        NotFoundError: There is no such version of that task.
    """
    versions = snapshot.run("task_versions", read_filters(query).sql()).rows
    for row in versions:
        if str(row["version"]) == query.get("version"):
            return str(row["record_text"])
    raise NotFoundError("There is no such version of that task. Follow a link of the page of a task.")


def _label(name: str) -> str:
    return name.removesuffix("_at").removesuffix("_seconds").replace("_", " ").capitalize()


_LINKS = {"error_code": to_code, "vault_name": to_vault}
_ADVICE = (
    Column("error_code", "Error code", "code"),
    Column("text_en", "Text", "code"),
    Column("advice_en", "Advice", "code"),
)
_POINT = (
    Column("rp_at", "It restores to", "moment"),
    Column("usable_at", "Usable since", "moment"),
    Column("is_full", "Full", "truth"),
    Column("copies_ok", "Copies", "count"),
    Column("destination_regions", "In regions", "code"),
    Column("restores_ok", "Restores", "count"),
    Column("deleted_at", "Deleted", "moment", to_task("delete_task_id")),
)
_VERSION = (
    Column("version", "Version", "count"),
    Column("status", "Status"),
    Column("progress", "Progress", "count"),
    Column("error_code", "Error code", "code"),
    Column("started_at", "Started", "moment"),
    Column("ended_at", "Ended", "moment"),
    Column("updated_at", "Updated", "moment"),
    Column("first_seen_at", "First received", "moment"),
    Column("last_seen_at", "Last received", "moment"),
)
