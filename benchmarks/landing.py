"""Measures landing alone, from the bodies of responses to raw files: in a first load, and without news.

Run: python benchmarks/landing.py [--tasks 100000]. CPU seconds of this process, without HTTP; the records
are nested and have about 1.1 kB each, in pages of 1,000, spread over 30 days.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from uuid import UUID

from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.contract.validate import RecordValidator
from cbr_warehouse.raw.files import ReceivedPage
from cbr_warehouse.raw.landing import Landing
from cbr_warehouse.source.parse_response import read_list
from cbr_warehouse.storage.layout import DataDirectory

PAGE = 1_000
END = datetime(2026, 11, 28, tzinfo=UTC)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=100_000)
    count = parser.parse_args().tasks
    bodies = list(generate(count))
    syncs = count_syncs()
    with tempfile.TemporaryDirectory() as folder:
        warm_up(bodies[:1])
        for name in ("first load", "nothing new"):
            syncs.clear()
            seconds = measure(Path(folder), name.replace(" ", "-"), bodies)
            files = len(list(Path(folder).rglob(f"{name.replace(' ', '-')}*.parquet")))
            speed = f"{count / seconds:,.0f} records per CPU-second ({1e6 * seconds / count:.1f} µs each)"
            sys.stdout.write(f"{name}: {speed}, {files} files, {len(syncs)} syncs\n")


def generate(count: int) -> Iterator[bytes]:
    """Bodies of responses, newest tasks first."""
    random = Random(7)  # noqa: S311  not for secrets
    for begin in range(0, count, PAGE):
        numbers = range(begin, min(count, begin + PAGE))
        records = [record(random, END - timedelta(days=30) * (number / count)) for number in numbers]
        body = {"operation_logs": records, "count": count}
        yield json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def record(random: Random, created_at: datetime) -> dict[str, object]:
    """One backup, with all blocks that backups have."""
    ids = [str(UUID(int=random.getrandbits(128))) for _ in range(9)]
    times = [created_at + timedelta(seconds=random.uniform(0, 900) * step) for step in (0, 1, 2)]
    created, started, ended = (f"{at:%Y-%m-%dT%H:%M:%S.%f}" for at in sorted(times))
    resource = {"id": ids[6], "name": f"ecs-{random.randrange(5_000):05}", "type": "OS::Nova::Server"}
    backup = {"backup_id": ids[5], "backup_name": f"autobk_{ids[5][:4]}", "incremental": True}
    consistency = {f"app_consistency_{key}": "" for key in ("status", "error_code", "error_message")}
    return {
        "id": ids[0],
        "operation_type": "backup",
        "status": "success",
        "project_id": ids[1],
        "provider_id": ids[2],
        "policy_id": ids[3],
        "checkpoint_id": ids[4],
        "vault_id": ids[7],
        "vault_name": "存储库-0002",
        "created_at": created,
        "started_at": started,
        "ended_at": ended,
        "updated_at": ended,
        "error_info": {"code": "", "message": ""},
        "extra_info": {
            "common": {"progress": 100, "request_id": f"req-{ids[8]}", "task_id": ids[0]},
            "backup": backup | consistency,
            "resource": resource | {"extra_info": {"include_volumes": [], "exclude_volumes": []}},
        },
    }


def measure(folder: Path, load_id: str, bodies: list[bytes]) -> float:
    """Lands all bodies in one load; returns CPU seconds."""
    contract = read_contract()
    landing = Landing(
        DataDirectory(folder),
        "bench",
        load_id,
        validator=RecordValidator(contract),
        contract=contract.fingerprint,
    )
    began = time.process_time()
    for number, body in enumerate(bodies):
        landing.land(ReceivedPage(read_list(body).texts, 1, number, END))
    landing.flush()
    return time.process_time() - began


def warm_up(bodies: list[bytes]) -> None:
    """Imports what the first call imports."""
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), "warm-up", bodies)


def count_syncs() -> list[int]:
    """Counts calls of fsync from now on."""
    calls: list[int] = []
    sync = os.fsync

    def counted(handle: int) -> None:
        calls.append(handle)
        sync(handle)

    os.fsync = counted  # type: ignore[assignment]  # alike
    return calls


if __name__ == "__main__":
    main()
