"""``report --audit`` and ``verify-pack``: a pack says what the warehouse says, and runs by itself."""

import hashlib
import json
import os
import re
import shutil
import zipfile
from collections.abc import Callable
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cbr_warehouse.analytics.catalogue import base_tables, views
from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.controls.clauses import CLAUSES
from cbr_warehouse.controls.describe import describe
from cbr_warehouse.controls.evaluate import check_published
from cbr_warehouse.evidence.index_page import render_index
from cbr_warehouse.evidence.sandbox import open_sandbox, read_statements, run_statements
from cbr_warehouse.evidence.write import PACK, write_pack
from cbr_warehouse.settings.control_exceptions import CONTROL_NAMES
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.warehouse.open_published import open_published
from cbr_warehouse.warehouse.query import read_watermark
from support.command_line import PROJECT, Workplace
from support.hostile_text import HOSTILE
from support.local_page import read_html

TABLES = ("tasks", "resources", "resource_volumes", "replications")


@pytest.fixture(scope="module")
def estate(small_demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A folder of its own with the demo's data."""
    workplace = Workplace(tmp_path_factory.mktemp("audited"))
    shutil.copytree(small_demo, workplace.data)
    return workplace


@pytest.fixture(scope="module")
def audited(estate: Workplace) -> Path:
    """The folder of a report with its evidence."""
    done = estate.run("report", "--audit", "--out", "report")
    assert done.status == 0, done.err
    assert "Evidence pack: " in done.err
    return estate.folder / "report"


@pytest.fixture(scope="module")
def unpacked(audited: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(audited / PACK) as archive:
        archive.extractall(folder)
    return folder


def manifest_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return found


def test_the_pack_is_verified_on_another_machine(audited: Path, tmp_path: Path) -> None:
    shutil.copy(audited / PACK, tmp_path / "received.zip")
    done = Workplace(tmp_path).run("verify-pack", "received.zip")
    assert (done.status, done.err) == (0, "")
    said = rf"verified: [\d,]+ raw records, {len(CONTROL_NAMES)} controls .* give the same to the byte"
    assert re.search(said, done.out)
    digest = hashlib.sha256(zipfile.ZipFile(audited / PACK).read("manifest.json")).hexdigest()
    assert f"manifest SHA-256: {digest}" in done.out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["received.zip"]


def test_a_changed_pack_is_refused_with_the_first_difference(audited: Path, tmp_path: Path) -> None:
    content = (audited / PACK).read_bytes()
    place = content.rindex(b'"result":"fail"')
    (tmp_path / "changed.zip").write_bytes(content[:place] + b'"result":"pass"' + content[place + 15 :])
    done = Workplace(tmp_path).run("verify-pack", "changed.zip")
    assert (done.status, done.out) == (1, "")
    assert "is damaged" in done.err


def test_the_manifest_of_the_report_names_the_pack(audited: Path) -> None:
    content = (audited / PACK).read_bytes()
    assert manifest_of(audited)["evidence"] == {
        "file": PACK,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def test_a_report_without_evidence_leaves_none_behind(estate: Workplace) -> None:
    shutil.copytree(estate.folder / "report", estate.folder / "again")
    done = estate.run("report", "--out", "again")
    assert done.status == 0, done.err
    assert not (estate.folder / "again" / PACK).exists()
    # The evidence is one archive: it used to come with the tables of the analytics, a hundred loose files.
    with_evidence, without = (
        {path.name for path in (estate.folder / name).iterdir()} for name in ("report", "again")
    )
    assert with_evidence - without == {PACK}
    assert without <= with_evidence


def test_the_index_leads_from_clause_to_control_to_rows_and_is_offline(unpacked: Path) -> None:
    page = (unpacked / "index.html").read_text(encoding="utf-8")
    links: list[str] = []
    ids: set[str] = set()

    class Links(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found = dict(attrs)
            assert tag not in {"script", "img", "iframe", "link"}
            if "href" in found:
                links.append(str(found["href"]))
            if "id" in found:
                ids.add(str(found["id"]))

    Links().feed(page)
    assert "default-src 'none'" in page
    assert "http://" not in page
    assert "https://" not in page
    assert ids >= {*CONTROL_NAMES, "clauses"}
    missing = [
        link
        for link in links
        if (link[1:] not in ids if link.startswith("#") else not (unpacked / link).is_file())
    ]
    assert missing == []
    manifest = manifest_of(unpacked)
    assert [one["clause"] for one in manifest["clauses"]] == list(CLAUSES)
    for one in manifest["controls"]:
        assert {f"#{one['control']}", one["query"], one["results"]} <= {*links}
    for one in manifest["files"]:
        assert one["sha256"] in page or one["file"] == "index.html"


@pytest.mark.fault("hostile text")
def test_names_on_the_index_are_text(unpacked: Path) -> None:
    """Names of resources and texts of errors come from the source."""
    manifest = manifest_of(unpacked)
    row = dict.fromkeys(("source", "item", "name", "why", "excepted_for"), HOSTILE) | {
        "since": None,
        "fails": True,
    }
    rows = {f"control_{one['control']}": [row] for one in manifest["controls"]}
    html = render_index(manifest, rows).decode()
    page = read_html(html)
    for tag in ("script", "img", "iframe", "base", "object"):
        assert page.find(tag) == []
    assert not [name for one in page.find() for name in one.attributes if name.startswith("on")]
    for hidden in ("\x1b", "\x07", "\u202e", "\u2066", "\u200b", "\u2028", "\x7f"):
        assert hidden not in html
    assert page.text.count("<script>{{ 7*7 }}%s{0}") >= 5 * len(rows)


def test_duckdb_alone_gives_the_same_rows(unpacked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(unpacked)
    with duckdb.connect() as connection:
        for name in ("00_read", "10_tables", "20_analytics"):
            connection.execute(Path("sql", f"{name}.sql").read_text(encoding="utf-8"))
        for result in sorted(Path("results").iterdir()):
            query = Path("sql", f"{result.stem}.sql").read_text(encoding="utf-8")
            rows = connection.execute(f"SELECT to_json(r)::VARCHAR FROM ({query}) AS r").fetchall()
            assert "".join(f"{row}\n" for (row,) in rows) == result.read_text(encoding="utf-8"), result.stem
        for one in (*base_tables(), *views()):
            if one.kind != "macro":
                assert connection.execute(f"SELECT count(*) FROM analytics.{one.name}").fetchone(), one.name


def test_controls_and_tables_are_those_of_the_warehouse(small_demo: Path, tmp_path: Path) -> None:
    """Where the period is the lookback of the warehouse and ends at its watermark, nothing may differ."""
    directory = DataDirectory(small_demo)
    with open_published(directory.warehouse) as published:
        watermark = read_watermark(published)
        assert watermark is not None
        held = {name: _digest(published, name) for name in TABLES}
    period = (watermark - timedelta(days=28), watermark)
    packs = [write_pack(directory, read_contract(), (), period, tmp_path / name) for name in ("a", "b")]
    assert packs[0].sha256 == packs[1].sha256
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(packs[0].path) as archive:
        archive.extractall(folder)
    published_outcomes = {
        one.control.name: (one.verdict.value, describe(one), one.failing, one.population)
        for one in check_published(directory.warehouse, (), watermark)
    }
    packed = {
        one["control"]: (one["result"], one["why"], one["failing"], one["population"])
        for one in manifest_of(folder)["controls"]
    }
    assert packed == published_outcomes
    raw = {path.stem: path for path in (folder / "raw").iterdir()}
    with open_sandbox(raw, tmp_path / "spill") as connection:
        script = (folder / "sql/10_tables.sql").read_text(encoding="utf-8")
        run_statements(connection, "tables", read_statements(connection, "tables", script))
        assert {name: _digest(connection, name) for name in TABLES} == held


def test_two_sources_with_clocks_and_exceptions_of_their_own(
    workplace: Workplace, emulate: Callable[..., str]
) -> None:
    """Scripts of two sources had windows of equal names, which DuckDB does not parse together."""
    bad = ("broken_json", "wrong_type", "nul", "bad_utf8", "0.1")
    faults = (word for value in bad for word in ("--fault", f"bad_records={value}"))
    url = emulate("--tasks", "300", "--days", "6", *faults)
    (workplace.folder / "cbr-warehouse.toml").write_text(TWO_SOURCES.format(url=url, project=PROJECT))
    loaded = workplace.run("load")
    assert loaded.status == 0, loaded.err
    done = workplace.run("report", "--period", "day", "--audit", "--out", "report")
    assert done.status == 0, done.err
    done = workplace.run("verify-pack", "report/evidence.zip")
    assert (done.status, done.err) == (0, "")
    with zipfile.ZipFile(workplace.folder / "report" / PACK) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        script = archive.read("sql/20_analytics.sql").decode()
        listed = [json.loads(line) for line in archive.read("results/table_quarantine.jsonl").splitlines()]
    refused = {
        (row["source"], row["record_text"], row["reason"])
        for row in workplace.sql("SELECT source, record_text, reason FROM quarantine")
    }
    assert len(listed) > 20
    assert {(row["source"], row["record_text"], row["reason"]) for row in listed} <= refused
    assert manifest["sources"] == ["one", "two-x"]
    assert manifest["exceptions"][0]["reason"] == 'it\'s known; "quoted" $1 100 %'
    assert "('two-x', 'Asia/Shanghai', to_microseconds(21600000000))" in script
    (tested,) = [one for one in manifest["controls"] if one["control"] == "restore_tested"]
    assert manifest["settings"]["rto"] == "1h"
    assert tested["population"] > 0


TWO_SOURCES = """
timezone = "Europe/Berlin"
day_anchor = "17:30"
[thresholds]
rto = "1h"
[[schedules]]
interval = "2d"
policy_id = "abc"
[[exceptions]]
control = "restore_tested"
source = "one"
reason = "it's known; \\"quoted\\" $1 100 %"
until = 2030-01-01
[[sources]]
name = "one"
endpoint = "{url}"
project_id = "{project}"
token = "env:CBR_TOKEN"
[[sources]]
name = "two-x"
endpoint = "{url}"
project_id = "{project}"
token = "env:CBR_TOKEN"
timezone = "Asia/Shanghai"
day_anchor = "06:00"
"""


def test_nothing_after_the_period_is_in_it(small_demo: Path, tmp_path: Path) -> None:
    directory = DataDirectory(small_demo)
    with open_published(directory.warehouse) as published:
        watermark = read_watermark(published)
        assert watermark is not None
    end = watermark - timedelta(days=5)
    pack = write_pack(directory, read_contract(), (), (end - timedelta(days=7), end), tmp_path / "pack.zip")
    with zipfile.ZipFile(pack.path) as archive:
        rows = [json.loads(line) for line in archive.read("results/table_records.jsonl").splitlines()]
        (fresh,) = map(json.loads, archive.read("results/control_rpo_kept.jsonl").splitlines()[:1])
    assert max(row["day"] for row in rows) == f"{end:%Y-%m-%d}"
    assert fresh["watermark"].startswith(f"{end:%Y-%m-%d %H:%M:%S}")
    assert fresh["window_from"].startswith(f"{end - timedelta(days=7):%Y-%m-%d %H:%M:%S}")


def test_without_raw_records_the_report_says_that_there_is_no_evidence(
    estate: Workplace, tmp_path: Path
) -> None:
    alone = Workplace(tmp_path)
    alone.data.mkdir()
    os.link(estate.data / "warehouse.duckdb", alone.data / "warehouse.duckdb")
    done = alone.run("report", "--audit", "--out", "report")
    assert done.status == 1
    assert "has no raw records of demo" in done.err


def _digest(connection: duckdb.DuckDBPyConnection, table: str) -> list[tuple[Any, ...]]:
    return connection.execute(
        f"SELECT count(*), sum(hash(t)::HUGEINT) FROM (SELECT * FROM {table} ORDER BY ALL) AS t"
    ).fetchall()
