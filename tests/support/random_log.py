"""A small random log with the properties of a real one, for checks in plain Python.

Everything happens on whole minutes, so that a check can walk through time minute by minute. What was
left out on purpose is told beside the log.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from cbr_warehouse.settings.analytics import AnalyticsSettings, ScheduleOverride
from support.small_log import SmallLog

FIRST, WATERMARK = datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 4, 5, 5, tzinfo=UTC)
"""The log begins on a Monday and spans a change to summer time in Europe, on 29 March at 01:00 UTC."""

ZONE = "Europe/Berlin"
INTERVALS = {"daily": timedelta(days=1), "quarterly": timedelta(hours=6), "weekly": timedelta(days=7)}
HOURS = {"daily": (1,), "quarterly": (0, 6, 12, 18), "weekly": (4,)}
CODES = ("BackupService.9910", "BackupService.7101", "BackupService.6114", None, " ")

SETTINGS = AnalyticsSettings(
    timezone=ZONE,
    schedules=tuple(ScheduleOverride(wait, vault_id=f"vault-{name}") for name, wait in INTERVALS.items()),
)


@dataclass(frozen=True)
class RandomLog:
    """A log, and the events that were left out of it.

    Attributes:
        log: The log.
        missed: Resource and local time of each slot without an attempt.
        skipped: The same of each slot whose only attempt was skipped.
    """

    log: SmallLog
    missed: set[tuple[str, datetime]]
    skipped: set[tuple[str, datetime]]


def random_log(seed: int) -> RandomLog:
    """Makes a log of twelve resources under three policies, in five weeks."""
    random = Random(seed)
    made = RandomLog(SmallLog(WATERMARK, SETTINGS), set(), set())
    for number in range(12):
        name = ("daily", "quarterly", "weekly")[number % 3]
        begin = FIRST + timedelta(days=random.randrange(3) if number < 9 else random.randrange(10, 25))
        end = WATERMARK - timedelta(days=random.randrange(4, 9)) if number % 5 == 4 else WATERMARK
        _live(random, made, f"{name}-{number}", name, begin, end)
        if end < WATERMARK:
            made.log.remove([f"{name}-{number}"], end, vault_id=f"vault-{name}")
    return made


def slots(name: str, begin: datetime, end: datetime) -> list[datetime]:
    """Local times, without a zone, at which a policy runs between two moments."""
    zone = ZoneInfo(ZONE)
    day, found = begin.astimezone(zone).date(), []
    while day <= end.astimezone(zone).date():
        for hour in HOURS[name] if name != "weekly" or day.isoweekday() == 3 else ():
            local = datetime.combine(day, time(hour))
            if begin <= local.replace(tzinfo=zone).astimezone(UTC) < end:
                found.append(local)
        day += timedelta(days=1)
    return found


def _live(random: Random, made: RandomLog, resource: str, name: str, begin: datetime, end: datetime) -> None:
    """One resource from its enrolment to its end."""
    broken = False
    for place, local in enumerate(slots(name, begin, end)):
        moment = local.replace(tzinfo=ZoneInfo(ZONE)).astimezone(UTC)
        due = moment + timedelta(hours=1) < WATERMARK
        if place > 0 and due and random.random() < 0.04:
            made.missed.add((resource, local))
            continue
        broken = random.random() < (0.6 if broken else 0.08)
        status = "failed" if broken else random.choices(("success", "skipped", "odd"), (93, 5, 2))[0]
        if not broken and moment > WATERMARK - timedelta(hours=12):
            status = random.choice(("success", "running", "waiting"))
        if status == "skipped" and due:
            made.skipped.add((resource, local))
        _try(random, made.log, resource, name, moment, status)
        if broken and random.random() < 0.4:
            again = moment + timedelta(minutes=random.randrange(61, 350))
            if again < min(end, WATERMARK):
                _try(random, made.log, resource, name, again, random.choice(("success", "failed")), None)


def _try(
    random: Random,
    log: SmallLog,
    resource: str,
    name: str,
    moment: datetime,
    status: str,
    policy: str | None = "",
) -> None:
    failed = status == "failed" and random.random() < 0.2
    task_id = log.backup(
        resource,
        moment,
        status="timeout" if failed else status,
        minutes=random.randrange(1, 240) if random.random() < 0.1 else random.randrange(1, 50),
        policy_id=policy if policy is None else f"policy-{name}",
        vault_id=f"vault-{name}",
        error_code=random.choice(CODES) if status == "failed" else None,
    )
    deleted = moment + timedelta(days=random.randrange(3, 20))
    if status == "success" and deleted < WATERMARK and random.random() < 0.5:
        log.delete(task_id, deleted, vault_id=f"vault-{name}")
