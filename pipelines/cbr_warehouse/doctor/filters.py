"""How names are filtered, exactly or by part, and whether a list without a provider leaves some out."""

from collections.abc import Iterator, Sequence

from cbr_warehouse.contract.api_facts import PROVIDERS
from cbr_warehouse.doctor.finding import Evidence, Finding
from cbr_warehouse.doctor.probe import Probe, Reply
from cbr_warehouse.doctor.rows import Row
from cbr_warehouse.source.query import TaskQuery

SHORTEST_NAME = 4
SHOWN_BY_DEFAULT = PROVIDERS[:2]
"""Providers that one version of the documents made the default of the filter: servers and disks."""

NAMES = "names in filters"
LEFT_OUT = "providers left out of lists"


def find_names(questions: Probe, rows: Sequence[Row]) -> Finding:
    """Finds out whether vault_name and resource_name must be equal or only contained."""
    chosen = next(_named(rows), None)
    if chosen is None:
        return Finding(NAMES, None, f"No task was seen with a name of {SHORTEST_NAME} letters or more.")
    field, name = chosen
    evidence = []
    for part, word in ((name[1:-1], "fuzzy"), (name[:-1], "fuzzy from the beginning")):
        reply = questions.ask_some(_by_name(field, part), 10)
        others = sorted({_name_of(row, field) or "none" for row in reply.rows})
        evidence.append(reply.told(f"names: {', '.join(others)}" if others else ""))
        if any(part not in other for other in others):
            return Finding(NAMES, "ignored", f"Tasks come whose {field} does not have it.", tuple(evidence))
        if any(part != other for other in others):
            return Finding(NAMES, word, f"A part of a {field} finds tasks.", tuple(evidence))
    whole = questions.ask_some(_by_name(field, name), 10)
    evidence.append(whole.told())
    if whole.received:
        return Finding(NAMES, "exact", f"Only the whole {field} finds tasks.", tuple(evidence))
    return Finding(NAMES, None, f"Not even the whole {field} of a task finds it.", tuple(evidence))


def find_left_out(questions: Probe, rows: Sequence[Row]) -> Finding:
    """Finds out whether tasks of some providers come only when their provider is asked for."""
    evidence: list[Evidence] = []
    there: list[str] = []
    left_out: list[str] = []
    unsure: list[str] = []
    for provider in PROVIDERS:
        reply = questions.ask_some(TaskQuery(provider_id=provider), 10)
        evidence.append(reply.told())
        if not reply.rows:
            continue
        there.append(provider)
        if any(row.text("provider_id") == provider for row in rows):
            continue
        is_left_out = _is_left_out(questions, reply.rows[0], evidence)
        (unsure if is_left_out is None else left_out if is_left_out else []).append(provider)
    if left_out:
        said = "Their tasks come only when asked for by provider_id."
        return Finding(LEFT_OUT, f"left out: {', '.join(left_out)}", said, tuple(evidence))
    if unsure:
        said = f"Tasks of {', '.join(unsure)} exist, and what would show them in a list was too much to read."
        return Finding(LEFT_OUT, None, said, tuple(evidence))
    if set(there) <= set(SHOWN_BY_DEFAULT):
        said = "No task of another provider exists than servers and disks, which any list has."
        return Finding(LEFT_OUT, None, said, tuple(evidence))
    said = f"Lists without the filter have the tasks of all {len(there)} known providers that have any."
    return Finding(LEFT_OUT, "none", said, tuple(evidence))


def _is_left_out(questions: Probe, row: Row, evidence: list[Evidence]) -> bool | None:
    """Whether a task is absent from the list of its own vault or resource; None where that is too long."""
    narrow = TaskQuery(
        vault_id=row.text("vault_id"),
        resource_id=row.text("extra_info", "resource", "id"),
        status=row.text("status"),
        operation_type=row.text("operation_type"),
    )
    reply: Reply = questions.ask(narrow, questions.most_rows)
    evidence.append(reply.told(f"{'with' if reply.has(row) else 'without'} task {row.id}"))
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
