"""Facts of the CBR API that more than one room relies on: documented values, limits and retention.

Sources: the API reference of Huawei Cloud and Open Telekom Cloud, and their consoles' texts. Nothing
relies on these lists being complete: values that no document names are stored, counted and reported.
"""

from datetime import UTC, datetime, timedelta

RETENTION = timedelta(days=30)
"""How long the console keeps tasks ("executed over the past 30 days"); the API's own is unknown."""

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""No task is older: the service did not exist."""

OPEN_STATUSES = ("running", "waiting")
"""Documented statuses of tasks that have not ended."""

NEVER_STARTED_STATUSES = ("skipped",)
"""Documented statuses of tasks that ended without a start: no window has them if filters apply to it."""

TERMINAL_STATUSES = ("success", "skipped", "failed", "timeout")
"""Documented statuses of tasks that have ended; any other status without an end counts as open."""

STATUSES = (*TERMINAL_STATUSES, *OPEN_STATUSES)
"""All documented statuses."""

OPERATION_TYPES = (
    "backup",
    "copy",
    "replication",
    "delete",
    "restore",
    "vault_delete",
    "remove_resource",
    "sync",
    "migrate_resources",
)
"""Documented types of tasks."""

PROVIDERS = (
    "0daac4c5-6707-4851-97ba-169e36266b66",  # servers
    "d1603440-187d-4516-af25-121250c7cc97",  # disks
    "3f3c3220-245c-4805-b811-758870015881",  # SFS Turbo file systems
    "a13639de-00be-4e94-af30-26912d75e4a2",  # VMware in a hybrid cloud
    "86a80900-71bf-4961-956a-d52df944f84a",  # Workspace desktops
)
"""Documented ids of backup providers."""
