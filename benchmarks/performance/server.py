"""A server of a file of records with an index, in a process of its own.

The emulator searches all its rows at each request, which at millions of tasks takes longer than what is
measured. This server speaks as much of the API as the loaders here ask for: windows of ``created_at``, the
filters by status, type and provider, and single open tasks. It lists what was created within 31 days before
its present, which is that of the machine until ``POST /now`` sets another. ``GET /stats`` counts what it
served. With RUNNING, as many of the newest tasks are served as running until ``POST /end``.

Run: python server.py FILE RUNNING; prints its base URL.
"""

import asyncio
import json
import mmap
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
import numpy as np

FILTERS = ("status", "operation_type", "provider_id")
CHUNK = 1_000_000
MAX_LIMIT = 1000
RETENTION = timedelta(days=31)
"""A day more than the history that is loaded, which begins with a whole day."""


class Head(msgspec.Struct):
    """What requests can filter and order by."""

    id: str
    created_at: str
    ended_at: str | None
    status: str
    operation_type: str
    provider_id: str


@dataclass
class Index:
    """Where each record is, newest first, and what it can be filtered by.

    Attributes:
        content: The file.
        begins: Offset of each record.
        ends: Offset of its end.
        created: Negated ``created_at`` in microseconds, ascending.
        is_open: Whether it has no end.
        codes: For each filter, the number of its value.
        values: For each filter, the values by number.
        open_ids: Position of each open task by id.
        changed: Records that replace those of the file, by position.
    """

    content: mmap.mmap
    begins: Any
    ends: Any
    created: Any
    is_open: Any
    codes: dict[str, Any]
    values: dict[str, dict[str, int]]
    open_ids: dict[str, int]
    changed: dict[int, bytes] = field(default_factory=dict)
    _positions: dict[tuple[tuple[str, str], ...], Any] = field(default_factory=dict)

    def positions(self, filters: dict[str, str]) -> Any:
        """Positions of the records that match filters, ascending."""
        key = tuple(sorted(filters.items()))
        if key not in self._positions:
            mask = np.ones(len(self.created), dtype=bool)
            for name, value in key:
                mask &= self.codes[name] == self.values[name].get(value, -1)
            self._positions[key] = np.flatnonzero(mask)
        return self._positions[key]

    def forget_positions(self) -> None:
        """Evaluates filters again, after records changed."""
        self._positions.clear()

    def text(self, position: int) -> bytes:
        """The record at a position."""
        if position in self.changed:
            return self.changed[position]
        return self.content[self.begins[position] : self.ends[position]]


def read_index(path: Path) -> Index:
    """Reads a file of records."""
    with path.open("rb") as file:
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    decoder = msgspec.json.Decoder(Head)
    begins, created, open_, codes = [], [], [], {name: [] for name in FILTERS}  # type: ignore[var-annotated]
    values: dict[str, dict[str, int]] = {name: {} for name in FILTERS}
    ids: dict[int, str] = {}
    begin = 0
    while (end := content.find(b"\n", begin)) >= 0:
        head = decoder.decode(content[begin:end])
        if head.ended_at is None:
            ids[begin] = head.id
        begins.append(begin)
        created.append(head.created_at)
        open_.append(head.ended_at is None)
        for name in FILTERS:
            known = values[name]
            codes[name].append(known.setdefault(getattr(head, name), len(known)))
        begin = end + 1
    starts = np.array(begins, dtype=np.int64)
    stops = np.append(starts[1:], begin) - 1
    times = -np.concatenate(
        [np.array(created[i : i + CHUNK], dtype="datetime64[us]") for i in range(0, len(created), CHUNK)]
    ).astype(np.int64)
    order = np.argsort(times, kind="stable")
    places = {int(starts[position]): number for number, position in enumerate(order) if open_[position]}
    return Index(
        content,
        starts[order],
        stops[order],
        times[order],
        np.array(open_)[order],
        {name: np.array(codes[name], dtype=np.int16)[order] for name in FILTERS},
        values,
        {ids[begin]: number for begin, number in places.items()},
    )


@dataclass
class Server:
    """Answers requests and counts them.

    Attributes:
        index: The records.
        ahead: Its present after that of the machine; the time between passes as it does here.
        requests: Requests for records.
        records: Records listed.
        sent: Bytes of their responses.
    """

    index: Index
    ahead: timedelta = timedelta()
    requests: int = 0
    records: int = 0
    sent: int = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves one connection until the client closes it."""
        try:
            while request := await reader.readuntil(b"\r\n\r\n"):
                method, target, _ = request.split(b"\r\n", 1)[0].decode().split(" ")
                status, body = self.answer(method, target)
                date = format_datetime(self.now(), usegmt=True)
                head = (
                    f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ndate: {date}\r\n"
                    f"content-length: {len(body)}\r\n\r\n"
                )
                writer.write(head.encode() + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def now(self) -> datetime:
        """The present."""
        return datetime.now(UTC) + self.ahead

    def answer(self, method: str, target: str) -> tuple[str, bytes]:
        """Status and body of the response to a request."""
        parts = urlsplit(target)
        *_, last = parts.path.split("/")
        if last == "stats":
            stats = {"requests": self.requests, "records": self.records, "bytes": self.sent}
            return "200 OK", json.dumps(stats).encode()
        if method == "POST" and last == "now":
            self.ahead = datetime.fromisoformat(dict(parse_qsl(parts.query))["at"]) - datetime.now(UTC)
            return "200 OK", b"{}"
        if method == "POST":
            self.end_running()
            return "200 OK", b"{}"
        self.requests += 1
        status, body = (
            self.listed(dict(parse_qsl(parts.query))) if last == "operation-logs" else self.one(last)
        )
        self.sent += len(body)
        return status, body

    def end_running(self) -> None:
        """Serves the tasks kept running as what they are in the file."""
        for position in self.index.changed:
            status = json.loads(self.index.content[self.index.begins[position] : self.index.ends[position]])[
                "status"
            ]
            self.index.codes["status"][position] = self.index.values["status"][status]
        self.index.changed.clear()
        self.index.forget_positions()

    def one(self, task_id: str) -> tuple[str, bytes]:
        """An open task."""
        position = self.index.open_ids.get(task_id)
        if position is None:
            return "404 Not Found", b'{"error_code":"BackupService.6500","error_msg":"does not exist"}'
        return "200 OK", b'{"operation_log":%b}' % self.index.text(position)

    def listed(self, parameters: dict[str, str]) -> tuple[str, bytes]:
        """A page of tasks, newest first."""
        limit, offset = int(parameters.pop("limit", 1000)), int(parameters.pop("offset", 0))
        newest = min(_microseconds(self.now()), _instant(parameters.pop("end_time", None), 2**62))
        oldest = max(_microseconds(self.now() - RETENTION), _instant(parameters.pop("start_time", None), 0))
        if limit > MAX_LIMIT or parameters.keys() - set(FILTERS):
            return "400 Bad Request", b'{"error_code":"BackupService.6000","error_msg":"parameter"}'
        index, found = self.index, self.index.positions(parameters)
        created = index.created[found] if parameters else index.created
        first = int(np.searchsorted(created, -newest, side="left"))
        end = int(np.searchsorted(created, -oldest, side="right"))
        page = found[first + offset : min(end, first + offset + limit)]
        self.records += len(page)
        body = b",".join(index.text(int(position)) for position in page)
        return "200 OK", b'{"count":%d,"operation_logs":[%b]}' % (max(0, end - first), body)


def _that_ran(index: Index) -> Iterator[tuple[int, dict[str, Any]]]:
    """The ended tasks, newest first, of which the text of a running one is older by its own times."""
    for position in map(int, np.flatnonzero(~index.is_open)):
        record = json.loads(index.text(position))
        if record["started_at"] not in {None, record["updated_at"]}:
            yield position, record


def keep_running(index: Index, number: int) -> None:
    """Serves the newest ended tasks as running ones, of those that took any time."""
    for position, record in islice(_that_ran(index), number):
        record |= {"status": "running", "ended_at": None, "updated_at": record["started_at"]}
        record["extra_info"]["common"]["progress"] = 50
        index.changed[position] = json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode()
        index.open_ids[record["id"]] = position
        index.codes["status"][position] = index.values["status"].setdefault(
            "running", len(index.values["status"])
        )


def _instant(text: str | None, unless_given: int) -> int:
    """Microseconds since 1970 of a time of the API, such as 2026-01-31T12:00:00Z."""
    return unless_given if text is None else _microseconds(datetime.fromisoformat(text))


def _microseconds(moment: datetime) -> int:
    return int((moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))


async def main(path: Path, running: int) -> None:
    """Serves until it is terminated."""
    served = Server(read_index(path))
    keep_running(served.index, running)
    listener = await asyncio.start_server(served.talk, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}", flush=True)
    await listener.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
