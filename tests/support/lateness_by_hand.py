"""Lateness computed again in plain Python, task by task, from loads and sightings alone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

SHARES = {"p50": Fraction(1, 2), "p99": Fraction(99, 100), "p9999": Fraction(9999, 10000), "max": Fraction(1)}
SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Look:
    """A finished load that was not one of a requested range."""

    started_at: datetime
    finished_at: datetime
    is_deep: bool = False


@dataclass(frozen=True)
class Sighted:
    """A task and when each version of it was first seen, with whether it had an end."""

    created_at: datetime
    ended_at: datetime | None
    versions: tuple[tuple[datetime, bool], ...]


@dataclass(frozen=True)
class Rules:
    """The settings of the definitions."""

    period: timedelta = timedelta(days=90)
    watch: timedelta = timedelta(days=7)
    gap: timedelta = timedelta(hours=36)


Value = tuple[bool, bool, timedelta, timedelta]
"""Whether watched, whether late, at least, at most."""


def compute_lateness(
    looks: Sequence[Look], tasks: Sequence[Sighted], rules: Rules
) -> dict[str, dict[str, int | None]]:
    """The numbers of ``analytics.lateness`` of one source, by measure and column."""
    looks = sorted(looks, key=lambda look: look.started_at)
    begins = looks[-1].started_at - rules.period
    looks = [look for look in looks if look.started_at >= begins]
    values: dict[str, list[Value]] = {name: [] for name in ("created", "ended", "changed", "settled")}
    pending = dict.fromkeys(values, 0)
    left_out = dict.fromkeys(values, 0)
    for task in tasks:
        if task.created_at < begins:
            continue
        for name, value in _measure(task, looks, rules).items():
            if isinstance(value, str):
                (pending if value == "pending" else left_out)[name] += 1
            else:
                values[name].append(value)
    return {
        name: _numbers(values[name]) | {"pending": pending[name], "left_out": left_out[name]}
        for name in values
    }


def _numbers(values: list[Value]) -> dict[str, int | None]:
    found: dict[str, int | None] = {
        "tasks": len(values),
        "watched": sum(watched for watched, *_ in values),
        "late": sum(late for _, late, *_ in values),
    }
    least = sorted(at_least // SECOND for *_, at_least, _ in values)
    most = sorted(-(-at_most // SECOND) for *_, at_most in values)
    for name, share in SHARES.items():
        place = max(0, math.ceil(share * len(values)) - 1)
        found[f"{name}_at_least_seconds"] = least[place] if values else None
        found[f"{name}_at_most_seconds"] = most[place] if values else None
    return found


def _measure(task: Sighted, looks: list[Look], rules: Rules) -> dict[str, Value | str]:
    seen_at = min(at for at, _ in task.versions)
    end_seen_at = min((at for at, has_end in task.versions if has_end), default=None)
    last_at = max(at for at, _ in task.versions)
    changed_at = last_at if end_seen_at is not None and last_at > end_seen_at else None
    stretch = _stretch(task.created_at, looks, rules)
    until = stretch[-1].started_at + rules.gap if stretch else None
    is_watched = bool(stretch) and task.created_at + rules.watch <= stretch[-1].started_at
    zero = timedelta()

    def finished_before(moment: datetime) -> list[Look]:
        return [look for look in looks if look.finished_at < moment]

    def is_late(moment: datetime, event: datetime) -> bool:
        return any(look.started_at > event for look in finished_before(moment)[-1:])

    late = is_late(seen_at, task.created_at)
    missed = zero
    missed_at = None
    if late:
        after = [look.started_at for look in looks if look.started_at > task.created_at]
        deep = [look.started_at for look in finished_before(seen_at) if look.is_deep]
        missed_at = max([after[0], *deep[-1:]])
        missed = max(zero, missed_at - task.created_at)
    found: dict[str, Value | str] = {}
    created: Value = (is_watched, late, missed, max(zero, seen_at - task.created_at))
    found["created"] = created if until and seen_at <= until else "left out"

    if task.ended_at is None:
        found["ended"] = found["changed"] = "pending" if stretch else "left out"
        changed: Value = (is_watched, False, zero, zero)
        is_change_in_time = True
    else:
        end_late = end_seen_at is not None and is_late(end_seen_at, task.ended_at)
        floor = missed_at
        if end_seen_at is not None:
            before = finished_before(end_seen_at)[-1:]
            floor = before[0].started_at if before and seen_at <= before[0].started_at else missed_at
        at_least = max(zero, floor - task.ended_at) if floor else zero
        in_time = bool(until and end_seen_at and end_seen_at <= until)
        at_most = max(zero, end_seen_at - task.ended_at) if end_seen_at else zero
        found["ended"] = (is_watched, end_late, at_least, at_most) if in_time else "left out"
        changed = (is_watched, False, zero, zero)
        if changed_at is not None and end_seen_at is not None:
            deep = [look.started_at for look in finished_before(changed_at) if look.is_deep][-1:]
            bound = max([end_seen_at, *deep]) - task.ended_at
            changed = (is_watched, True, max(zero, bound), max(zero, changed_at - task.ended_at))
        last_of_end = changed_at or end_seen_at
        is_change_in_time = bool(until and last_of_end and last_of_end <= until)
        found["changed"] = changed if is_change_in_time else "left out"

    if stretch and not is_watched:
        found["settled"] = "pending"
    elif found["created"] == "left out" or not is_change_in_time:
        found["settled"] = "left out"
    else:
        at_most = max(created[3] if late else zero, changed[3])
        found["settled"] = (is_watched, late or changed[1], max(created[2], changed[2]), at_most)
    return found


def _stretch(moment: datetime, looks: list[Look], rules: Rules) -> list[Look]:
    """The loads, without an interruption, during which a moment lies; empty where it is in none."""
    stretches: list[list[Look]] = []
    for look in looks:
        if stretches and look.started_at - stretches[-1][-1].started_at <= rules.gap:
            stretches[-1].append(look)
        else:
            stretches.append([look])
    for stretch in stretches:
        if stretch[0].started_at <= moment <= stretch[-1].started_at + rules.gap:
            return stretch
    return []
