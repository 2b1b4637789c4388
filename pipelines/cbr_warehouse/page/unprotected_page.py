"""The page of what is not protected: by the inventory, and by the age of the backups in the log."""

from cbr_warehouse.page.columns import CODE, RESOURCE, RESOURCE_ID, SOURCE, VAULT, Column
from cbr_warehouse.page.parameters import OF_RESOURCES, Filters, read_filters
from cbr_warehouse.page.parts import Page, Section, paged
from cbr_warehouse.page.situation import Situation

_NONE = "No resource that was listed is without protection."
_NO_INVENTORY = "Nothing of an inventory is loaded: set 'inventory = true' for a source."
_RECENT = "Every resource of the log has a backup that is recent enough."

OF_UNPROTECTED = (
    Column("resource_type", "Type"),
    Column("why", "Why"),
    Column("since", "Since", "moment"),
    Column("days", "Days", "count"),
    Column("tags", "Tags"),
    VAULT,
    Column("policy_name", "Policy"),
    Column("last_backup_at", "Last backup", "moment"),
    Column("enterprise_project_id", "Enterprise project", "code"),
    SOURCE,
    RESOURCE_ID,
)
"""What is said of a resource without protection, beside its name."""


def unprotected(situation: Situation, query: dict[str, str]) -> Page:
    """Resources without protection, and how much of all there is has it."""
    filters = read_filters(query)
    listed = situation.table(
        "unprotected",
        "Not protected",
        situation.run("unprotected", filters.sql()),
        RESOURCE,
        *OF_UNPROTECTED,
    )
    counts = ("resources", "enrolled", "with_recovery_point", "within_rpo", "unprotected")
    estate_columns = (
        Column("value", "Type"),
        *(Column(name, name.replace("_", " ").capitalize(), "count") for name in counts),
        Column("protected_rate", "Protected", "percent"),
        SOURCE,
    )
    list_columns = (
        Column("kind", "List"),
        Column("object_type", "Type"),
        Column("state", "State"),
        Column("reason", "Why it is not complete"),
        Column("complete_at", "Complete as of", "moment"),
        SOURCE,
    )
    estate = situation.listed("estate", "Of all there are", filters.sql(), estate_columns, _NO_INVENTORY)
    lists = situation.listed("inventory", "What was read", filters.sql(), list_columns, _NO_INVENTORY)
    sections = (
        paged(listed, filters, "/unprotected", _NONE if lists.rows else _NO_INVENTORY),
        _too_old(situation, filters),
        estate,
        lists,
    )
    return Page("Not protected", "page.html.j2", sections, filters, OF_RESOURCES, "/unprotected")


def _too_old(situation: Situation, filters: Filters) -> Section:
    """Resources of the log that have no backup, or one that is too old."""
    columns = (
        RESOURCE,
        Column("resource_type", "Type"),
        Column("last_rp_usable_at", "Newest backup", "moment"),
        Column("age_hours", "Age", "hours"),
        Column("rpo_hours", "Allowed", "hours"),
        Column("last_attempt_at", "Last tried", "moment"),
        Column("strikes", "Failed in a row", "count"),
        Column("first_failed_at", "Failing since", "moment"),
        CODE,
        Column("text_en", "What the vendor says", "code"),
        VAULT,
        SOURCE,
        RESOURCE_ID,
    )
    first_rows = "The {shown} longest without a backup, of {total:,}."
    return situation.listed(
        "too_old", "Backups too old, or none", filters.sql(), columns, _RECENT, first_rows
    )
