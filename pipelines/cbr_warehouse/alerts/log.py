"""Which problems were reported, and which alerts are still to be delivered: the memory between two ticks.

A problem is reported when it begins, when its reason changes, and again while it lasts; its end is reported
once. An alert stays here until every channel has taken it, so that none is lost while a receiver is down.
Values only; ``channels`` delivers.
"""

import json
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any


@dataclass(frozen=True)
class Alert:
    """One message to people.

    Attributes:
        key: The problem, the same in all its alerts.
        state: ``failing`` or ``recovered``.
        title: One line.
        text: What happened, to what, and what to do.
        at: When it was found, RFC 3339 in UTC.
        facts: Ids and numbers for programs.
    """

    key: str
    state: str
    title: str
    text: str
    at: str
    facts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Problem:
    """Something that is wrong at this moment.

    Attributes:
        key: What is wrong, such as a check or the load of a source.
        title: One line.
        text: What happened and what to do.
        reason: Distinguishes causes: another one is reported at once.
        facts: Ids and numbers for programs.
    """

    key: str
    title: str
    text: str
    reason: str
    facts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Reported:
    """A problem that was reported and is not over.

    Attributes:
        reason: The reason that was reported.
        title: Its title.
        at: When it was last reported, RFC 3339.
    """

    reason: str
    title: str
    at: str


@dataclass(frozen=True)
class Undelivered:
    """An alert and the channels that have not taken it.

    Attributes:
        alert: The alert.
        channels: Names of the channels.
    """

    alert: Alert
    channels: tuple[str, ...]


@dataclass(frozen=True)
class AlertLog:
    """The memory of a sensor.

    Attributes:
        position: The last event that was looked at.
        reported: Problems that are not over, by key.
        undelivered: Alerts still to be delivered, oldest first.
    """

    position: int = 0
    reported: dict[str, Reported] = field(default_factory=dict)
    undelivered: tuple[Undelivered, ...] = ()

    def failing(
        self, problem: Problem, now: datetime, repeat: timedelta, channels: tuple[str, ...]
    ) -> "AlertLog":
        """The log after a problem was seen: with an alert, unless it was reported already.

        Args:
            problem: The problem.
            now: The present, UTC.
            repeat: How long until a problem that lasts is reported again.
            channels: Names of the channels that deliver.
        """
        known = self.reported.get(problem.key)
        if (
            known is not None
            and known.reason == problem.reason
            and now - datetime.fromisoformat(known.at) < repeat
        ):
            return self
        at = now.isoformat(timespec="milliseconds")
        alert = Alert(problem.key, "failing", problem.title, problem.text, at, problem.facts)
        reported = self.reported | {problem.key: Reported(problem.reason, problem.title, at)}
        return self._with(alert, reported, channels)

    def recovered(self, key: str, now: datetime, channels: tuple[str, ...]) -> "AlertLog":
        """The log after something succeeded: with an alert if its failure had been reported.

        Args:
            key: What succeeded.
            now: The present, UTC.
            channels: Names of the channels that deliver.
        """
        known = self.reported.get(key)
        if known is None:
            return self
        alert = Alert(
            key,
            "recovered",
            f"Recovered: {known.title}",
            f"It succeeds again. The failure was last reported at {known.at}.",
            now.isoformat(timespec="milliseconds"),
        )
        reported = {name: one for name, one in self.reported.items() if name != key}
        return self._with(alert, reported, channels)

    def _with(self, alert: Alert, reported: dict[str, Reported], channels: tuple[str, ...]) -> "AlertLog":
        undelivered = (*self.undelivered, Undelivered(alert, channels))
        return replace(self, reported=reported, undelivered=undelivered)


def print_log(log: AlertLog) -> str:
    """The log as text, for the cursor of a sensor."""
    return json.dumps(asdict(log), ensure_ascii=False)


def parse_log(text: str | None) -> AlertLog:
    """Reads a log that ``print_log`` wrote; an empty one for None."""
    if not text:
        return AlertLog()
    value: dict[str, Any] = json.loads(text)
    return AlertLog(
        value["position"],
        {key: Reported(**one) for key, one in value["reported"].items()},
        tuple(Undelivered(Alert(**one["alert"]), tuple(one["channels"])) for one in value["undelivered"]),
    )
