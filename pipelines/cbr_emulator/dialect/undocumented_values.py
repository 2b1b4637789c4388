"""Undocumented statuses, operation types and resource types, to test readers that expect only known values.

The affected tasks are selected by id and seed, so a task keeps its value for its whole life. Filters,
lists and the truth use the changed values. Tasks named by episodes keep their documented values, because
the episodes are found by those.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from cbr_emulator.dialect.settings import Dialect
from cbr_emulator.estate.generate import Estate
from cbr_emulator.estate.task import PARTIAL_SUCCESS, Task
from cbr_emulator.seeded_random import seeded_fraction

SHARE = 0.1
"""Share of tasks, or of resources, that get an undocumented value."""

CANCELLED = "cancelled"
WAITING = "queued"
OPERATION_TYPES = ("archive", "verify")
RESOURCE_TYPES = ("OS::Dws::Cluster", "OS::Cce::Volume")
UNDOCUMENTED = "undocumented"


def with_undocumented(estate: Estate, dialect: Dialect, seed: int) -> Estate:
    """Returns the estate with undocumented values where the dialect enables them.

    Args:
        estate: The estate with documented values only.
        dialect: Enables statuses, operation types and resource types separately.
        seed: Selects the tasks and their values.
    """
    if UNDOCUMENTED not in {dialect.statuses, dialect.operation_types, dialect.resource_types}:
        return estate
    named = {task_id for one in estate.episodes for task_id in one.tasks}
    varied = (
        _with_undocumented_values(task, dialect, seed, is_named=task.id in named) for task in estate.tasks
    )
    return replace(estate, tasks=tuple(varied))


def _with_undocumented_values(task: Task, dialect: Dialect, seed: int, *, is_named: bool) -> Task:
    if dialect.resource_types == UNDOCUMENTED:
        task = _with_resource_types(task, seed)
    if is_named:
        return task
    if dialect.statuses == UNDOCUMENTED and _is_chosen(seed, "status", task.id):
        outcome = PARTIAL_SUCCESS if task.outcome == "success" else CANCELLED
        task = replace(task, outcome=outcome, initial_status=WAITING)
    if dialect.operation_types == UNDOCUMENTED and _is_chosen(seed, "operation type", task.id):
        task = replace(task, operation_type=_one_of(OPERATION_TYPES, seed, "operation type", task.id))
    return task


def _with_resource_types(task: Task, seed: int) -> Task:
    blocks = task.blocks
    if "remove_resources" in blocks:
        block = blocks["remove_resources"]
        removed = [_retyped(resource, seed) for resource in block["resources"]]
        blocks = {**blocks, "remove_resources": {**block, "resources": removed}}
    resource = None if task.resource is None else _retyped(task.resource, seed)
    return replace(task, resource=resource, blocks=blocks)


def _retyped(resource: dict[str, Any], seed: int) -> dict[str, Any]:
    if not _is_chosen(seed, "resource type", resource["id"]):
        return resource
    return {**resource, "type": _one_of(RESOURCE_TYPES, seed, "resource type", resource["id"])}


def _is_chosen(seed: int, what: str, name: str) -> bool:
    return seeded_fraction(seed, "undocumented", what, name) < SHARE


def _one_of(values: Sequence[str], seed: int, what: str, name: str) -> str:
    return values[int(seeded_fraction(seed, "which", what, name) * len(values))]
