"""How often each alarm is right, as measured on estates of the emulator whose events are known.

The figures are in ``alarm_accuracy.json``; ``make alarms`` measures them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import sqrt

Z_95 = 1.959964
"""Standard deviations of a normal distribution within which 95 % of it lie."""


@dataclass(frozen=True)
class Share:
    """A share with its interval: 95 %, by Wilson.

    Attributes:
        number: How many.
        total: Of how many.
    """

    number: int
    total: int

    @property
    def value(self) -> float:
        """The share; 1 of nothing, since nothing went wrong."""
        return self.number / self.total if self.total else 1.0

    @property
    def interval(self) -> tuple[float, float]:
        """The bounds of the interval; all of 0 to 1 where nothing was counted."""
        if not self.total:
            return 0.0, 1.0
        squared = Z_95**2 / self.total
        center = (self.value + squared / 2) / (1 + squared)
        half = (
            Z_95 * sqrt(self.value * (1 - self.value) / self.total + squared / self.total / 4) / (1 + squared)
        )
        return max(0.0, center - half), min(1.0, center + half)


@dataclass(frozen=True)
class AlarmAccuracy:
    """The accuracy of an alarm.

    Attributes:
        alarm: Its name, that of its view.
        estates: Number of estates.
        seeds: The first and the last of their seeds.
        resource_months: How long their resources were seen, in months of 30 days.
        events: Events that it had to find.
        found: Those that it found.
        true: Alarms about such events.
        lesser: Alarms about smaller events only, counted neither as true nor as false.
        false: Alarms about nothing.
    """

    alarm: str
    estates: int
    seeds: tuple[int, int]
    resource_months: int
    events: int
    found: int
    true: int
    lesser: int
    false: int

    @property
    def precision(self) -> Share:
        """Alarms that are true, of those that are true or false."""
        return Share(self.true, self.true + self.false)

    @property
    def recall(self) -> Share:
        """Events found."""
        return Share(self.found, self.events)

    @property
    def false_per_1000_months(self) -> float:
        """False alarms in a thousand resource-months."""
        return 1000 * self.false / self.resource_months

    @property
    def summary(self) -> str:
        """Both on one line."""
        return (
            f"precision {self.precision.value:.1%}, recall {self.recall.value:.1%} on {self.estates} "
            "simulated estates"
        )


@cache
def read_alarm_accuracy() -> Mapping[str, AlarmAccuracy]:
    """The accuracy of every alarm, by its name."""
    text = files("cbr_warehouse.analytics").joinpath("alarm_accuracy.json").read_text(encoding="utf-8")
    told = json.loads(text)
    return {
        name: AlarmAccuracy(name, told["estates"], tuple(told["seeds"]), told["resource_months"], **counts)
        for name, counts in told["alarms"].items()
    }
