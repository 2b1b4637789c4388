"""Budgets of requests, one for each project of each endpoint: sources of one project share theirs.

Projects do not share: one that is asked too much, or that has very much, slows down no other.
"""

from threading import Lock

from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.source.rate_limit import RateLimiter
from cbr_warehouse.source.runtime import Runtime


class RateLimiters:
    """The budgets of one process. Safe to share between threads."""

    def __init__(self) -> None:
        self._throttles: dict[tuple[str, str], RateLimiter] = {}
        self._lock = Lock()

    def of(self, source: SourceSettings, surroundings: Runtime) -> RateLimiter:
        """The budget of a source's project; the slowest pace that any of its sources is set to holds for all.

        Args:
            source: The source.
            surroundings: Time.

        Returns:
            What gives leave to make requests.
        """
        project = (source.endpoint.rstrip("/").lower(), source.project_id)
        with self._lock:
            shared = self._throttles.get(project)
            if shared is None:
                shared = self._throttles[project] = RateLimiter(
                    source.name,
                    source.max_requests_per_second,
                    surroundings.monotonic,
                    surroundings.sleep,
                )
            elif source.max_requests_per_second is not None:
                shared.slow_down(source.max_requests_per_second)
            return shared
