"""What somebody changed in a pack is found, and what a pack may not do is refused."""

import json
import stat
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.errors import EvidenceError
from cbr_warehouse.evidence.verify import verify_pack
from cbr_warehouse.evidence.write import WrittenPack, write_pack
from cbr_warehouse.raw.files import content_hash
from cbr_warehouse.settings.control_exceptions import CONTROL_NAMES
from support.forged_pack import Manifest, changed, forged, of_another_release, read_pack, write_zip
from support.living_source import Dialect, living
from support.load_bench import Bench

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
RECORDS = "raw/records-prod.parquet"
RPO = "results/control_days_complete.jsonl"
RPO_QUERY = "sql/control_days_complete.sql"
PERIOD = (NOW - timedelta(days=3), NOW)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> WrittenPack:
    folder = tmp_path_factory.mktemp("pack")
    bench = Bench(folder / "data", living(NOW, 4, Dialect()))
    bench.load()
    return write_pack(bench.directory, read_contract(), (), PERIOD, folder / "evidence.zip")


@pytest.fixture
def pack(written: WrittenPack) -> Path:
    return written.path


def test_a_pack_as_it_was_written_is_verified(written: WrittenPack) -> None:
    found = verify_pack(written.path)
    assert (found.notes, found.manifest_sha256) == ((), written.manifest_sha256)
    assert found.records > 50
    assert set(found.controls) == set(CONTROL_NAMES)


def records(pack: Path, folder: Path, statement: str) -> bytes:
    """The raw records after a statement on the table ``r``."""
    before, after = folder / "before.parquet", folder / "after.parquet"
    before.write_bytes(read_pack(pack)[RECORDS])
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.create_function(
            "hash_of", lambda text: content_hash(text.encode()), ["VARCHAR"], "VARCHAR"
        )
        connection.execute(f"CREATE TABLE r AS FROM '{before}'")
        connection.execute(statement)
        connection.execute(f"COPY r TO '{after}' (FORMAT parquet)")
    return after.read_bytes()


FAILED = "replace(record_text, '\"success\"', '\"failed\"')"
FAIL_ALL = f"UPDATE r SET record_text = {FAILED}"
FAIL_ALL_WITH_HASH = f"UPDATE r SET content_hash = hash_of({FAILED}), record_text = {FAILED}"
LOSE_SOME = "DELETE FROM r WHERE content_hash IN (SELECT content_hash FROM r ORDER BY 1 LIMIT 9)"


def raw_counts(pack: Path) -> Callable[[Manifest], None]:
    """Corrects the number of raw rows in a manifest."""

    def edit(manifest: Manifest) -> None:
        for one in manifest["raw"]:
            if one["table"] == "records-prod":
                one["rows"] -= 9

    return edit


@pytest.mark.parametrize(
    ("statement", "edits_counts", "said"),
    [
        (FAIL_ALL, False, r"records-prod\.parquet: the text of record \w+ was changed"),
        (FAIL_ALL_WITH_HASH, False, r"results/\w+\.jsonl: line \d+ is not what sql/\w+\.sql gives"),
        (LOSE_SOME, False, r"manifest\.json: its counts of raw rows"),
        (LOSE_SOME, True, r"results/\w+\.jsonl: line \d+ is not what sql/\w+\.sql gives"),
    ],
)
@pytest.mark.fault("forged evidence")
def test_a_changed_record_is_found_whatever_else_was_corrected(
    pack: Path, tmp_path: Path, statement: str, said: str, *, edits_counts: bool
) -> None:
    content = records(pack, tmp_path, statement)
    with pytest.raises(EvidenceError, match=r"records-prod\.parquet: its SHA-256 is"):
        verify_pack(changed(pack, tmp_path / "changed.zip", {RECORDS: content}))
    edit = raw_counts(pack) if edits_counts else lambda _manifest: None
    with pytest.raises(EvidenceError, match=said):
        verify_pack(forged(pack, tmp_path / "forged.zip", {RECORDS: content}, edit))


@pytest.mark.parametrize(
    ("name", "before", "after", "said"),
    [
        (RPO, b'"population":', b'"population":1', r"control_days_complete\.jsonl: line 1 is not what"),
        ("results/table_coverage.jsonl", b"\n", b"\n\n", r"table_coverage\.jsonl: line 2 is not what"),
        (RPO_QUERY, b"'lost'", b"'gone'", r"control_days_complete\.sql: is missing, or is not what"),
        ("sql/10_tables.sql", b"DELETE FROM facts", b"DELETE FROM facts", r"10_tables\.sql: is missing"),
        ("sql/20_analytics.sql", b"'failed', 'timeout'", b"'failed'", r"20_analytics\.sql: is missing"),
        ("sql/00_read.sql", b"CREATE SCHEMA raw", b"CREATE SCHEMA raw2", r"00_read\.sql: is not what"),
        ("index.html", b"Evidence of backups", b"Proof of backups", r"index\.html: is not what"),
    ],
)
@pytest.mark.fault("forged evidence")
def test_a_changed_file_is_found_whatever_else_was_corrected(
    pack: Path, tmp_path: Path, name: str, before: bytes, after: bytes, said: str
) -> None:
    old = read_pack(pack)[name]
    new = old.replace(before, after, 1) if before != after else old + b"\n-- more\n"
    assert new != old
    with pytest.raises(EvidenceError, match=f"{name}: its SHA-256 is"):
        verify_pack(changed(pack, tmp_path / "changed.zip", {name: new}))
    with pytest.raises(EvidenceError, match=said):
        verify_pack(forged(pack, tmp_path / "forged.zip", {name: new}))


def set_first(manifest: Manifest, key: str, value: object) -> None:
    manifest["controls"][0][key] = value


EDITS: dict[str, tuple[Callable[[Manifest], None], str]] = {
    "result": (lambda m: set_first(m, "result", "cannot_say"), "is not what its query gives"),
    "why": (lambda m: set_first(m, "why", "all is well"), "why of all_protected is not what its query gives"),
    "title": (lambda m: set_first(m, "title", "All is well"), "title of all_protected is not what"),
    "setting": (lambda m: m["settings"].update(rto="99d"), "its settings are not those of"),
    "exception": (lambda m: m.update(exceptions=[{"control": "x"}]), "its exceptions or its period"),
    "period": (lambda m: m["period"].update(to="2026-03-09T00:00:00+00:00"), "10_tables.sql: is missing"),
    "clause": (lambda m: m["clauses"][0].update(demands="nothing"), "index.html: is not what"),
    "control left out": (lambda m: m["controls"].pop(), "its controls and tables are not the results"),
    "file left out": (lambda m: m["files"].pop(), "is in the pack, but not in the manifest"),
    "no list": (lambda m: m.update(files=3), "is no evidence pack"),
    "other format": (lambda m: m.update(format="x"), "its format is not"),
    "no manifest": (lambda m: m.clear(), "is no evidence pack"),
}


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.fault("forged evidence")
def test_a_changed_manifest_is_found(pack: Path, tmp_path: Path, edit: str) -> None:
    change, said = EDITS[edit]
    manifest = json.loads(read_pack(pack)["manifest.json"])
    change(manifest)
    alone = changed(pack, tmp_path / "changed.zip", {"manifest.json": json.dumps(manifest).encode()})
    with pytest.raises(EvidenceError, match=r"manifest\.json: its SHA-256 is"):
        verify_pack(alone)
    with pytest.raises(EvidenceError, match=said):
        verify_pack(forged(pack, tmp_path / "forged.zip", {}, change))


@pytest.mark.parametrize("name", ["index.html", "manifest.json", "manifest.sha256", RECORDS, RPO, RPO_QUERY])
@pytest.mark.fault("forged evidence")
def test_a_missing_file_is_named(pack: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(EvidenceError, match=f"{name}: is "):
        verify_pack(changed(pack, tmp_path / "changed.zip", {name: None}))


SCRIPTS = {
    "writes a file": "COPY (SELECT 1) TO '{out}';",
    "exports": "EXPORT DATABASE '{out}';",
    "attaches a file": "ATTACH '{out}' AS other;",
    "reads a text": "CREATE TABLE stolen AS SELECT * FROM read_text('/etc/passwd');",
    "reads a text in disguise": "CREATE TABLE stolen AS SELECT * FROM \"READ_TEXT\"/**/ ('/etc/passwd');",
    "reads by a path": "CREATE TABLE stolen AS SELECT * FROM '/etc/passwd.csv';",
    "lists a folder": "CREATE TABLE stolen AS SELECT * FROM glob('/*');",
    "logs to a file": "CREATE TABLE stolen AS SELECT * FROM enable_logging(storage_path := '{out}');",
    "runs a text": "CREATE TABLE stolen AS SELECT * FROM query('SELECT 1');",
    "keeps a secret": "CREATE PERSISTENT SECRET s (TYPE http, EXTRA_HTTP_HEADERS MAP {{}});",
    "installs": "INSTALL httpfs;",
    "loads": "LOAD httpfs;",
    "sets": "SET enable_external_access = true;",
    "calls": "CALL pragma_version();",
    "pragma": "PRAGMA version;",
    "is no SQL": "CREATE TABEL x;",
}


@pytest.mark.parametrize("kind", SCRIPTS)
@pytest.mark.fault("hostile evidence")
def test_a_script_that_reaches_out_is_refused(pack: Path, tmp_path: Path, kind: str) -> None:
    out = tmp_path / "out"
    script = read_pack(pack)["sql/20_analytics.sql"] + SCRIPTS[kind].format(out=out).encode()
    hostile = forged(pack, tmp_path / "hostile.zip", {"sql/20_analytics.sql": script}, of_another_release)
    with pytest.raises(EvidenceError, match=r"20_analytics\.sql: "):
        verify_pack(hostile)
    assert [path.name for path in tmp_path.iterdir()] == ["hostile.zip"]


QUERIES = {
    "writes a file": "COPY (SELECT 1) TO '{out}'",
    "reads a text": "SELECT * FROM read_text('/etc/passwd')",
    "reads by a path": "SELECT * FROM '/etc/passwd.csv'",
    "changes rows": "DELETE FROM tasks",
    "two statements": "SELECT 1; SELECT 2",
    "leaves its frame": "SELECT 1) AS r; DROP TABLE tasks; SELECT (1",
    "nothing": "",
}


@pytest.mark.parametrize("kind", QUERIES)
@pytest.mark.fault("hostile evidence")
def test_a_query_that_does_not_only_read_is_refused(pack: Path, tmp_path: Path, kind: str) -> None:
    query = QUERIES[kind].format(out=tmp_path / "out").encode()
    hostile = forged(pack, tmp_path / "hostile.zip", {RPO_QUERY: query}, of_another_release)
    with pytest.raises(EvidenceError, match=r"control_days_complete\.sql: failed"):
        verify_pack(hostile)
    assert [path.name for path in tmp_path.iterdir()] == ["hostile.zip"]


@pytest.mark.fault("forged evidence")
def test_the_sql_of_another_release_is_run_as_it_is(pack: Path, tmp_path: Path) -> None:
    old = read_pack(pack)[RPO_QUERY]
    other = {RPO_QUERY: old.replace(b"-- ", b"--  ") + b"-- said otherwise\n"}
    found = verify_pack(forged(pack, tmp_path / "other.zip", other, of_another_release))
    assert "made by cbr-warehouse 0.0.0: its SQL was run as it is" in found.notes[0]
    lying = {RPO_QUERY: old.replace(b"'pass'", b"'fail'")}
    with pytest.raises(EvidenceError, match="line 1 is not what"):
        verify_pack(forged(pack, tmp_path / "lying.zip", lying, of_another_release))


@pytest.mark.parametrize(
    "name",
    ["../out", "/tmp/out", "raw/../../out.parquet", "raw\\out.parquet", "raw/x.exe", "raw/", "x" * 300],
)
@pytest.mark.fault("hostile evidence")
def test_a_name_that_leads_out_of_the_pack_is_refused(pack: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(EvidenceError, match="has a file that no pack has"):
        verify_pack(changed(pack, tmp_path / "hostile.zip", {name: b"x"}))


@pytest.mark.fault("hostile evidence")
def test_links_bombs_and_other_archives_are_refused(pack: Path, tmp_path: Path) -> None:
    place = tmp_path / "hostile.zip"

    def refused(said: str) -> None:
        with pytest.raises(EvidenceError, match=said):
            verify_pack(place)

    link = zipfile.ZipInfo("raw/link.parquet")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(place, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    refused("is a link or a device")
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("raw/bomb.parquet", bytes(105 * 2**20))
    refused("would unpack to 110,100,480 bytes")
    with zipfile.ZipFile(place, "w") as archive:
        archive.writestr("index.html", "a")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("index.html", "b")
    refused("has a file twice")
    place.write_bytes(b"no archive")
    refused("is no evidence pack")
    place.write_bytes(read_pack(pack)[RECORDS])
    refused("is no evidence pack")
    content = bytearray(write_zip(place, {"index.html": b"told"}).read_bytes())
    content[content.index(b"told")] ^= 1
    place.write_bytes(content)
    refused("is damaged")
    place.unlink()
    refused("there is no such file")
