"""``data_dir = "s3://…"``: hosts that load in turn, at once, and killed, end with what one machine has."""

import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from cbr_warehouse import open_warehouse
from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.errors import LoadRunningError, StorageError
from cbr_warehouse.integrity.verify import verify
from cbr_warehouse.remote.hold import refresh_everything
from cbr_warehouse.settings.analytics import AnalyticsSettings
from cbr_warehouse.storage.layout import DataDirectory
from support.emulator_server import Emulated, Warehouse, emulated
from support.hosts_of_commands import HostOfCommands, fine
from support.object_stores import BUCKET
from support.warehouse_hashes import hashes


@pytest.fixture
def url(real: None) -> str:
    return f"s3://{BUCKET}/{uuid4().hex}"


def on_host(folder: Path, url: str, source: Emulated) -> Warehouse:
    """A warehouse in a store, loaded by a host that has nothing but its cache."""
    warehouse = Warehouse(folder, source)
    warehouse.directory = DataDirectory(folder / "cache" / "work", url)
    return warehouse


def brought_up(folder: Path, url: str) -> DataDirectory:
    """All of it on a host that has none of it yet."""
    directory = DataDirectory(folder / "cache" / "work", url)
    refresh_everything(directory, lambda sentence: None)
    return directory


def findings(directory: DataDirectory, source: Emulated) -> list[str]:
    found = verify(directory, read_contract(), AnalyticsSettings(), source.now)
    return [one.what for one in found.findings]


def test_hosts_in_turn_end_with_what_one_machine_has(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with emulated(tasks=300, days=8) as source:
        local = Warehouse(tmp_path / "local", source)
        a, b = (on_host(tmp_path / name, url, source) for name in ("a", "b"))
        for host in (a, b, a):
            local.load()
            host.load()
            assert hashes(host.directory.warehouse) == hashes(local.directory.warehouse)
            source.advance(timedelta(hours=5))
        with_new_disk = brought_up(tmp_path / "c", url)
        assert hashes(with_new_disk.warehouse) == hashes(local.directory.warehouse)
        assert findings(with_new_disk, source) == []
        monkeypatch.setenv("CBR_WAREHOUSE_CACHE_DIR", str(tmp_path / "reader"))
        with open_warehouse(url) as read:
            assert len(read.sql("FROM tasks")) == len(local.ask("FROM tasks"))


def test_two_hosts_at_once_do_not_load_the_same_source(url: str, tmp_path: Path) -> None:
    with emulated(tasks=60, days=3) as source:
        a, b = (on_host(tmp_path / name, url, source) for name in ("a", "b"))
        refused: list[str] = []

        def try_too(query: dict[str, str]) -> None:
            if not refused:
                refused.append("")
                with pytest.raises(LoadRunningError) as told:
                    b.load()
                refused.append(str(told.value))

        source.after_list = try_too
        a.load()
        assert "Another load is running: load of prod (process" in refused[1]
        assert b.load().sources[0].entry.new == 0
        assert hashes(a.directory.warehouse) == hashes(b.directory.warehouse)


STEPS = {
    "as it has received everything": "cbr_warehouse.load.source_load.follow_tasks",
    "as the tables are made": "cbr_warehouse.load.source_load.verify_days",
    "as it commits": "cbr_warehouse.remote.working_copy.encode_commit",
    "as it publishes": "cbr_warehouse.load.publish.build_warehouse",
    "between source and publication": "cbr_warehouse.load.locks.for_publication",
}


@pytest.fixture(scope="module")
def source() -> Iterator[Emulated]:
    with emulated(tasks=200, days=5, seed=1, now=None) as running:
        yield running


@pytest.mark.fault("object stores")
@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_killed_at_a_step_another_host_goes_on(url: str, source: Emulated, tmp_path: Path, step: str) -> None:
    a, b = (HostOfCommands(tmp_path / name, source.url, url) for name in ("a", "b"))
    assert a.killed_at(step, "load") == -signal.SIGKILL
    fine(b.run("load", "--wait"))
    fine(a.run("load", "--wait"))
    for host in (a, b):
        assert {row["task_id"] for row in host.sql("SELECT task_id FROM tasks")} == source.truth().keys()
    assert "nothing differs" in fine(b.run("verify")).out


def test_every_command_works_on_a_store(url: str, source: Emulated, tmp_path: Path) -> None:
    a, b = (HostOfCommands(tmp_path / name, source.url, url) for name in ("a", "b"))
    fine(a.run("load"))
    for words in (
        ("status",),
        ("plan",),
        ("verify",),
        ("metrics",),
        ("views", "attempt"),
        ("quarantine", "list"),
        ("report", "--digest"),
        ("maintain",),
        ("rebuild",),
        ("quarantine", "requeue"),
        ("verify",),
    ):
        fine(b.run(*words))
    assert a.run("check").status in {0, 1}
    page = Path(fine(b.run("report")).out.strip())
    assert page.is_file()
    assert {row["task_id"] for row in a.sql("SELECT task_id FROM tasks")} == source.truth().keys()
    back = HostOfCommands(tmp_path / "c", source.url, url)
    assert "nothing differs" in fine(back.run("verify")).out


def test_without_credentials_it_is_a_sentence(url: str, source: Emulated, tmp_path: Path) -> None:
    done = HostOfCommands(tmp_path / "a", source.url, url).run("status", AWS_SECRET_ACCESS_KEY="")
    assert done.status == 2
    assert f"{url}: there are no credentials" in done.err


def test_without_an_answer_it_is_a_sentence(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cbr_warehouse.remote.place.PATIENCE_SECONDS", 0.1)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(StorageError, match="Check the endpoint and the network"):
        brought_up(tmp_path / "a", url)
