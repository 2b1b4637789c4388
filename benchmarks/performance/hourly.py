"""Hourly loads in simulated time: what the first and the last cost, and the files that they leave.

One process, the real client and loads of ``cbr_warehouse``; the network is replaced by a function that
serves a fixed number of new tasks an hour, each seen running first. Run: python hourly.py HOURS TASKS OUT
"""

import json
import sys
import tempfile
import time
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from uuid import UUID, uuid4

import httpx
from measured import files_below, megabytes
from pydantic import SecretStr

from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.load.context import LoadContext, LoadRequest
from cbr_warehouse.load.run import load
from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.settings.resolve_credentials import TokenCredentials
from cbr_warehouse.settings.select_sources import ReadySource
from cbr_warehouse.source.client import CbrClient
from cbr_warehouse.source.runtime import Runtime
from cbr_warehouse.storage.layout import DataDirectory

START = datetime(2026, 1, 1, 0, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
WEEK = 168
RETENTION = timedelta(days=30)
LASTS = timedelta(minutes=40)
PROJECT = "p" * 32


class Transport(httpx.MockTransport):
    """Responses arrive as from a network: as a stream."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The function's response, unread."""
        scripted = super().handle_request(request)
        return httpx.Response(scripted.status_code, headers=scripted.headers, stream=scripted.stream)


@dataclass
class Source:
    """A project with as many new tasks in each hour.

    Attributes:
        hourly: New tasks an hour.
        now: The present.
        created: Times of the tasks, ascending.
    """

    hourly: int
    now: datetime = START
    created: list[datetime] = field(default_factory=list)

    def advance(self) -> None:
        """Lets an hour pass."""
        step = HOUR / (self.hourly + 1)
        self.created += [self.now + step * number for number in range(1, self.hourly + 1)]
        self.now += HOUR

    def answer(self, request: httpx.Request) -> httpx.Response:
        """The response to a request of the client."""
        headers = {"date": format_datetime(self.now, usegmt=True), "content-type": "application/json"}
        last = request.url.path.rpartition("/")[2]
        if last != "operation-logs":
            body = b'{"operation_log":%b}' % self.record(UUID(last).int)
            return httpx.Response(200, headers=headers, content=body)
        given = dict(request.url.params)
        oldest = self.now - RETENTION
        if "start_time" in given:
            oldest = max(oldest, datetime.fromisoformat(given["start_time"]))
        newest = datetime.fromisoformat(given["end_time"]) if "end_time" in given else self.now
        found = range(bisect_left(self.created, oldest), bisect_right(self.created, newest))
        if "status" in given:
            found = [place for place in found if self.status(place) == given["status"]]  # type: ignore[assignment]
        if given.get("operation_type", "backup") != "backup" or "provider_id" in given:
            found = range(0)
        limit, offset = int(given.get("limit", 1000)), int(given.get("offset", 0))
        page = found[::-1][offset : offset + limit]
        listed = b",".join(self.record(place) for place in page)
        body = b'{"count":%d,"operation_logs":[%b]}' % (len(found), listed)
        return httpx.Response(200, headers=headers, content=body)

    def status(self, place: int) -> str:
        """Status of a task at present."""
        return "success" if self.created[place] + LASTS <= self.now else "running"

    def record(self, place: int) -> bytes:
        """The record of a task at present."""
        created_at = self.created[place]
        is_over = self.status(place) == "success"
        ended_at = _print(created_at + LASTS) if is_over else None
        record = {
            "id": str(UUID(int=place)),
            "operation_type": "backup",
            "status": self.status(place),
            "project_id": PROJECT,
            "vault_id": str(UUID(int=place % 7 + 1)),
            "vault_name": f"vault-{place % 7}",
            "created_at": _print(created_at),
            "started_at": _print(created_at),
            "ended_at": ended_at,
            "updated_at": ended_at or _print(created_at),
            "error_info": {"code": "", "message": ""},
            "extra_info": {
                "common": {"progress": 100 if is_over else 50, "request_id": f"req-{place}"},
                "resource": {
                    "id": str(UUID(int=place % self.hourly + 99)),
                    "name": "ecs",
                    "type": "OS::Nova::Server",
                },
            },
        }
        return json.dumps(record, separators=(",", ":")).encode()


@dataclass(frozen=True)
class Cost:
    """Cost of one load: CPU-seconds, requests, and files below the data directory after it."""

    cpu_seconds: float
    requests: int
    files: int


def simulate(
    folder: Path, hours: int, hourly: int, *, source: Source | None = None, history: str = "7d"
) -> list[Cost]:
    """Loads once an hour.

    Args:
        folder: The data directory.
        hours: Number of loads.
        hourly: New tasks an hour.
        source: What is loaded; a source without tasks if None.
        history: How far back the first load reads.

    Raises:
        SystemExit: A load failed.
    """
    source = source or Source(hourly)
    settings = SourceSettings.model_validate(
        {
            "name": "hourly",
            "endpoint": "http://x",
            "project_id": PROJECT,
            "token": "env:X",
            "history": history,
        }
    )
    ready = ReadySource(settings, TokenCredentials(SecretStr("x")))
    runtime = Runtime(clock=lambda: source.now)
    context = LoadContext(
        DataDirectory(folder),
        read_contract(),
        lambda: source.now,
        uuid4,
        lambda one: CbrClient(one.settings, one.credentials, runtime, transport=Transport(source.answer)),
    )
    costs = []
    for hour in range(hours):
        source.advance()
        began = time.process_time()
        (result,) = load(context, [ready], LoadRequest()).sources
        if result.failure is not None or result.entry.outcome != "done":
            raise SystemExit(f"load {hour} failed: {result.failure} {result.entry.message}")
        cpu = time.process_time() - began
        costs.append(Cost(cpu, result.entry.requests or 0, len(files_below(folder)) if hour % 24 == 0 else 0))
    return costs


def summarize(costs: list[Cost], folder: Path) -> dict[str, float]:
    """The first and the last week beside each other, and the files that are left."""
    week = min(WEEK, max(1, len(costs) // 2))
    files = files_below(folder)
    return {
        "loads": len(costs),
        "week": week,
        "first_week_cpu": sum(one.cpu_seconds for one in costs[:week]) / week,
        "last_week_cpu": sum(one.cpu_seconds for one in costs[-week:]) / week,
        "last_week_requests": sum(one.requests for one in costs[-week:]) / week,
        "files": len(files),
        "ledgers": sum(1 for path in files if path.suffix == ".json" and "/raw/" in path.as_posix()),
        "most_files": max(one.files for one in costs),
        "data_mb": megabytes(files),
    }


def main(hours: str, hourly: str, out: str) -> None:
    """Simulates and writes the summary."""
    with tempfile.TemporaryDirectory(dir=Path(out).parent) as folder:
        found = summarize(simulate(Path(folder) / "data", int(hours), int(hourly)), Path(folder))
    Path(out).write_text(json.dumps(found | {"hourly": int(hourly)}), encoding="utf-8")


def _print(instant: datetime) -> str:
    return instant.replace(tzinfo=None).isoformat(timespec="microseconds")


if __name__ == "__main__":
    main(*sys.argv[1:])
