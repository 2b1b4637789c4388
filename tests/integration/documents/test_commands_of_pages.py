"""The blocks of the README and of the pages on reports, controls and other tools, run in one process.

Their processes, servers and printed files have tests of their own; here it is the words of the pages.
"""

import json
import re
import shlex
import zipfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest
import yaml
from typer.testing import CliRunner

from cbr_warehouse.cli.main import app
from cbr_warehouse.settings.read import read_settings
from support.document_blocks import Shell, block

Run = Callable[..., str]


@pytest.fixture
def run(small_demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a line of a block in a folder, as a shell does, with the data directory of a small demo."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CBR_WAREHOUSE_DATA_DIR", str(small_demo))

    def run_line(line: str, *, status: int = 0) -> str:
        words, _, target = line.partition(" > ")
        name, *arguments = shlex.split(words)
        assert name.rpartition("/")[2] == "cbr-warehouse", line
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == status, f"{line}: {done.output}"
        if target:
            Path(target.strip()).write_text(done.stdout, encoding="utf-8")
        return done.stdout

    return run_line


def lines_of(text: str) -> Iterator[str]:
    """The commands of a block, without what it says about them."""
    for line in text.splitlines():
        yield re.sub(r"\s+#.*$", "", line)


def test_views_are_queried_as_the_pages_say(run: Run) -> None:
    assert run(block("docs/alarms.md", "cbr-warehouse sql"))


def test_reports_are_made_as_the_readme_says(run: Run, small_demo: Path) -> None:
    """With a quarter and a vault that the demo has; a PDF needs a browser, and packs have the test below."""
    with duckdb.connect(str(small_demo / "warehouse.duckdb"), read_only=True) as connection:
        (vault,), *_ = connection.execute(
            "SELECT vault_name FROM tasks WHERE operation_type = 'backup' AND vault_name <> ''"
        ).fetchall()
        (last,) = connection.execute("SELECT max(created_at) FROM tasks").fetchone() or (date.min,)
    quarter = f"{last.year}-Q{(last.month + 2) // 3}"
    text = block("README.md", "cbr-warehouse report").replace("2026-Q3", quarter)
    text = text.replace("prod-eu", "demo").replace("databases", shlex.quote(vault)).replace(" --pdf", "")
    lines = [line for line in lines_of(text) if "--audit" not in line]
    assert len(lines) == 4
    for line in lines:
        assert run(line), line


def test_an_evidence_pack_is_verified_as_its_page_says(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, verify = lines_of(block("docs/evidence.md", "cbr-warehouse report --audit"))
    assert run(make)
    assert run(verify)
    with zipfile.ZipFile(tmp_path / "november" / "evidence.zip") as pack:
        pack.extractall(tmp_path / "pack")
    monkeypatch.chdir(tmp_path / "pack")
    read, engine = block("docs/evidence.md", "cat sql/").split(" | ")
    assert engine.strip() == "duckdb"
    statements = "".join(Path(name).read_text(encoding="utf-8") for name in read.split()[1:])
    with duckdb.connect() as connection:
        assert connection.execute(statements).fetchall()


def test_controls_are_checked_as_their_page_says(run: Run, tmp_path: Path) -> None:
    for line in lines_of(block("docs/controls.md", "cbr-warehouse check")):
        run(line, status=1)
    assert (tmp_path / "controls.xml").read_text(encoding="utf-8").startswith("<?xml")
    path = tmp_path / "cbr-warehouse.toml"
    path.write_text(block("docs/controls.md", "[[exceptions]]"), encoding="utf-8")
    (exception,) = read_settings(path, None, {}).exceptions
    assert (exception.control, exception.until) == ("restore_tested", date(2026, 12, 31))


def test_the_settings_of_spark_are_a_configuration(tmp_path: Path) -> None:
    path = tmp_path / "cbr-warehouse.toml"
    path.write_text(block("docs/spark.md", "engine = "), encoding="utf-8")
    settings = read_settings(path, None, {})
    assert (settings.engine, settings.spark_remote) == ("spark", "spark://spark.example.com:7077")


@pytest.fixture
def ports(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The ports that the page was served on, which it is not."""
    found: list[int] = []

    def serve(path: Path, port: int, on_start: Callable[[str], None], bring_up: Callable[[], None]) -> None:
        assert path.exists()
        bring_up()
        found.append(port)
        on_start(f"http://127.0.0.1:{port or 4711}/")

    monkeypatch.setattr("cbr_warehouse.page.server.serve", serve)
    return found


def test_who_is_not_protected_is_found_as_the_readme_says(run: Run, ports: list[int]) -> None:
    page, controls, query = lines_of(block("README.md", "cbr-warehouse open"))
    assert run(page).startswith("http://127.0.0.1:")
    assert ports == [0]
    assert "all_protected" in run(controls, status=1)
    assert run(query)


def test_the_page_is_opened_as_its_own_says(
    run: Run, ports: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    printed = [run(line) for line in lines_of(block("docs/open.md", "cbr-warehouse open"))]
    assert ports == [0, 8765, 0]
    assert opened == [printed[2].strip()]


def test_other_tools_get_what_their_page_says(run: Run, small_demo: Path, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    run(block("docs/other-tools.md", "cbr-warehouse schema --format dbt"))
    run(block("docs/other-tools.md", "cbr-warehouse schema --format odcs"))
    for name in ("models/sources.yml", "cbr-warehouse.odcs.yaml"):
        assert yaml.safe_load((tmp_path / name).read_text(encoding="utf-8"))
    profile = yaml.safe_load(block("docs/other-tools.md", "# profiles.yml"))["cbr"]
    output = profile["outputs"][profile["target"]]
    (attached,) = output["attach"]
    path = attached["path"].replace("/srv/cbr/data", str(small_demo))
    with duckdb.connect(str(tmp_path / output["path"])) as connection:
        assert attached["read_only"] is True
        connection.execute(f"ATTACH '{path}' AS {attached['alias']} (READ_ONLY)")
        assert connection.execute(f"SELECT count(*) FROM {attached['alias']}.tasks").fetchone() != (0,)


def test_an_assistant_starts_the_server_of_the_page(run: Run) -> None:
    (server,) = json.loads(block("docs/other-tools.md", '{\n  "mcpServers"'))["mcpServers"].values()
    assert run(shlex.join([server["command"], *server["args"], "--help"]))


def test_duckdb_opens_the_published_file(small_demo: Path) -> None:
    name, option, path = shlex.split(block("docs/other-tools.md", "duckdb -readonly"))
    assert (name, option) == ("duckdb", "-readonly")
    with duckdb.connect(str(small_demo / Path(path).relative_to("data")), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM tasks").fetchone() != (0,)


def test_the_verdict_is_mailed_as_its_page_says(small_demo: Path, tmp_path: Path) -> None:
    shell = Shell(tmp_path, {"CBR_WAREHOUSE_DATA_DIR": str(small_demo)})
    shell.stand_in("mail")
    shell.run(block("docs/report.md", "cbr-warehouse report"))
    assert shell.calls == ["mail -s Backups ops@example.com"]
