"""What the analytics are set to: the part of the configuration that a number carries with it."""

from dataclasses import dataclass
from datetime import time, timedelta


@dataclass(frozen=True)
class ScheduleOverride:
    """A planned wait between two backups that the log need not be asked for.

    Attributes:
        backup_interval: The wait.
        resource_id: Whose it is: exactly one of these three is given.
        policy_id: Or of all resources whose newest policy this is.
        vault_id: Or of all resources in this vault.
    """

    backup_interval: timedelta
    resource_id: str | None = None
    policy_id: str | None = None
    vault_id: str | None = None


@dataclass(frozen=True)
class AnalyticsSettings:
    """All that a definition of the analytics depends on besides the data.

    Attributes:
        timezone: Time zone of backup days: an IANA name.
        day_anchor: When a backup day begins in that zone.
        rpo_grace: How much longer than its interval a resource may be without a new backup.
        default_interval: The interval of a resource whose schedule the log does not show.
        strikes: From how many failures in a row a resource is failing again and again.
        copy_lag: How long a copy may take from when its backup is usable.
        stuck_after: From which age an open task may be stuck.
        anomaly_z: From which robust z-score a duration is anomalous.
        lookback: How far back distributions and rates of "the last weeks" look.
        success_target: Share of backup days that shall be protected: 1 minus the error budget.
        incident_gap: Failures of one code and region closer than this are one incident.
        incident_resources: From how many resources failures are called an incident.
        restore_test: How long a restore counts as a test of its resource.
        schedules: Intervals told by the configuration.
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
