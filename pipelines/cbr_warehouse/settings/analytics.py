"""Parameters of the analytics: the part of the configuration that every figure depends on.

Each threshold is defined here once: its default, its meaning and the values it may have. The model of the
configuration file, the columns of ``analytics.settings`` and the checks of ``docs/configuration.md`` follow.
"""

from dataclasses import dataclass, field, fields
from datetime import time, timedelta
from typing import Any


@dataclass(frozen=True)
class ScheduleOverride:
    """A configured backup interval that replaces the one inferred from the log.

    Attributes:
        backup_interval: The longest planned time between two backups.
        resource_id: Applies to this resource; exactly one of the three ids is set.
        policy_id: Applies to all resources whose latest policy this is.
        vault_id: Applies to all resources in this vault.
    """

    backup_interval: timedelta
    resource_id: str | None = None
    policy_id: str | None = None
    vault_id: str | None = None


@dataclass(frozen=True)
class SourceClock:
    """The local clock of one source, where it differs from that of the others.

    Attributes:
        source: Name of the source.
        timezone: Its time zone, an IANA name; None for the global one.
        day_anchor: When its backup days begin; None for the global one.
    """

    source: str
    timezone: str | None = None
    day_anchor: time | None = None


_DAY = timedelta(days=1)
_YEAR = timedelta(days=365)
_TEN_YEARS = timedelta(days=3650)


@dataclass(frozen=True)
class Threshold:
    """What a threshold means and which values it may have.

    Attributes:
        meaning: One sentence for the documentation and for the warehouse.
        bounds: Limits by the names of pydantic: ``ge``, ``gt``, ``le`` and ``lt``.
        allowed: The allowed values in words, for error messages; empty where type and bounds say it.
    """

    meaning: str
    bounds: dict[str, Any]
    allowed: str = ""


def _threshold(meaning: str, *, allowed: str = "", **bounds: Any) -> dict[str, Threshold]:
    """The metadata of a field of ``AnalyticsSettings`` that ``[thresholds]`` sets."""
    return {"threshold": Threshold(meaning, bounds, allowed)}


@dataclass(frozen=True)
class AnalyticsSettings:
    """All parameters of the analytics definitions; the thresholds explain themselves below.

    Attributes:
        timezone: Time zone of backup days, an IANA name; the default of every source.
        day_anchor: Local time at which a backup day begins; the default of every source.
        schedules: Configured backup intervals.
        clocks: Local clocks of sources that differ from timezone and day_anchor.
    """

    timezone: str = "UTC"
    day_anchor: time = time(18)
    rpo_grace: timedelta = field(
        default=timedelta(hours=2),
        metadata=_threshold(
            "Tolerance added to the backup interval: RPO = interval + `rpo_grace`.",
            ge=timedelta(0),
            le=_YEAR,
        ),
    )
    default_interval: timedelta = field(
        default=_DAY,
        metadata=_threshold(
            "Backup interval of a resource whose schedule cannot be inferred from the log.",
            gt=timedelta(0),
            le=_YEAR,
        ),
    )
    strikes: int = field(
        default=3,
        metadata=_threshold(
            "Number of consecutive failures from which a resource is listed as failing repeatedly; "
            "1 to 1000.",
            ge=1,
            le=1000,
        ),
    )
    copy_lag: timedelta = field(
        default=timedelta(hours=26),
        metadata=_threshold(
            "Maximum time from a usable backup to its finished copy in another region.",
            ge=timedelta(0),
            le=_YEAR,
        ),
    )
    stuck_after: timedelta = field(
        default=timedelta(hours=4),
        metadata=_threshold(
            "Age from which an open task may be stuck; it must also exceed three times the 99th percentile "
            "of its kind and show no progress.",
            ge=timedelta(0),
            le=_YEAR,
        ),
    )
    anomaly_z: float = field(
        default=5.0,
        metadata=_threshold(
            "Robust z-score of the logarithm from which a duration is an anomaly.",
            allowed="a number above 0, without quotes",
            gt=0,
            le=1000,
        ),
    )
    lookback: timedelta = field(
        default=timedelta(days=28),
        metadata=_threshold(
            'Window of distributions and "recent" rates, back from the watermark.',
            ge=_DAY,
            le=_TEN_YEARS,
        ),
    )
    success_target: float = field(
        default=0.98,
        metadata=_threshold(
            "Target share of protected backup days; the rest is the error budget of burn rates.",
            allowed="a share between 0 and 1, without quotes, such as 0.98",
            gt=0,
            lt=1,
        ),
    )
    success_floor: float = field(
        default=0.5,
        metadata=_threshold(
            "Share of protected backup days of a report's period below which its verdict is *act today*; "
            "below `success_target` it is *watch*.",
            allowed="a share between 0 and 1, without quotes, such as 0.5",
            gt=0,
            lt=1,
        ),
    )
    watch_share: float = field(
        default=0.005,
        metadata=_threshold(
            "Share from which a finding of a report makes its verdict *watch*: of resources that are "
            "unprotected or fail persistently, of days of data, of tasks; anything below is in order.",
            allowed="a share between 0 and 1, without quotes, such as 0.005",
            gt=0,
            lt=1,
        ),
    )
    act_share: float = field(
        default=0.02,
        metadata=_threshold(
            "Share of resources that are unprotected, or that fail persistently, from which a report's "
            "verdict is *act today*.",
            allowed="a share between 0 and 1, without quotes, such as 0.02",
            gt=0,
            lt=1,
        ),
    )
    act_missing_days: float = field(
        default=0.1,
        metadata=_threshold(
            "Share of a report's days of data that are incomplete or lost from which its verdict is "
            "*act today*.",
            allowed="a share between 0 and 1, without quotes, such as 0.1",
            gt=0,
            lt=1,
        ),
    )
    persistent_after: timedelta = field(
        default=timedelta(hours=72),
        metadata=_threshold(
            "How long backups of a resource must have failed, at least `strikes` times in a row, for it to "
            "fail persistently.",
            ge=timedelta(0),
            le=_YEAR,
        ),
    )
    incident_gap: timedelta = field(
        default=timedelta(hours=1),
        metadata=_threshold(
            "Failures with one code in one source that are closer together than this belong to one incident.",
            gt=timedelta(0),
            le=_YEAR,
        ),
    )
    incident_resources: int = field(
        default=10,
        metadata=_threshold(
            "Number of affected resources from which such failures are an incident.", ge=1, le=1000
        ),
    )
    restore_test: timedelta = field(
        default=timedelta(days=90),
        metadata=_threshold(
            "How long a successful restore counts as a test of its resource.",
            gt=timedelta(0),
            le=_TEN_YEARS,
        ),
    )
    run_gap: timedelta = field(
        default=timedelta(minutes=30),
        metadata=_threshold(
            "Backup tasks of one schedule that are created further apart than this belong to different runs.",
            gt=timedelta(0),
            le=timedelta(hours=1),
        ),
    )
    schedule_window: timedelta = field(
        default=timedelta(days=35),
        metadata=_threshold(
            "How far back from the watermark runs show at which times a schedule runs.",
            ge=_DAY,
            le=_YEAR,
        ),
    )
    mass_delete: int = field(
        default=20,
        metadata=_threshold(
            "Number of deletions of one vault within an hour from which they may be a mass delete; "
            "1 to 1000.",
            ge=1,
            le=1000,
        ),
    )
    expiry_from: timedelta = field(
        default=timedelta(hours=8),
        metadata=_threshold(
            "Time after local midnight from which the service deletes expired backups; other deletions are "
            "`night`.",
            ge=timedelta(0),
            le=_DAY,
        ),
    )
    expiry_until: timedelta = field(
        default=timedelta(hours=20),
        metadata=_threshold(
            "Time after local midnight until which the service deletes expired backups; if it is before "
            "`expiry_from`, on the next day.",
            ge=timedelta(0),
            le=_DAY,
        ),
    )
    lateness_period: timedelta = field(
        default=timedelta(days=90),
        metadata=_threshold(
            "How far back from the watermark of a source its lateness is measured.",
            ge=_DAY,
            le=_TEN_YEARS,
        ),
    )
    lateness_watch: timedelta = field(
        default=timedelta(days=7),
        metadata=_threshold(
            "How long a task or a day must have been watched by loads to show that nothing more comes of it.",
            ge=_DAY,
            le=_YEAR,
        ),
    )
    load_gap: timedelta = field(
        default=timedelta(hours=36),
        metadata=_threshold(
            "Finished loads further apart than this interrupt the watching of a source.",
            gt=timedelta(0),
            le=_YEAR,
        ),
    )
    rto: timedelta = field(
        default=timedelta(hours=4),
        metadata=_threshold(
            "Recovery time objective: the longest that a restore may take.", gt=timedelta(0), le=_YEAR
        ),
    )
    made_good: timedelta = field(
        default=timedelta(hours=48),
        metadata=_threshold(
            "How long backups of a resource may fail until a successful one makes that good.",
            gt=timedelta(0),
            le=_YEAR,
        ),
    )
    missed_slots: int = field(
        default=1,
        metadata=_threshold(
            "Number of missed backups of a resource in the `lookback` from which its schedule was not kept; "
            "1 to 1000.",
            ge=1,
            le=1000,
        ),
    )
    data_age: timedelta = field(
        default=timedelta(hours=26),
        metadata=_threshold(
            "Age of the watermark of a source, or of its newest task at the watermark, from which its data "
            "is not fresh.",
            gt=timedelta(0),
            le=_YEAR,
        ),
    )
    signal_window: timedelta = field(
        default=timedelta(days=90),
        metadata=_threshold(
            "How far back from the watermark alarms are looked for.",
            ge=_DAY,
            le=_TEN_YEARS,
        ),
    )
    stopped_after: int = field(
        default=3,
        metadata=_threshold(
            "Number of usual waits between two scheduled backups of a resource without one from which its "
            "backups have stopped; 1 to 1000.",
            ge=1,
            le=1000,
        ),
    )
    retention_cut: timedelta = field(
        default=timedelta(hours=36),
        metadata=_threshold(
            "How much younger than usual backups must be deleted for the retention to be shortened: more "
            "than the day by which ages change where runs move across midnight.",
            gt=timedelta(0),
            le=_TEN_YEARS,
        ),
    )
    schedules: tuple[ScheduleOverride, ...] = ()
    clocks: tuple[SourceClock, ...] = ()


THRESHOLDS: dict[str, Threshold] = {
    one.name: one.metadata["threshold"] for one in fields(AnalyticsSettings) if "threshold" in one.metadata
}
"""Every threshold by its name, in the order of the fields."""
