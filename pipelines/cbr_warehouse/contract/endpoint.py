"""What is known of an endpoint of the API beyond its records' columns, which ``schemas/`` declares.

There is one list of events, that of tasks: it is read by windows and follows each task until its end.
Requests and responses (``source``), validation (``contract``) and flattening (``tables``) take their names
from it. Lists of what there is at a moment are read whole and are in ``inventory_lists``.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Endpoint:
    """One list of the API, and what its records are.

    Attributes:
        path: Segments of its URL after ``/v3/{project_id}``; one more shows a single record by id.
        list_key: Key of the array of records in the response to a list request.
        show_key: Key of the record in the response to a request for one.
        record_keys: Keys that together tell a record from any object inside one.
        id_key: Key of a record's id.
        time_key: Key of the time whose UTC day a record belongs to.
        table: The table with one row per record.
        child_tables: Tables whose rows come from inside a record; a child is listed after its parent.
    """

    path: tuple[str, ...]
    list_key: str
    show_key: str
    record_keys: tuple[str, ...]
    id_key: str
    time_key: str
    table: str
    child_tables: tuple[str, ...]

    @property
    def required_keys(self) -> tuple[str, str]:
        """Keys that every record must have: without an id it is nobody's, without its time of no day."""
        return self.id_key, self.time_key


TASKS = Endpoint(
    path=("operation-logs",),
    list_key="operation_logs",
    show_key="operation_log",
    record_keys=("id", "created_at", "operation_type", "status"),
    id_key="id",
    time_key="created_at",
    table="tasks",
    child_tables=("resources", "resource_volumes", "replications"),
)
"""Tasks: what the API calls operation logs."""
