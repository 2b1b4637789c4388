"""``verify``: nothing to say of a sound directory, and a sentence for every kind of damage; read-only."""

import json
import shutil
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cbr_warehouse.analytics.build import bring_up
from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.integrity import published
from cbr_warehouse.integrity.finding import Check
from cbr_warehouse.integrity.rebuilt_days import TableVerification
from cbr_warehouse.integrity.subset import parse_subset
from cbr_warehouse.integrity.verify import verify
from cbr_warehouse.raw.compaction import (
    compact,
    find_compaction,
    finish_replacement,
    pending_replacement,
)
from cbr_warehouse.raw.ledger_files import fold
from cbr_warehouse.settings.analytics import AnalyticsSettings
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.lock import hold_lock
from cbr_warehouse.tables.build_state import file_checksum, read_state, write_state
from cbr_warehouse.warehouse.open_published import open_published
from cbr_warehouse.warehouse.reusable_file import note_next
from support.command_line import Finished, Workplace
from support.emulator_server import serve
from support.flipped_bit import flip_bit

pytestmark = pytest.mark.fault("damaged files")

SHARES = 5


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """Loaded twice, so that there are manifests, edited tasks and quarantined records."""
    place = Workplace(tmp_path_factory.mktemp("verify"))
    with serve("--tasks", "400", "--days", "6", "--seed", "3", "--fault", "bad_records=0.02") as url:
        place.configure(url, history="7d")
        for _ in range(2):
            assert place.run("load").status == 0
    return place


@pytest.fixture
def place(loaded: Workplace, tmp_path: Path) -> Workplace:
    shutil.copytree(loaded.folder, tmp_path, dirs_exist_ok=True)
    return Workplace(tmp_path)


def verified(place: Workplace, *words: str) -> tuple[int, dict[str, Any]]:
    done = place.run("verify", "--json", *words)
    assert done.status in {0, 1}, done.err
    return done.status, json.loads(done.out)


def checks(place: Workplace, *words: str) -> set[str]:
    """The kinds of findings of a run that finds something."""
    status, found = verified(place, *words)
    assert status == 1
    return {one["check"] for one in found["findings"]}


def every_day(place: Workplace) -> set[str]:
    """The kinds of findings where every day is made again."""
    return checks(place, "--subset", "1/1")


def one_of(place: Workplace, pattern: str) -> Path:
    return min(place.data.glob(pattern))


def content_of(folder: Path) -> dict[str, Any]:
    return {
        str(path): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in folder.rglob("*")
    }


def test_of_a_sound_directory_nothing_differs_and_nothing_is_written(place: Workplace) -> None:
    before = content_of(place.data)
    done = place.run("verify")
    assert (done.status, done.err) == (0, "")
    assert done.out.splitlines()[-1] == "nothing differs"
    after = content_of(place.data)
    # The published file is opened by a hard link beside it, which changes the folder's time.
    assert {path: rest for path, rest in after.items() if path != str(place.data)} == before


def test_all_shares_together_are_everything_and_none_twice(place: Workplace) -> None:
    status, whole = verified(place, "--subset", "1/1")
    assert status == 0
    shares = [verified(place, "--subset", f"{number}/{SHARES}") for number in range(1, SHARES + 1)]
    assert [status for status, _ in shares] == [0] * SHARES
    assert whole["amount"] == {
        name: sum(share["amount"][name] for _, share in shares) for name in whole["amount"]
    }
    assert whole["amount"]["days_rebuilt"] == whole["amount"]["days"] > 6
    files = [
        path for kind in ("records", "manifests") for path in place.data.glob(f"raw/{kind}/**/*.parquet")
    ]
    assert whole["amount"]["raw_files"] == len(files)
    # How many sweeps there were changes with the hour, and many are folded at once.
    ledgers = [path for kind in ("*.json", "*.jsonl.gz") for path in place.data.glob(f"raw/*/*/{kind}")]
    assert whole["amount"]["ledger_files"] == len(ledgers)
    assert verified(place, "--subset", "2/5") == (0, shares[1][1])


def test_without_a_share_all_checksums_are_verified_and_a_sample_is_made_again(place: Workplace) -> None:
    status, found = verified(place)
    _, whole = verified(place, "--subset", "1/1")
    assert status == 0
    assert found["amount"] | {"days_rebuilt": 0} == whole["amount"] | {"days_rebuilt": 0}


@pytest.mark.parametrize("kind", ["records", "manifests"])
def test_a_flipped_bit_in_a_raw_file(place: Workplace, kind: str) -> None:
    path = one_of(place, f"raw/{kind}/*/day=2*/*.parquet")
    flip_bit(path)
    done = place.run("verify")
    assert done.status == 1
    assert str(path) in done.out
    assert checks(place) == {"raw_checksum"}


@pytest.mark.parametrize("kind", ["loads", "sweeps", "audits", "landed"])
def test_a_flipped_bit_in_a_ledger(place: Workplace, kind: str) -> None:
    path = one_of(place, f"raw/{kind}/*/*.json")
    flip_bit(path)
    done = place.run("verify")
    assert done.status == 1
    assert str(path) in done.out


@pytest.mark.parametrize("kind", ["loads", "audits"])
def test_a_flipped_bit_in_a_folded_ledger(place: Workplace, kind: str) -> None:
    single = one_of(place, f"raw/{kind}/*/*.json")
    fold(single.parent, [single.name])
    assert place.run("verify").status == 0
    flip_bit(one_of(place, f"raw/{kind}/*/folded-*"))
    assert "ledger_checksum" in checks(place)


def test_a_raw_file_that_is_gone(place: Workplace) -> None:
    one_of(place, "raw/records/*/day=2*/*.parquet").unlink()
    assert "missing_records" in checks(place)


@pytest.mark.parametrize("table", ["tasks", "resources", "task_versions", "quarantine"])
def test_a_flipped_bit_in_a_partition(place: Workplace, table: str) -> None:
    path = one_of(place, f"tables/{table}/*/*/data.parquet")
    flip_bit(path)
    done = place.run("verify")
    assert done.status == 1
    assert str(path) in done.out
    assert checks(place) == {"table_checksum"}


def test_a_partition_that_is_gone(place: Workplace) -> None:
    one_of(place, "tables/tasks/*/*/data.parquet").unlink()
    assert checks(place) == {"table_checksum"}


def test_a_note_of_a_day_that_is_gone(place: Workplace) -> None:
    one_of(place, "tables/.state/*/day=2*.json").unlink()
    assert "table_behind" in checks(place)


def edit_partition(place: Workplace, table: str, edit: Callable[[pa.Table], pa.Table]) -> None:
    """Changes a partition and its note, so that its checksum is right: as a defect of the program would."""
    directory = DataDirectory(place.data)
    path = sorted(directory.partitions(table, "prod"))[1]
    day = path.parent.name.removeprefix("day=")
    pq.write_table(edit(pq.read_table(path, partitioning=None)), path)
    state = read_state(directory, "prod", day)
    assert state is not None
    files = {**state.files, table: (path.stat().st_size, file_checksum(path))}
    write_state(directory, "prod", day, replace(state, files=files))


def test_a_cell_that_is_not_what_raw_says(place: Workplace) -> None:
    """Its checksum is right: only making the day again finds it."""

    def rename(rows: pa.Table) -> pa.Table:
        place_of = rows.column_names.index("status")
        return rows.set_column(place_of, "status", pa.array(["success"] * (rows.num_rows - 1) + ["broken"]))

    edit_partition(place, "tasks", rename)
    assert {"table_content"} <= every_day(place)


def test_a_row_that_is_lacking(place: Workplace) -> None:
    """Conservation: every record has a row, looked at in every run."""
    edit_partition(place, "task_versions", lambda rows: rows.slice(1))
    assert "conservation" in checks(place)


def edit_warehouse(place: Workplace, statement: str) -> None:
    """Changes the published warehouse and the note of its checksum."""
    directory = DataDirectory(place.data)
    with duckdb.connect(str(directory.warehouse)) as connection:
        connection.execute(statement)
        connection.execute("CHECKPOINT")
    note_next(directory, None, directory.warehouse, None)


@pytest.mark.parametrize(
    ("statement", "check"),
    [
        (
            "UPDATE tasks SET status = 'broken' WHERE task_id = (SELECT min(task_id) FROM tasks)",
            "warehouse_content",
        ),
        ("DELETE FROM resources WHERE task_id = (SELECT min(task_id) FROM resources)", "warehouse_content"),
        ("UPDATE coverage SET state = 'complete', reason = NULL, counted = 7", "warehouse_content"),
        ("UPDATE loads SET records = 7", "warehouse_content"),
        ("INSERT INTO tasks SELECT * FROM tasks LIMIT 1", "keys"),
        (
            "DELETE FROM meta.partitions WHERE day = (SELECT min(day) FROM meta.partitions)",
            "warehouse_behind",
        ),
        ("UPDATE analytics.attempt SET outcome = 'ok'", "analytics"),
        ("CREATE OR REPLACE VIEW analytics.long_running AS SELECT 1 AS a", "analytics"),
    ],
)
def test_a_changed_warehouse(place: Workplace, statement: str, check: str) -> None:
    edit_warehouse(place, statement)
    assert check in checks(place)


def test_a_warehouse_that_another_program_changed(place: Workplace) -> None:
    flip_bit(place.data / "warehouse.duckdb")
    assert "warehouse_checksum" in checks(place)


def test_a_warehouse_that_is_gone(place: Workplace) -> None:
    (place.data / "warehouse.duckdb").unlink()
    assert checks(place) == {"warehouse_checksum"}


def test_it_runs_beside_a_load(place: Workplace) -> None:
    """A day that a running load has not brought up yet is left to it."""
    one_of(place, "tables/.state/*/day=2*.json").unlink()
    lock = DataDirectory(place.data).source_lock("prod")
    with hold_lock(lock, what="load of prod", now=datetime.now(UTC), wait=False):
        done = place.run("verify")
    assert done.status == 0, done.out
    assert "left to load of prod" in done.err
    assert place.run("verify").status == 1


@pytest.fixture
def unpublished(place: Workplace) -> Workplace:
    """As between a load and its publication, which Dagster does in a run of its own."""
    directory = DataDirectory(place.data)
    before = {path: path.read_bytes() for path in (directory.warehouse, directory.warehouse_note)}
    with serve("--tasks", "400", "--days", "6", "--seed", "4") as url:
        place.configure(url, history="7d")
        loaded = place.run("load")
    # Another estate under the same name: the source may have fewer tasks of a day than were counted before.
    assert loaded.status in {0, 1}, loaded.err
    assert " done: " in loaded.out, loaded
    for path, content in before.items():
        path.write_bytes(content)
    return place


def test_a_load_that_is_published_soon_is_no_finding(unpublished: Workplace) -> None:
    done = unpublished.run("verify")
    assert done.status == 0, done.out
    assert "days were left to the publication of the load of prod" in done.err


def test_a_load_that_was_never_published_is_a_finding_without_the_advice_to_rebuild(
    unpublished: Workplace,
) -> None:
    directory = DataDirectory(unpublished.data)
    later = datetime.now(UTC) + timedelta(hours=2)
    found = verify(directory, read_contract(), AnalyticsSettings(), later)
    assert {one.check for one in found.findings} == {Check.WAREHOUSE_BEHIND}
    assert "a load publishes" in found.findings[0].what
    # Publishing takes long where much is held: nothing changes meanwhile, and nothing is wrong.
    with hold_lock(directory.lock, what="publication by Dagster", now=later, wait=False):
        found = verify(directory, read_contract(), AnalyticsSettings(), later)
    assert found.findings == []
    assert "left to publication by Dagster" in found.notes[0]


def compact_every_day(place: Workplace) -> int:
    """What ``maintain`` does beside a verification; gives the number of days whose files were replaced."""
    directory, done = DataDirectory(place.data), 0
    for day, kind in ((day, kind) for day in directory.days("prod") for kind in ("records", "manifests")):
        work = find_compaction(directory, "prod", kind, day, 0)
        if work is None or compact(directory, "prod", work) is None:
            continue
        replacement = pending_replacement(directory, "prod")
        assert replacement is not None
        finish_replacement(directory, "prod", replacement)
        done += 1
    return done


def test_raw_files_that_are_compacted_meanwhile_are_looked_at_again(
    unpublished: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, compacted = TableVerification.run, []

    def run(self: TableVerification, days: Sequence[str], rebuilt: Collection[str]) -> Any:
        if not compacted:
            compacted.append(compact_every_day(unpublished))
        return original(self, days, rebuilt)

    monkeypatch.setattr(TableVerification, "run", run)
    now = datetime.now(UTC)
    found = verify(
        DataDirectory(unpublished.data), read_contract(), AnalyticsSettings(), now, parse_subset("1/1")
    )
    assert compacted[0] > 1
    assert found.findings == []
    assert found.amount.days_rebuilt > 1


@pytest.mark.parametrize("share", ["0/3", "4/3", "3", "a/b", "1/0", "-1/3", "1/3/5"])
def test_a_share_that_is_none(place: Workplace, share: str) -> None:
    done = place.run("verify", f"--subset={share}")
    assert_sentence(done, share)


def assert_sentence(done: Finished, share: str) -> None:
    assert (done.status, done.out) == (2, "")
    assert f"--subset {share}: " in done.err


def test_without_any_load_there_is_nothing_to_verify(workplace: Workplace) -> None:
    workplace.configure("http://127.0.0.1:9")
    done = workplace.run("verify")
    assert done.status == 1
    assert "nothing to verify" in done.err
    assert not workplace.data.exists()


def test_analytics_that_lack_memory_are_made_from_the_beginning_again(
    place: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def fail_once(engine: duckdb.DuckDBPyConnection, *_given: object, **_named: object) -> None:
        asked.append(1)
        if len(asked) == 1:
            engine.execute("CREATE TABLE warehouse.analytics.left_behind (n INTEGER)")
            raise duckdb.OutOfMemoryException
        bring_up(engine, AnalyticsSettings(), (), has_comments=False)

    monkeypatch.setattr(published, "bring_up", fail_once)
    directory = DataDirectory(place.data)
    (tmp_path / "again").mkdir()
    with open_published(directory.warehouse) as connection:
        found = published.verify_analytics(connection, directory, AnalyticsSettings(), tmp_path / "again")
    assert (found.findings, len(asked)) == ([], 2)
