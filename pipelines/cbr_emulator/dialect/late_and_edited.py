"""What makes a source hard to follow: tasks that appear late, and tasks that change after their end.

That tasks start, progress, end and expire needs nothing of this: it follows from the clock.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cbr_emulator.dialect.settings import Dialect
from cbr_emulator.estate.episodes import Episode
from cbr_emulator.estate.task import Task
from cbr_emulator.seeded_random import chance

EDITED_WITHIN = timedelta(hours=48)
LATE_TASK = "late_task"
LATE_EDIT = "late_edit"
EPISODES = {
    LATE_TASK: (
        "A task that appeared after its created_at: from then until it appeared; that task; its resource, or "
        "else its vault. It is told as soon as it was created, although nothing serves it yet."
    ),
    LATE_EDIT: (
        "A task that changed after its end: from its end until it changed; that task; the field that changed."
    ),
}
"""Kinds of episodes that come from here: when, which tasks, what they are about."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of a task after its end.

    Attributes:
        at: When it changes.
        field: What changes: vault_name, resource_name or checkpoint_id.
        is_dated: Whether updated_at moves with it.
    """

    at: datetime
    field: str
    is_dated: bool

    def apply(self, task: Task) -> Task:
        """The task as it is afterwards."""
        if self.field == "checkpoint_id":
            return replace(task, checkpoint_id=None)
        if self.field == "resource_name" and task.resource is not None:
            return replace(task, resource={**task.resource, "name": f"{task.resource['name']}-renamed"})
        return replace(task, vault_name=f"{task.vault_name}-renamed")


@dataclass(frozen=True)
class Living:
    """Decides for each task when it appears and whether it changes after its end.

    Attributes:
        dialect: Which share of them, by how much.
        seed: Decides which.
    """

    dialect: Dialect
    seed: int

    def appears_at(self, task: Task) -> datetime:
        """When a task is served for the first time."""
        if chance(self.seed, "late", task.id) >= self.dialect.late:
            return task.created_at
        return task.created_at + self.dialect.late_by * (1 - chance(self.seed, "late by", task.id))

    def edit_of(self, task: Task) -> Edit | None:
        """How a task changes after its end; None where it does not."""
        if task.ended_at is None or chance(self.seed, "edited", task.id) >= self.dialect.edited:
            return None
        at = task.ended_at + EDITED_WITHIN * (0.01 + 0.98 * chance(self.seed, "edited after", task.id))
        fields = ["vault_name"]
        if task.resource is not None:
            fields.append("resource_name")
        if task.checkpoint_id is not None:
            fields.append("checkpoint_id")
        field = fields[int(chance(self.seed, "field", task.id) * len(fields))]
        return Edit(at, field, self.dialect.edits == "dated")

    def episodes(self, tasks: Sequence[Task]) -> Iterator[Episode]:
        """What is made to happen to tasks."""
        if not self.dialect.late and not self.dialect.edited:
            return
        for task in tasks:
            appears_at, edit = self.appears_at(task), self.edit_of(task)
            if appears_at > task.created_at:
                about = task.resource["id"] if task.resource else task.vault_id or ""
                yield Episode(LATE_TASK, task.created_at, appears_at, (task.id,), about)
            if edit is not None and task.ended_at is not None:
                yield Episode(LATE_EDIT, task.ended_at, edit.at, (task.id,), edit.field)
