"""The page of what is not protected, by the inventory."""

from dataclasses import replace

from cbr_warehouse.page.columns import Column, to_resource, to_vault
from cbr_warehouse.page.parameters import read_filters
from cbr_warehouse.page.parts import Page, pager_of
from cbr_warehouse.page.situation import Situation

_FIELDS = ("source", "vault", "policy", "type", "resource")

_NONE = "No resource that was listed is without protection."


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
    empty = "Nothing of an inventory is loaded: set 'inventory = true' for a source."
    sections = (
        replace(listed, pager=pager_of(listed.result, filters, "/unprotected"), empty=_NONE),
        replace(estate, empty=empty),
        replace(lists, empty=empty),
    )
    return Page("Not protected", "page.html.j2", sections, filters, _FIELDS, "/unprotected")
