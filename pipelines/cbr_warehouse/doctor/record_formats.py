"""Formats in records: times, missing values, and the fields that documents describe in two ways.

Most of it is read from tasks seen so far; at most two requests are made.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cbr_warehouse.amounts import amount
from cbr_warehouse.doctor.finding import Evidence, Finding
from cbr_warehouse.doctor.observed_tasks import TIMES, Row
from cbr_warehouse.doctor.probe import Probe
from cbr_warehouse.source.query import TaskQuery

OPTIONAL_FIELDS = ("policy_id", "checkpoint_id", "vault_id", "vault_name", "started_at", "ended_at")
_KINDS = {bool: "boolean", str: "text", int: "number"}
_FORM = re.compile(r"[^.Z+-]*-\d\d-\d\d[T ][\d:]+(?:\.(\d+))?(.*)")


def find_time_form(rows: Sequence[Row]) -> Finding:
    """Finds out the format of times."""
    printed = [row.record[name] for row in rows for name in TIMES if isinstance(row.record.get(name), str)]
    forms = sorted({form for text in printed if (form := _form(text)) is not None})
    if not forms:
        return Finding("form of times", None, "The source has no task.")
    evidence = Evidence(f"{amount(len(rows), 'tasks')} seen", f"for example {printed[0]}")
    return Finding("form of times", " or ".join(forms), "A time without a zone is in UTC.", (evidence,))


def _form(text: str) -> str | None:
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    return f"{match[2] or 'no zone'}, {len(match[1] or '')} digits"


def find_absent_values(rows: Sequence[Row]) -> Finding:
    """Finds out whether a field without a value is null, an empty text or absent."""
    examples: dict[str, Evidence] = {}
    for row in rows:
        for key in OPTIONAL_FIELDS:
            form = _missing_form(row.record, key)
            if form is not None and form not in examples:
                examples[form] = Evidence(
                    f"{amount(len(rows), 'tasks')} seen", f"{key} of task {row.id} is {form}"
                )
    if not examples:
        said = f"Every task seen has {', '.join(OPTIONAL_FIELDS)}." if rows else "The source has no task."
        return Finding("fields without a value", None, said)
    verdict = " or ".join(sorted(examples))
    return Finding("fields without a value", verdict, f"They are {verdict}.", tuple(examples.values()))


def _missing_form(record: Mapping[str, Any], key: str) -> str | None:
    """How a field without a value looks; None where it has one."""
    if key not in record:
        return "absent"
    if record[key] is None:
        return "null"
    return "empty text" if record[key] == "" else None


def find_incremental(probe: Probe, rows: Sequence[Row]) -> Finding:
    """Finds out whether extra_info.backup.incremental is a boolean or text."""
    name = "backup.incremental"
    blocks, evidence = _blocks(probe, rows, "backup")
    values = [block["incremental"] for block in blocks if block.get("incremental") is not None]
    if not values:
        return Finding(name, None, "No backup seen has the field.", evidence)
    kinds = sorted({_kind(value) for value in values})
    shown = Evidence(f"{len(values):,} backups seen", f"for example {values[0]!r}")
    return Finding(name, " or ".join(kinds), f"It is {' or '.join(kinds)}.", (*evidence, shown))


def _kind(value: Any) -> str:
    if isinstance(value, str) and value.startswith('"'):
        return "text in quotes of its own"
    return _KINDS.get(type(value), "something else")


def find_counters(probe: Probe, rows: Sequence[Row]) -> Finding:
    """Finds out the names of the counters of extra_info.vault_delete."""
    name = "counters of vault_delete"
    blocks, evidence = _blocks(probe, rows, "vault_delete")
    found = sorted({key for block in blocks for key in block if key.endswith("_count")})
    if not found:
        return Finding(name, None, "No deletion of a vault seen has counters.", evidence)
    shown = Evidence(f"{len(blocks):,} deletions of vaults seen", f"for example {dict(blocks[0])}")
    return Finding(name, ", ".join(found), "These are their names.", (*evidence, shown))


def _blocks(
    probe: Probe, rows: Iterable[Row], kind: str
) -> tuple[list[Mapping[str, Any]], tuple[Evidence, ...]]:
    """The blocks of extra_info named like a type of task: of tasks seen, or else of some requested."""
    found = _of(rows, kind)
    if found:
        return found, ()
    reply = probe.ask_first(TaskQuery(operation_type=kind), 10)
    return _of(reply.rows, kind), (reply.evidence(),)


def _of(rows: Iterable[Row], kind: str) -> list[Mapping[str, Any]]:
    extras = [row.record.get("extra_info") for row in rows]
    blocks = [extra.get(kind) for extra in extras if isinstance(extra, Mapping)]
    return [block for block in blocks if isinstance(block, Mapping)]
