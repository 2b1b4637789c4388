"""Invariants of every estate, for any size, length, seed and present."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

from hypothesis import example, given, note, settings
from hypothesis import strategies as st

from cbr_emulator.estate.generate import Estate, generate_estate
from cbr_emulator.estate.task import Task

PRESENTS = st.floats(0, 12 * 365).map(lambda days: datetime(2019, 1, 1, tzinfo=UTC) + timedelta(days=days))


@dataclass(frozen=True)
class Case:
    """Arguments of an estate; small, so that a failure is readable. Hypothesis prints only what is noted."""

    tasks: int
    days: int
    seed: int
    now: datetime

    def generate_estate(self) -> Estate:
        note(repr(self))
        return generate_estate(self.tasks, self.days, self.seed, self.now)


CASES = st.builds(Case, st.integers(1, 1500), st.integers(1, 60), st.integers(0, 10**6), PRESENTS)
EXAMPLES = settings(max_examples=25)


def of_resources(tasks: tuple[Task, ...], kind: str | None = None) -> dict[str, list[Task]]:
    found: dict[str, list[Task]] = defaultdict(list)
    for task in tasks:
        if task.resource is not None and kind in {None, task.operation_type}:
            found[task.resource["id"]].append(task)
    return found


def points(tasks: tuple[Task, ...]) -> dict[str, Task]:
    return {
        task.blocks["backup"]["backup_id"]: task
        for task in tasks
        if task.operation_type == "backup" and task.outcome == "success"
    }


@EXAMPLES
@example(
    Case(615, 1, 3747, datetime(2019, 7, 13, 2, 53, 37, 534779, tzinfo=UTC))
)  # a weekly policy runs daily
@example(
    Case(103, 45, 342916, datetime(2022, 2, 26, 6, 27, 57, 278107, tzinfo=UTC))
)  # more deletions than backups
@example(Case(1497, 1, 0, datetime(2019, 1, 2, 22, 7, 30, tzinfo=UTC)))  # deletions before the first day
@example(Case(22, 2, 226204, datetime(2025, 8, 2, 10, 47, 5, 294865, tzinfo=UTC)))
@given(CASES)
def test_it_has_the_size_and_the_days_asked_for(case: Case) -> None:
    estate, tasks, days, now = case.generate_estate(), case.tasks, case.days, case.now
    created = [task.created_at for task in estate.tasks]
    assert created == sorted(created)
    assert created[0] >= now - timedelta(days=days)
    assert created[-1] < now + timedelta(days=5)
    assert tasks <= sum(at < now for at in created) <= tasks + max(8, tasks / 50)


@EXAMPLES
@given(CASES)
def test_ids_are_uuids_and_no_two_are_the_same(case: Case) -> None:
    estate = case.generate_estate()
    ids = [task.id for task in estate.tasks]
    ids += [
        task.blocks["backup"]["backup_id"]
        for task in estate.tasks
        if task.operation_type == "backup" and task.blocks
    ]
    assert len(set(ids)) == len(ids)
    assert all(str(UUID(one)) == one and UUID(one).version == 4 for one in ids)


@EXAMPLES
@given(CASES)
def test_nothing_ends_before_it_starts(case: Case) -> None:
    for task in case.generate_estate().tasks:
        if task.ended_at is not None:
            assert task.ended_at >= (task.started_at or task.created_at)
        if task.started_at is not None:
            assert task.started_at >= task.created_at - timedelta(seconds=1)


@EXAMPLES
@given(CASES)
def test_one_task_of_a_resource_is_open_at_most(case: Case) -> None:
    estate, now = case.generate_estate(), case.now
    for tasks in of_resources(estate.tasks).values():
        is_open = [
            task for task in tasks if task.created_at <= now and (not task.ended_at or task.ended_at > now)
        ]
        assert len(is_open) <= 1


@EXAMPLES
@given(CASES)
# The policy runs less than two seconds before the end of the estate, and starts its backups after it.
@example(Case(1000, 2, 0, datetime(2019, 1, 1, 0, 0, 0, 864000, UTC)))
def test_a_resource_is_backed_up_once_at_a_time(case: Case) -> None:
    for tasks in of_resources(case.generate_estate().tasks, "backup").values():
        for before, after in pairwise(task for task in tasks if task.outcome != "skipped"):
            assert before.ended_at is not None
            assert before.ended_at <= after.created_at


@EXAMPLES
@given(CASES)
def test_a_resource_that_is_new_is_first_backed_up_in_full(case: Case) -> None:
    """A resource without an episode of its enrolment is older than the estate, and so is its full backup."""
    estate = case.generate_estate()
    enrolled = {one.about: one for one in estate.episodes if one.kind == "enrolment"}
    backups = of_resources(estate.tasks, "backup")
    for resource_id, one in enrolled.items():
        done = [task for task in backups[resource_id] if task.blocks]
        assert all(task.created_at >= one.begins_at for task in done)
        assert [task.id for task in done[:1]] == list(one.tasks)
        for task in done:
            if task.outcome == "success":
                assert task.blocks["backup"]["incremental"] is False
                break


@EXAMPLES
@given(CASES)
def test_a_copy_starts_when_its_backup_can_be_used(case: Case) -> None:
    estate = case.generate_estate()
    made = points(estate.tasks)
    tries: dict[str, list[Task]] = defaultdict(list)
    for task in estate.tasks:
        if task.operation_type == "replication":
            source = made[task.blocks["replication"]["source_backup_id"]]
            assert source.ended_at is not None
            assert task.created_at >= source.ended_at
            assert task.resource == source.resource or task.resource["id"] == source.resource["id"]  # type: ignore[index]  # both have one
            tries[task.blocks["replication"]["source_backup_id"]].append(task)
    for copied in tries.values():
        assert len(copied) <= 4
        assert all(task.outcome == "failed" for task in copied[:-1])


@EXAMPLES
@given(CASES)
def test_what_is_deleted_or_restored_was_there(case: Case) -> None:
    """A backup that no task made is older than the estate: only its age can be judged, by its name."""
    estate, days, now = case.generate_estate(), case.days, case.now
    made = points(estate.tasks)
    deleted: dict[str, datetime] = {}
    for task in estate.tasks:
        if task.operation_type not in {"delete", "restore"}:
            continue
        block = task.blocks[task.operation_type]
        source = made.get(block["backup_id"])
        if source is None:
            at = datetime.strptime(block["backup_name"].rsplit("_", 1)[1], "%Y%m%d%H%M").replace(tzinfo=UTC)
            assert at <= now - timedelta(days=days)
        else:
            assert source.ended_at is not None
            assert task.created_at > source.ended_at
            assert task.vault_id == source.vault_id
        assert block["backup_id"] not in deleted
        if task.operation_type == "delete" and task.outcome == "success":
            deleted[block["backup_id"]] = task.created_at


@EXAMPLES
@given(CASES)
def test_episodes_name_tasks_of_what_they_are_about(case: Case) -> None:
    estate = case.generate_estate()
    by_id = {task.id: task for task in estate.tasks}
    resources = set(of_resources(estate.tasks)) | {
        one.about for one in estate.episodes if one.kind == "enrolment"
    }
    for one in estate.episodes:
        assert one.begins_at <= one.ends_at
        if one.kind == "incident":
            assert one.tasks
            continue
        if one.kind in {"vault_full", "mass_delete", "policy_edit", "clock_change"}:
            assert {by_id[i].vault_id for i in one.tasks} == {one.about}
            continue
        assert one.about in resources or one.kind == "removal"
        for task in (by_id[i] for i in one.tasks):
            if task.resource is not None:
                assert task.resource["id"] == one.about
            assert one.kind == "removal" or task.operation_type in {"backup", "replication"}


@EXAMPLES
@given(CASES)
def test_it_follows_from_its_arguments_alone(case: Case) -> None:
    assert case.generate_estate() == case.generate_estate()
