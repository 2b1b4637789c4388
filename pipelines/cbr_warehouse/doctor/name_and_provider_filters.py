"""How names are filtered (whole or by a part), and which providers a list without that filter leaves out."""

from collections.abc import Iterator, Sequence

from cbr_warehouse.contract.api_facts import PROVIDERS
from cbr_warehouse.doctor.finding import Evidence, Finding
from cbr_warehouse.doctor.observed_tasks import Row
from cbr_warehouse.doctor.probe import Probe, Reply
from cbr_warehouse.source.query import TaskQuery

SHORTEST_NAME = 4
SHOWN_BY_DEFAULT = PROVIDERS[:2]
"""The filter's default in one version of the documents: servers and disks."""

NAMES = "names in filters"
LEFT_OUT = "providers left out of lists"


def find_names(probe: Probe, rows: Sequence[Row]) -> Finding:
    """Finds out whether vault_name and resource_name match whole names or parts of them."""
    chosen = next(_named(rows), None)
    if chosen is None:
        return Finding(NAMES, None, f"No task seen has a name of {SHORTEST_NAME} letters or more.")
    field, name = chosen
    evidence = []
    for part, word in ((name[1:-1], "fuzzy"), (name[:-1], "fuzzy from the beginning")):
        reply = probe.ask_first(_by_name(field, part), 10)
        others = sorted({_name_of(row, field) or "none" for row in reply.rows})
        evidence.append(reply.evidence(f"names: {', '.join(others)}" if others else ""))
        if any(part not in other for other in others):
            return Finding(
                NAMES,
                "ignored",
                f"The response has tasks whose {field} does not contain it.",
                tuple(evidence),
            )
        if any(part != other for other in others):
            return Finding(NAMES, word, f"A part of a {field} finds tasks.", tuple(evidence))
    whole = probe.ask_first(_by_name(field, name), 10)
    evidence.append(whole.evidence())
    if whole.received:
        return Finding(NAMES, "exact", f"Only the whole {field} finds tasks.", tuple(evidence))
    return Finding(NAMES, None, f"Not even the whole {field} of a task finds it.", tuple(evidence))


def find_left_out(probe: Probe, rows: Sequence[Row]) -> Finding:
    """Finds out whether tasks of some providers are listed only if their provider is in the filter."""
    evidence: list[Evidence] = []
    present: list[str] = []
    left_out: list[str] = []
    unclear: list[str] = []
    for provider in PROVIDERS:
        reply = probe.ask_first(TaskQuery(provider_id=provider), 10)
        evidence.append(reply.evidence())
        if not reply.rows:
            continue
        present.append(provider)
        if any(row.text("provider_id") == provider for row in rows):
            continue
        is_left_out = _is_left_out(probe, reply.rows[0], evidence)
        (unclear if is_left_out is None else left_out if is_left_out else []).append(provider)
    if left_out:
        said = "Their tasks are listed only with the filter provider_id."
        return Finding(LEFT_OUT, f"left out: {', '.join(left_out)}", said, tuple(evidence))
    if unclear:
        said = (
            f"Tasks of {', '.join(unclear)} exist, but the list that would contain them is too long to read."
        )
        return Finding(LEFT_OUT, None, said, tuple(evidence))
    if set(present) <= set(SHOWN_BY_DEFAULT):
        said = "Only tasks of servers and disks exist, which every list contains."
        return Finding(LEFT_OUT, None, said, tuple(evidence))
    said = f"Lists without the filter contain tasks of all {len(present)} known providers that have any."
    return Finding(LEFT_OUT, "none", said, tuple(evidence))


def _is_left_out(probe: Probe, row: Row, evidence: list[Evidence]) -> bool | None:
    """Whether a task is missing from the list of its own vault or resource.

    A list narrowed that far fits on one page, so that a task that is not on it is not listed at all.
    None where it does not fit, and the task's absence proves nothing.
    """
    narrow = TaskQuery(
        vault_id=row.text("vault_id"),
        resource_id=row.text("extra_info", "resource", "id"),
        status=row.text("status"),
        operation_type=row.text("operation_type"),
    )
    reply: Reply = probe.ask(narrow, probe.max_rows)
    evidence.append(reply.evidence(f"{'with' if reply.has(row) else 'without'} task {row.id}"))
    if reply.has(row):
        return False
    return True if reply.is_whole else None


def _named(rows: Sequence[Row]) -> Iterator[tuple[str, str]]:
    for field in ("vault_name", "resource_name"):
        for row in rows:
            name = _name_of(row, field)
            if name is not None and len(name) >= SHORTEST_NAME:
                yield field, name


def _name_of(row: Row, field: str) -> str | None:
    if field == "vault_name":
        return row.text("vault_name")
    return row.text("extra_info", "resource", "name")


def _by_name(field: str, name: str) -> TaskQuery:
    return TaskQuery(vault_name=name) if field == "vault_name" else TaskQuery(resource_name=name)
