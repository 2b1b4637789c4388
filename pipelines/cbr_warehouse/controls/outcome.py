"""The outcome of a control: its verdict, its evidence, and how complete the data behind it are."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from cbr_warehouse.controls.catalogue import Control


class Verdict(StrEnum):
    """What a control came to."""

    PASS = "pass"  # noqa: S105  no password
    FAIL = "fail"
    NOT_APPLICABLE = "not_applicable"
    CANNOT_SAY = "cannot_say"


@dataclass(frozen=True)
class Evidence:
    """A row of a population that fails, or that cannot be judged.

    Attributes:
        source: Name of the source.
        item: Its id: of a resource, vault or task, or a day.
        name: Its name for people.
        fails: Whether it fails; None where that cannot be judged.
        excepted_for: The reason of the exception that covers it; None without one.
        why: What is wrong.
        since: Since when, UTC; None where that means nothing.
    """

    source: str
    item: str
    name: str
    fails: bool | None
    excepted_for: str | None
    why: str | None
    since: datetime | None


@dataclass(frozen=True)
class Outcome:
    """The outcome of a control.

    Attributes:
        control: The control.
        verdict: Its verdict.
        population: Rows judged.
        failing: Of them failing, and not covered by an exception.
        undecided: Of them those that cannot be judged.
        excepted: Of them failing, but covered by an exception.
        window_from: Begin of its window, UTC; None where it looks at now, or before the first load.
        watermark: Up to when the data reach, UTC; None before the first finished load.
        days: UTC days of the window, counted for each source.
        complete_days: Of them complete, or not over yet.
        settings: The settings that it depends on, by name.
        evidence: Failing rows, worst first; then those that cannot be judged, and those excepted.
        statement: The query that gave all this.
    """

    control: Control
    verdict: Verdict
    population: int
    failing: int
    undecided: int
    excepted: int
    window_from: datetime | None
    watermark: datetime | None
    days: int
    complete_days: int
    settings: dict[str, Any]
    evidence: tuple[Evidence, ...]
    statement: str

    @property
    def found(self) -> tuple[Evidence, ...]:
        """The evidence that no exception covers."""
        return tuple(row for row in self.evidence if row.excepted_for is None)
