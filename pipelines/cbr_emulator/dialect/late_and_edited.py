"""Tasks that appear late and tasks that change after their end.

The normal life cycle of a task (start, progress, end, expiry) follows from the clock and is in
``estate.task``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cbr_emulator.dialect.settings import Dialect
from cbr_emulator.estate.episodes import Episode
from cbr_emulator.estate.task import Task
from cbr_emulator.seeded_random import seeded_fraction

EDIT_WITHIN = timedelta(hours=48)
LATE_TASK = "late_task"
LATE_EDIT = "late_edit"
EPISODES = {
    LATE_TASK: (
        "A task that appears later than its created_at. From created_at until it appears; the task; its "
        "resource, or its vault. Listed from created_at on, before the API returns the task."
    ),
    LATE_EDIT: (
        "A task that changes after its end. From its end until the change; the task; the changed field."
    ),
}
"""Kinds of episodes created here, with their time span, tasks and subject."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of a task after its end.

    Attributes:
        at: When the task changes.
        field: What changes: vault_name, resource_name or checkpoint_id.
        is_dated: Whether updated_at changes as well.
    """

    at: datetime
    field: str
    is_dated: bool

    def apply(self, task: Task) -> Task:
        """Returns the task after the change."""
        if self.field == "checkpoint_id":
            return replace(task, checkpoint_id=None)
        if self.field == "resource_name" and task.resource is not None:
            return replace(task, resource={**task.resource, "name": f"{task.resource['name']}-renamed"})
        return replace(task, vault_name=f"{task.vault_name}-renamed")


@dataclass(frozen=True)
class TaskChanges:
    """Decides for each task when it appears and whether it changes after its end.

    Attributes:
        dialect: The share of late and edited tasks, and the maximum delay.
        seed: Selects the tasks.
    """

    dialect: Dialect
    seed: int

    def appears_at(self, task: Task) -> datetime:
        """When a task is first returned by the API."""
        if seeded_fraction(self.seed, "late", task.id) >= self.dialect.late:
            return task.created_at
        return task.created_at + self.dialect.late_by * (1 - seeded_fraction(self.seed, "late by", task.id))

    def edit_of(self, task: Task) -> Edit | None:
        """The change of a task after its end; None for most tasks."""
        if task.ended_at is None or seeded_fraction(self.seed, "edited", task.id) >= self.dialect.edited:
            return None
        at = task.ended_at + EDIT_WITHIN * (0.01 + 0.98 * seeded_fraction(self.seed, "edited after", task.id))
        fields = ["vault_name"]
        if task.resource is not None:
            fields.append("resource_name")
        if task.checkpoint_id is not None:
            fields.append("checkpoint_id")
        field = fields[int(seeded_fraction(self.seed, "field", task.id) * len(fields))]
        return Edit(at, field, self.dialect.edits == "dated")

    def episodes(self, tasks: Sequence[Task]) -> Iterator[Episode]:
        """Episodes of all late and edited tasks."""
        if not self.dialect.late and not self.dialect.edited:
            return
        for task in tasks:
            appears_at, edit = self.appears_at(task), self.edit_of(task)
            if appears_at > task.created_at:
                about = task.resource["id"] if task.resource else task.vault_id or ""
                yield Episode(LATE_TASK, task.created_at, appears_at, (task.id,), about)
            if edit is not None and task.ended_at is not None:
                yield Episode(LATE_EDIT, task.ended_at, edit.at, (task.id,), edit.field)
