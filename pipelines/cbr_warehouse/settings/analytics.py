"""The settings that analytics results depend on, and their defaults."""

from dataclasses import dataclass
from datetime import time, timedelta


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


@dataclass(frozen=True)
class AnalyticsSettings:
    """All parameters of the analytics definitions.

    Attributes:
        timezone: Time zone of backup days, an IANA name.
        day_anchor: Local time at which a backup day begins.
        rpo_grace: Tolerance added to the backup interval before an RPO breach.
        default_interval: Interval of a resource whose schedule cannot be inferred.
        strikes: Number of consecutive failures from which a resource counts as failing repeatedly.
        copy_lag: Maximum time from a usable backup to its finished copy.
        stuck_after: Age from which an open task may be stuck.
        anomaly_z: Robust z-score from which a duration is an anomaly.
        lookback: Window of distributions and recent rates, back from the watermark.
        success_target: Target share of protected backup days; the rest is the error budget.
        incident_gap: Failures with the same code and region closer than this are one incident.
        incident_resources: Number of affected resources from which failures are an incident.
        restore_test: How long a restore counts as a test of its resource.
        schedules: Configured backup intervals.
        clocks: Local clocks of sources that differ from timezone and day_anchor.
    """

    timezone: str = "UTC"
    day_anchor: time = time(18)
    rpo_grace: timedelta = timedelta(hours=2)
    default_interval: timedelta = timedelta(days=1)
    strikes: int = 3
    copy_lag: timedelta = timedelta(hours=26)
    stuck_after: timedelta = timedelta(hours=4)
    anomaly_z: float = 5.0
    lookback: timedelta = timedelta(days=28)
    success_target: float = 0.98
    incident_gap: timedelta = timedelta(hours=1)
    incident_resources: int = 10
    restore_test: timedelta = timedelta(days=90)
    schedules: tuple[ScheduleOverride, ...] = ()
    clocks: tuple[SourceClock, ...] = ()
