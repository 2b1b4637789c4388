"""Episodes: what was made to happen in an estate, to be found again in the data."""

from dataclasses import dataclass
from datetime import datetime

REGION = "eu-de"
"""The region of the estate: what incidents are about, and where copies come from."""


@dataclass(frozen=True)
class Episode:
    """Something that was made to happen, to be found again in the data.

    What each kind is, with the tasks that it names and what it is about:

    - ``failing_streak``: two failures of a resource or more in a row, from one lasting
      misconfiguration; the failed backups; the resource.
    - ``incident``: a trouble of the region; the backups that failed of it; the region.
    - ``vault_full``: a vault over its capacity; the backups that failed of it; the vault.
    - ``mass_delete``: 20 or more deletions by hand in one vault, at night, within an hour; the
      deletions; the vault.
    - ``stuck_task``: a backup that is open for hours and makes no progress; that backup; the resource.
    - ``slow_run``: a successful incremental backup that lasts more than five times the median of the
      resource's earlier ones (ten at least, of the last 28), and ten minutes more; that backup; the resource.
    - ``missed_slot``: a run of the policy of which there is no trace; no task, and ``begins_at`` is
      the slot; the resource.
    - ``downgraded_consistency``: a successful backup that was to be application-consistent and is
      not; that backup; the resource.
    - ``late_copy``: a copy that was finished more than 26 hours after its backup could be used; all
      tries to make it; the resource.
    - ``manual_rerun``: a backup by hand after one that failed; that backup; the resource.
    - ``enrolment``: a resource that the estate did not have from its beginning; its first backup
      (none yet, where the end of the estate comes first); the resource.
    - ``removal``: a resource taken out of its vault; the task that did it; the resource.
    - ``renamed``: a new name of a resource; the first backup that shows it; the resource.
    - ``policy_edit``: a policy that runs at another hour from then on; the backups of its first run
      thereafter, with which it ends; the vault.
    - ``clock_change``: a policy that runs by local time, over a change to or from summer time: from its
      last run before until its first one after; the backups of that; the vault.

    Attributes:
        kind: What.
        begins_at: When it begins.
        ends_at: When it ends.
        tasks: Ids of the tasks it shows in.
        about: Id of the resource or vault, or the region.
    """

    kind: str
    begins_at: datetime
    ends_at: datetime
    tasks: tuple[str, ...]
    about: str
