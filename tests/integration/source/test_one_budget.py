"""Sources of one project share one budget of requests: counted where they arrive, at the emulator."""

import threading
import time
from pathlib import Path

from pydantic import SecretStr

from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.settings.resolve_credentials import TokenCredentials
from cbr_warehouse.source.client import CbrClient
from cbr_warehouse.source.query import TaskQuery
from cbr_warehouse.source.rate_limit import RateLimiters
from support.command_line import PROJECT
from support.emulator_server import Emulated, emulated

RATE = 40
REQUESTS = 15


def ask(source: Emulated, limiters: RateLimiters, eps: str) -> None:
    """Sends requests as fast as the budget permits, as a source of one enterprise project."""
    settings = SourceSettings.model_validate(
        {
            "name": f"eps-{eps}",
            "endpoint": source.url,
            "project_id": PROJECT,
            "token": "env:X",
            "enterprise_project_ids": [eps],
            "max_requests_per_second": RATE,
        }
    )
    token = TokenCredentials(SecretStr("demo-token"))
    with CbrClient(settings, token, rate_limiters=limiters) as client:
        for _ in range(REQUESTS):
            client.list_tasks(TaskQuery(enterprise_project_id=eps), limit=1, offset=0)


def test_enterprise_projects_of_one_project_share_its_budget_in_and_across_processes(tmp_path: Path) -> None:
    with emulated(tasks=5, days=1) as source:
        one_process, another = RateLimiters(tmp_path), RateLimiters(tmp_path)
        threads = [
            threading.Thread(target=ask, args=(source, limiters, eps))
            for limiters, eps in ((one_process, "a"), (one_process, "b"), (another, "c"))
        ]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        seconds = time.monotonic() - began
    arrived = len(source.lists)
    assert arrived == 3 * REQUESTS
    # A slow machine makes it longer, never shorter: each source for itself would have taken a third.
    assert arrived <= RATE * seconds + 1
