"""Which alarms are right: compares the alarms of an estate with what was made to happen in it.

An event has a subject (a vault or a resource) and a time. It is found if an alarm is about its subject at
that time. An alarm that matches no event is false. Events that are smaller than what an alarm is to find need
not be found, and an alarm that matches only such events is neither true nor false.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cbr_emulator.estate.episodes import Episode
from cbr_emulator.estate.generate import Estate
from cbr_emulator.estate.task import Task

ALARMS = (
    "mass_deletion",
    "backups_stopped",
    "retention_shortened",
    "policy_edited",
    "duration_jump",
    "strike",
)
"""The alarms: each is a view of that name."""

STRIKES = 3
MANY_DELETIONS = 20
"""From how many failures in a row, or deletions, on an event must be found: the defaults of the settings."""

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Alarm:
    """An alarm that was raised.

    Attributes:
        name: Its name.
        vault_id: The vault that it names; None if it names none.
        resources: The resources that it names, if it is about resources.
        began_at: Begin of the time it is about.
        ended_at: End of it.
    """

    name: str
    vault_id: str | None
    resources: frozenset[str]
    began_at: datetime
    ended_at: datetime

    @property
    def subjects(self) -> frozenset[str | None]:
        """Ids of all that it names."""
        return self.resources | {self.vault_id}


@dataclass(frozen=True)
class Event:
    """Something that was made to happen.

    Attributes:
        about: Id of the vault or resource; None for all of the estate.
        begins_at: From when on an alarm about it is right.
        ends_at: Until when.
        is_required: Whether an alarm must find it.
    """

    about: str | None
    begins_at: datetime
    ends_at: datetime
    is_required: bool = True

    def matches(self, alarm: Alarm) -> bool:
        """Whether an alarm is about this event."""
        is_same = self.about is None or self.about in alarm.subjects
        return is_same and alarm.began_at <= self.ends_at and self.begins_at <= alarm.ended_at


@dataclass(frozen=True)
class Score:
    """How the alarms of one name did.

    Attributes:
        events: Events that had to be found.
        found: Those of them that were.
        true: Alarms that match such an event.
        lesser: Alarms that match only smaller events.
        false: Alarms that match none.
    """

    events: int = 0
    found: int = 0
    true: int = 0
    lesser: int = 0
    false: int = 0


def score(events: Sequence[Event], alarms: Sequence[Alarm]) -> Score:
    """Counts what was found and what was false."""
    required = [event for event in events if event.is_required]
    true = {alarm for alarm in alarms if any(event.matches(alarm) for event in required)}
    lesser = {alarm for alarm in alarms if any(event.matches(alarm) for event in events)} - true
    found = sum(any(event.matches(alarm) for alarm in alarms) for event in required)
    return Score(len(required), found, len(true), len(lesser), len({*alarms}) - len(true) - len(lesser))


def events_of(estate: Estate, now: datetime) -> Mapping[str, list[Event]]:
    """What was made to happen in an estate before the present, for each alarm."""
    tasks = {task.id: task for task in estate.tasks if task.created_at < now}
    of_kind: dict[str, list[Episode]] = defaultdict(list)
    for episode in estate.episodes:
        if episode.begins_at < now:
            of_kind[episode.kind].append(episode)
    return {name: list(_EVENTS[name](of_kind, tasks)) for name in ALARMS}


_Episodes = Mapping[str, list[Episode]]
_Tasks = Mapping[str, Task]


def _mass_deletions(episodes: _Episodes, tasks: _Tasks) -> Iterator[Event]:
    for one in episodes.get("mass_delete", ()):
        is_many = sum(task_id in tasks for task_id in one.tasks) >= MANY_DELETIONS
        yield Event(one.about, one.begins_at, one.ends_at, is_many)
    for one in episodes.get("retention_shortened", ()):  # deletes many backups too
        yield Event(one.about, one.begins_at, one.ends_at, is_required=False)


def _stops(episodes: _Episodes, tasks: _Tasks) -> Iterator[Event]:
    del tasks
    for one in episodes.get("backups_stopped", ()):
        yield Event(one.about, one.begins_at, one.ends_at)


def _retentions(episodes: _Episodes, tasks: _Tasks) -> Iterator[Event]:
    del tasks
    for one in episodes.get("retention_shortened", ()):
        yield Event(one.about, one.begins_at, one.ends_at + 5 * _DAY)


def _edits(episodes: _Episodes, tasks: _Tasks) -> Iterator[Event]:
    del tasks
    for one in episodes.get("policy_edit", ()):
        yield Event(one.about, one.begins_at, one.ends_at + 8 * _DAY)


def _jumps(episodes: _Episodes, tasks: _Tasks) -> Iterator[Event]:
    jumps = [one for one in episodes.get("duration_jump", ()) if _has_ended(tasks, one.tasks[0])]
    yield from (Event(one.about, one.begins_at - _DAY / 24, one.ends_at) for one in jumps)
    for one in episodes.get("slow_run", ()):
        is_of_jump = any(one.tasks[0] in jump.tasks for jump in jumps)
        if not is_of_jump and _has_ended(tasks, one.tasks[0]):
            yield Event(one.about, one.begins_at - _DAY / 24, one.ends_at)
    for one in episodes.get("incident", ()):  # slows down what it does not make fail
        yield Event(None, one.begins_at, one.ends_at, is_required=False)


def _has_ended(tasks: _Tasks, task_id: str) -> bool:
    return task_id in tasks and tasks[task_id].outcome == "success"


def _strikes(episodes: _Episodes, tasks: _Tasks) -> Iterator[Event]:
    for kind in ("failing_streak", "vault_full", "incident"):
        for one in episodes.get(kind, ()):
            for about, failed in _by_resource(tasks[i] for i in one.tasks if i in tasks).items():
                # During an incident some backups succeed, so failures need not be in a row.
                is_required = len(failed) >= STRIKES and kind != "incident"
                yield Event(about, failed[0].created_at, failed[-1].created_at, is_required)


def _by_resource(tasks: Iterable[Task]) -> Mapping[str, list[Task]]:
    found: dict[str, list[Task]] = defaultdict(list)
    for task in sorted(tasks, key=lambda one: one.created_at):
        if task.resource is not None:
            found[task.resource["id"]].append(task)
    return found


_EVENTS: Mapping[str, Callable[[_Episodes, _Tasks], Iterator[Event]]] = {
    "mass_deletion": _mass_deletions,
    "backups_stopped": _stops,
    "retention_shortened": _retentions,
    "policy_edited": _edits,
    "duration_jump": _jumps,
    "strike": _strikes,
}
