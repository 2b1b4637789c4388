"""What the verdict rests on: shares of the estate, each with limits.

Only shares are compared, and of failures only those that persist: in a large estate some resource always
fails, and a report that is always red is read by nobody. The limits are settings of the analytics
(``[thresholds]``).
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from cbr_warehouse.report.key_figures import Figure


class Grade(IntEnum):
    """How urgent something is; the greater, the more."""

    FINE = 0
    WATCH = 1
    ACT = 2

    @property
    def word(self) -> str:
        """Its name in manifests, style sheets and texts."""
        return self.name.lower()


@dataclass(frozen=True)
class Finding:
    """One finding.

    Attributes:
        name: Its name, as in the query ``findings``; ``success`` for the days without a successful backup.
        n: How many there are.
        total: Of how many.
        watch: The share from which it is to be watched; a share of 0 never is.
        act: The share from which somebody must act today; None where that is never so.
    """

    name: str
    n: int
    total: int
    watch: float
    act: float | None

    @property
    def share(self) -> float:
        """The share of ``n`` in ``total``; 0 where there is nothing to count."""
        return self.n / self.total if self.total else 0.0

    @property
    def grade(self) -> Grade:
        """How urgent it is."""
        if not self.n:
            return Grade.FINE
        if self.act is not None and self.share >= self.act:
            return Grade.ACT
        return Grade.WATCH if self.share >= self.watch else Grade.FINE


def weigh(success: Figure, rows: list[dict[str, Any]], settings: dict[str, Any]) -> list[Finding]:
    """The findings of a period with their limits.

    Args:
        success: The key figure of that name.
        rows: Rows of the query ``findings``.
        settings: The settings of the analytics.
    """
    watch, act = settings["watch_share"], settings["act_share"]
    limits: dict[str, tuple[float, float | None]] = {
        "unprotected": (watch, act),
        "persistent": (watch, act),
        "missing": (watch, settings["act_missing_days"]),
        "unverified": (watch, None),
        "partial": (watch, None),
        "mostly_failed": (watch, None),
        "not_protected": (watch, None),
    }
    missed = Finding(
        "success",
        round(success.denominator - success.numerator),
        round(success.denominator),
        _above(1 - settings["success_target"]),
        _above(1 - settings["success_floor"]),
    )
    return [missed] + [
        Finding(row["finding"], row["n"], row["total"], *limits[row["finding"]])
        for row in rows
        if row["finding"] in limits
    ]


def _above(share: float) -> float:
    """The least share above a target that may just be met."""
    return share + 1e-9
