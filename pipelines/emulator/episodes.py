"""Episodes: what was made to happen in an estate, to be found again in the data."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Episode:
    """Something that was made to happen, to be found again in the data.

    Attributes:
        kind: What: failing_streak, incident, stuck_task, manual_rerun …
        begins_at: When it begins.
        ends_at: When it ends.
        tasks: Ids of the tasks it shows in.
        about: The resource or region.
    """

    kind: str
    begins_at: datetime
    ends_at: datetime
    tasks: tuple[str, ...]
    about: str
