"""Measures a snapshot of a large inventory that changed nothing, after a year of daily ones.

Run: python benchmarks/inventory_year.py [--resources 15000] [--vaults 500] [--days 365]. Prints the part of
docs/performance.md. Time is simulated: snapshots are written without HTTP, each night some vaults and servers
differ from the night before, and the last snapshot is as the one before. CPU seconds of this process.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cbr_warehouse.contract.inventory_lists import Kind
from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.raw.inventory_writer import ReceivedList, write_snapshot
from cbr_warehouse.raw.ledgers import LoadEntry, write_load
from cbr_warehouse.settings.analytics import AnalyticsSettings
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.warehouse.build import build_warehouse

SOURCE = "large"
BEGIN = datetime(2026, 1, 1, 2, tzinfo=UTC)
POLICIES = 32
CHANGED_VAULTS, NEW_SERVERS = 50, 3
"""Vaults whose use differs from the night before, and servers that are new; of all nights but the last."""


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("resources", 15_000), ("vaults", 500), ("days", 365)):
        parser.add_argument(f"--{name}", type=int, default=default)
    arguments = parser.parse_args()
    estate = Estate(arguments.resources, arguments.vaults)
    with tempfile.TemporaryDirectory() as folder:
        directory = DataDirectory(Path(folder))
        write_load(directory, LoadEntry("L1", SOURCE, BEGIN + timedelta(days=arguments.days), "incremental"))
        nights = [
            cpu(lambda night=night: take(directory, estate, night)) for night in range(arguments.days - 1)
        ]
        first_build = cpu(lambda: publish(directory))
        files = count_files(directory)
        unchanged = cpu(lambda: take(directory, estate, arguments.days - 1, changes=False))
        after = count_files(directory)
        build = cpu(lambda: publish(directory))
        warehouse = directory.warehouse.stat().st_size
    print_part(arguments, nights, unchanged, (first_build, build), (files, after), warehouse)


class Estate:
    """Vaults, policies and servers as a source prints them; some differ from night to night."""

    def __init__(self, resources: int, vaults: int) -> None:
        self.names = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(resources)]
        self.vaults = [self._vault(number, vaults, 0) for number in range(vaults)]
        self.policies = [self._policy(number, vaults) for number in range(POLICIES)]
        self.servers = [self._server(name) for name in self.names]

    def change(self, night: int) -> None:
        """What happens in a day."""
        count = len(self.vaults)
        for step in range(CHANGED_VAULTS):
            number = (night * CHANGED_VAULTS + step) % count
            self.vaults[number] = self._vault(number, count, night)
        for step in range(NEW_SERVERS):
            self.servers.append(self._server(f"{night:08x}-{step:04x}-4000-8000-000000000001"))

    def _vault(self, number: int, vaults: int, night: int) -> bytes:
        held = [
            {
                "id": name,
                "name": f"server-{name[:8]}",
                "type": "OS::Nova::Server",
                "size": 40,
                "backup_size": 900,
            }
            for name in self.names[number::vaults]
        ]
        billing = {
            "size": 5000,
            "used": 1000.0 + night,
            "protect_type": "backup",
            "charging_mode": "post_paid",
        }
        vault = {"id": f"vault-{number:04}", "name": f"vault {number}", "billing": billing, "resources": held}
        return json.dumps(vault | {"tags": [{"key": "team", "value": f"team-{number % 9}"}]}).encode()

    def _policy(self, number: int, vaults: int) -> bytes:
        linked = [{"vault_id": f"vault-{vault:04}"} for vault in range(number, vaults, POLICIES)]
        rule = {"properties": {"pattern": [f"FREQ=DAILY;INTERVAL=1;BYHOUR={number % 24};BYMINUTE=0"]}}
        policy = {"id": f"policy-{number:02}", "name": f"policy {number}", "enabled": True, "trigger": rule}
        return json.dumps(policy | {"operation_type": "backup", "associated_vaults": linked}).encode()

    def _server(self, name: str) -> bytes:
        server = {"id": name, "name": f"server-{name[:8]}", "type": "OS::Nova::Server", "size": 40}
        return json.dumps(server | {"status": "ACTIVE", "protectable": {"result": True}}).encode()


def take(directory: DataDirectory, estate: Estate, night: int, *, changes: bool = True) -> None:
    """Writes the snapshot of a night."""
    if night and changes:
        estate.change(night)
    at = BEGIN + timedelta(days=night)
    received = [
        ReceivedList(Kind.VAULTS, None, estate.vaults),
        ReceivedList(Kind.POLICIES, None, estate.policies),
        ReceivedList(Kind.PROTECTABLES, "server", estate.servers),
    ]
    write_snapshot(directory, SOURCE, f"{at:%Y%m%dT%H%M%S%fZ}-{night:08d}", at, received)


def publish(directory: DataDirectory) -> None:
    """Brings the warehouse up to the snapshots."""
    build_warehouse(directory, read_contract(), AnalyticsSettings())


def cpu(work: Callable[[], None]) -> float:
    """CPU seconds of some work, in user and system."""
    began = time.process_time()
    work()
    return time.process_time() - began


def count_files(directory: DataDirectory) -> tuple[int, int]:
    """Number and bytes of the files in raw."""
    sizes = [path.stat().st_size for path in (directory.root / "raw").rglob("*") if path.is_file()]
    return len(sizes), sum(sizes)


def print_part(
    arguments: argparse.Namespace,
    nights: Sequence[float],
    unchanged: float,
    builds: tuple[float, float],
    raw: tuple[tuple[int, int], tuple[int, int]],
    warehouse: int,
) -> None:
    """Prints the part of docs/performance.md."""
    ((files, size), (files_after, size_after)) = raw
    usual = sorted(nights)[len(nights) // 2]
    a_day, more = arguments.days - 1, (size_after - size) / 1e6
    text = f"""## A year of inventories

By `python benchmarks/inventory_year.py`: {arguments.resources:,} resources in {arguments.vaults:,} vaults and
{POLICIES} policies, a snapshot a day for {arguments.days} days of simulated time. Each night {CHANGED_VAULTS}
vaults differ and {NEW_SERVERS} servers are new; the last snapshot is as the one before. CPU time without
HTTP; publishing makes a warehouse without tasks.

| step | CPU-s | files in raw | MB in raw |
|---|--:|--:|--:|
| first snapshot | {nights[0]:.2f} | | |
| a snapshot with changes, median | {usual:.2f} | {files / a_day:.1f} a day | {size / 1e6 / a_day:.3f} a day |
| the snapshot that changed nothing | {unchanged:.2f} | +{files_after - files} | +{more:.3f} |
| all of the year | {sum(nights) + unchanged:.0f} | {files_after:,} | {size_after / 1e6:.1f} |
| publishing the year at once | {builds[0]:.1f} | | |
| publishing after the snapshot that changed nothing | {builds[1]:.1f} | | |

The warehouse has {warehouse / 1e6:.0f} MB then. Load average at the end: {os.getloadavg()[0]:.1f} on
{os.cpu_count()} CPUs.
"""
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
