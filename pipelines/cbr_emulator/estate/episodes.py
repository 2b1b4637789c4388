"""Episodes: events that the simulation made happen, so that tests can look for them in the data."""

from dataclasses import dataclass
from datetime import datetime

REGION = "eu-de"
"""Region of the estate: the subject of incidents and the source of copies."""


@dataclass(frozen=True)
class Episode:
    """An event that was made to happen in the estate.

    The kinds, each with its tasks and its subject (``about``):

    - ``failing_streak``: two or more consecutive failures of a resource caused by one
      misconfiguration; the failed backups; the resource.
    - ``incident``: an outage of the region; the backups that failed because of it; the region.
    - ``vault_full``: a vault over its capacity; the backups that failed because of it; the vault.
    - ``mass_delete``: 20 or more manual deletions in one vault, at night, within an hour; the
      deletions; the vault.
    - ``stuck_task``: a backup that is open for hours without progress; the backup; the resource.
    - ``slow_run``: a successful incremental backup that lasts more than five times the median of the
      resource's earlier ones (ten at least, of the last 28), and ten minutes more; that backup; the resource.
    - ``missed_slot``: a policy run without any task; no task, and ``begins_at`` is the scheduled time;
      the resource.
    - ``downgraded_consistency``: a successful backup that should have been application-consistent and
      is not; the backup; the resource.
    - ``late_copy``: a copy finished more than 26 hours after its backup became usable; all attempts
      to make it; the resource.
    - ``manual_rerun``: a manual backup after a failed one; the backup; the resource.
    - ``enrolment``: a resource added after the beginning of the estate; its first backup (none, if the
      estate ends before it); the resource.
    - ``removal``: a resource removed from its vault; the task that removed it; the resource.
    - ``renamed``: a new name of a resource; the first backup that shows it; the resource.
    - ``policy_edit``: a policy moved to another hour; the backups of its first run at the new hour, which
      end the episode; the vault. With signals also moved to another weekday, or with more or fewer hours.
    - ``clock_change``: a change to or from summer time of a policy that runs in local time: from its last
      run before until its first run after; the backups of the latter; the vault.

    With signals (``signals``) also:

    - ``backups_stopped``: a policy that is switched off, from its first missing run until the next one
      (or the end of the estate); no task; the vault. Likewise a resource that its vault backs up no more.
    - ``retention_shortened``: a policy that keeps backups for a shorter time, from the edit until those too
      old are deleted; no task; the vault.
    - ``duration_jump``: incremental backups of a resource that take five times as long as before or more,
      and twenty minutes; those backups; the resource.

    Attributes:
        kind: Name of the kind.
        begins_at: When it begins.
        ends_at: When it ends.
        tasks: Ids of the tasks that show it.
        about: Id of the resource or vault, or the region.
    """

    kind: str
    begins_at: datetime
    ends_at: datetime
    tasks: tuple[str, ...]
    about: str
