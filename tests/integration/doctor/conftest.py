"""Two emulators for the doctor: records that tell every behaviour apart, and an estate for their shapes."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import pytest

from support.emulator_server import Emulated, emulated

PROVIDERS = (
    "0daac4c5-6707-4851-97ba-169e36266b66",
    "d1603440-187d-4516-af25-121250c7cc97",
    "3f3c3220-245c-4805-b811-758870015881",
)


def telling_records(now: datetime, count: int = 1800, days: int = 45) -> list[dict[str, Any]]:
    """Tasks of three providers; every third has times on whole seconds."""
    random = Random(7)

    def record(number: int) -> dict[str, Any]:
        created = now - timedelta(hours=3) - timedelta(days=days) * random.random()
        if number % 3 == 0:
            created = created.replace(microsecond=0)
        started = created + timedelta(seconds=random.choice([20, 300, 4000]))
        ended = started + timedelta(seconds=random.choice([30, 900, 5000]))
        vault = number % 40
        return {
            "id": str(UUID(int=random.getrandbits(128))),
            "operation_type": "backup",
            "status": "success",
            "provider_id": PROVIDERS[vault % 3],
            "vault_id": f"vault-{vault}",
            "vault_name": f"daily-backups-{vault:03}",
            "created_at": _print(created),
            "started_at": _print(started),
            "ended_at": _print(ended),
            "updated_at": _print(ended),
            "extra_info": {"resource": {"id": f"machine-{number % 200}", "name": f"web-{number % 200:03}"}},
        }

    return [record(number) for number in range(count)]


def _print(instant: datetime) -> str:
    return instant.replace(tzinfo=None).isoformat(timespec="microseconds")


def write(folder: Path, records: list[dict[str, Any]]) -> Path:
    path = folder / "records.json"
    path.write_text(json.dumps(records), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def present() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def telling(tmp_path_factory: pytest.TempPathFactory, present: datetime) -> Iterator[Emulated]:
    path = write(tmp_path_factory.mktemp("records"), telling_records(present))
    with emulated(records=path, now=present.isoformat()) as running:
        yield running


@pytest.fixture(scope="module")
def estate() -> Iterator[Emulated]:
    with emulated(tasks=3000, days=28, seed=1) as running:
        yield running
