"""The page of what is not protected: by the inventory, and by the age of the backups in the log."""

from dataclasses import replace

from cbr_warehouse.page.columns import Column, to_code, to_resource, to_vault
from cbr_warehouse.page.parameters import Filters, read_filters
from cbr_warehouse.page.parts import Page, Section, pager_of
from cbr_warehouse.page.situation import Situation

_FIELDS = ("source", "vault", "policy", "type", "resource")

_NONE = "No resource that was listed is without protection."
_NO_INVENTORY = "Nothing of an inventory is loaded: set 'inventory = true' for a source."
_RECENT = "Every resource of the log has a backup that is recent enough."


def unprotected(situation: Situation, query: dict[str, str]) -> Page:
    """Resources without protection, and how much of all there is has it."""
    filters = read_filters(query)
    listed = situation.table(
        "unprotected",
        "Not protected",
        situation.run("unprotected", filters.sql()),
        Column("resource_name", "Resource", "text", to_resource),
        Column("resource_type", "Type"),
        Column("why", "Why"),
        Column("since", "Since", "moment"),
        Column("days", "Days", "count"),
        Column("tags", "Tags"),
        Column("vault_name", "Vault", "text", to_vault),
        Column("policy_name", "Policy"),
        Column("last_backup_at", "Last backup", "moment"),
        Column("enterprise_project_id", "Enterprise project", "code"),
        Column("source", "Source"),
        Column("resource_id", "Id", "code"),
    )
    counts = ("resources", "enrolled", "with_recovery_point", "within_rpo", "unprotected")
    estate = situation.table(
        "estate",
        "Of all there are",
        situation.run("estate", filters.sql()),
        Column("value", "Type"),
        *(Column(name, name.replace("_", " ").capitalize(), "count") for name in counts),
        Column("protected_rate", "Protected", "percent"),
        Column("source", "Source"),
    )
    lists = situation.table(
        "inventory",
        "What was read",
        situation.run("inventory", filters.sql()),
        Column("kind", "List"),
        Column("object_type", "Type"),
        Column("state", "State"),
        Column("reason", "Why it is not complete"),
        Column("complete_at", "Complete as of", "moment"),
        Column("source", "Source"),
    )
    sections = (
        replace(
            listed,
            pager=pager_of(listed.result, filters, "/unprotected"),
            empty=_NONE if lists.rows else _NO_INVENTORY,
        ),
        _too_old(situation, filters),
        replace(estate, empty=_NO_INVENTORY),
        replace(lists, empty=_NO_INVENTORY),
    )
    return Page("Not protected", "page.html.j2", sections, filters, _FIELDS, "/unprotected")


def _too_old(situation: Situation, filters: Filters) -> Section:
    """Resources of the log that have no backup, or one that is too old."""
    result = situation.run("too_old", filters.sql() | {"offset": 0})
    total = result.rows[0]["total"] if result.rows else 0
    section = situation.table(
        "too_old",
        "Backups too old, or none",
        result,
        Column("resource_name", "Resource", "text", to_resource),
        Column("resource_type", "Type"),
        Column("last_rp_usable_at", "Newest backup", "moment"),
        Column("age_hours", "Age", "hours"),
        Column("rpo_hours", "Allowed", "hours"),
        Column("last_attempt_at", "Last tried", "moment"),
        Column("strikes", "Failed in a row", "count"),
        Column("first_failed_at", "Failing since", "moment"),
        Column("error_code", "Error code", "code", to_code),
        Column("text_en", "What the vendor says", "code"),
        Column("vault_name", "Vault", "text", to_vault),
        Column("source", "Source"),
        Column("resource_id", "Id", "code"),
    )
    note = (
        f"The {len(result.rows)} longest without a backup, of {total:,}." if total > len(result.rows) else ""
    )
    return replace(section, empty=_RECENT, note=note)
