"""The filters of the API's list of tasks, without paging."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True)
class TaskQuery:
    """The ten filters of ``GET /v3/{project_id}/operation-logs``; None leaves one out.

    Attributes:
        start_time: Begin of the window, aware.
        end_time: End of the window, aware.
        operation_type: Type of the task.
        status: Status of the task.
        provider_id: Id of the backup provider.
        resource_id: Id of the resource.
        resource_name: Name of the resource.
        vault_id: Id of the vault.
        vault_name: Name of the vault.
        enterprise_project_id: Id of an enterprise project, or ``all_granted_eps``.
    """

    start_time: datetime | None = None
    end_time: datetime | None = None
    operation_type: str | None = None
    status: str | None = None
    provider_id: str | None = None
    resource_id: str | None = None
    resource_name: str | None = None
    vault_id: str | None = None
    vault_name: str | None = None
    enterprise_project_id: str | None = None

    def __post_init__(self) -> None:
        for name in ("start_time", "end_time"):
            instant = getattr(self, name)
            if instant is not None and instant.tzinfo is None:
                raise ValueError(f"{name} has no time zone")

    def parameters(self) -> dict[str, str]:
        """The query parameters; the API's times have whole seconds, so a window is widened to them.

        >>> TaskQuery(start_time=datetime(2018, 1, 1, 12, 0, 0, 5, UTC), status="failed").parameters()
        {'start_time': '2018-01-01T12:00:00Z', 'status': 'failed'}

        Returns:
            Name and value of each filter that is set.
        """
        given = {name: value for name, value in vars(self).items() if value is not None}
        if self.start_time is not None:
            given["start_time"] = _print(self.start_time)
        if self.end_time is not None:
            # An end rounded down would lose the tasks of its last second.
            given["end_time"] = _print(self.end_time + timedelta(seconds=1, microseconds=-1))
        return given


def _print(instant: datetime) -> str:
    # Not strftime, which prints years before 1000 differently on each platform.
    return instant.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"
