"""How the command is called: options on either side, statements from files, help, completion, start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from cbr_warehouse.cli.commands import COMMANDS, build
from cbr_warehouse.cli.main import app
from support.command_line import COMMAND, PACKAGES, Workplace
from support.small_log import SmallLog


@pytest.fixture
def stored(workplace: Workplace) -> Workplace:
    workplace.data.mkdir()
    log = SmallLog()
    log.backup("disk", "2026-03-09 01:00")
    log.publish(workplace.data / "warehouse.duckdb")
    return workplace


@pytest.mark.parametrize("name", COMMANDS)
def test_the_line_of_help_is_that_of_the_command(name: str) -> None:
    assert " ".join(build(name).help.split("\n\n")[0].split()) == COMMANDS[name].summary


def test_every_command_has_help_under_both_names(workplace: Workplace) -> None:
    for name in ("status", "sql", "quarantine", "emulator"):
        short, long = workplace.run(name, "-h"), workplace.run(name, "--help")
        assert short.status == long.status == 0
        assert short.out == long.out
        assert COMMANDS[name].summary.split(";")[0][:40] in short.out


@pytest.mark.parametrize(
    "words",
    [
        ["--data-dir", "{data}", "status", "--json"],
        ["status", "--data-dir", "{data}", "--json"],
        ["status", "--json", "--data-dir={data}"],
        ["--config", "{config}", "status", "--json"],
        ["status", "--json", "--config", "{config}"],
        ["quarantine", "--data-dir", "{data}", "list"],
        ["quarantine", "list", "--data-dir", "{data}"],
        ["sql", "SELECT 1", "--config", "{config}"],
        ["--data-dir", "/nowhere", "status", "--data-dir", "{data}"],
    ],
)
def test_global_options_stand_before_or_after_the_command(
    stored: Workplace, tmp_path: Path, words: list[str]
) -> None:
    config = tmp_path / "other.toml"
    config.write_text(f'data_dir = "{stored.data}"\n')
    elsewhere = Workplace(tmp_path / "elsewhere")
    elsewhere.folder.mkdir()
    done = elsewhere.run(*(word.format(data=stored.data, config=config) for word in words))
    assert done.status == 0, done.err


def test_debug_stands_before_or_after_the_command(workplace: Workplace) -> None:
    for words in (("--debug", "status"), ("status", "--debug")):
        done = workplace.run(*words)
        assert done.status == 1
        assert "Traceback" in done.err


def test_a_statement_is_read_from_stdin_or_a_file(stored: Workplace) -> None:
    statement = "-- the tasks\nSELECT task_id, 'Ä' AS umlaut FROM tasks;\n"
    file = stored.folder / "query.sql"
    file.write_text(statement, encoding="utf-8-sig")
    expected = stored.run("sql", statement, "--format", "csv")
    assert expected.out.startswith("task_id,umlaut\n")
    assert stored.run("sql", "-", "--format", "csv", given=statement) == expected
    assert stored.run("sql", "--file", str(file), "--format", "csv") == expected


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "sql --file F"),
        (["SELECT 1", "--file", "x.sql"], "Give one statement"),
        (["--file", "missing.sql"], "missing.sql: cannot be read (No such file or directory)"),
        (["--file", "bytes.sql"], "not UTF-8"),
        (["SELECT 1", "--format", "yaml"], "'--format': 'yaml' is not one of 'table', 'json', 'csv'."),
    ],
)
def test_a_statement_that_cannot_be_had_is_explained(stored: Workplace, words: list[str], said: str) -> None:
    (stored.folder / "bytes.sql").write_bytes(b"SELECT '\xff'")
    done = stored.run("sql", *words)
    assert done.status == 2
    assert said in done.err
    assert "Value error" not in done.err
    assert "Traceback" not in done.err


def test_completion_installs_and_completes(tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("cbr-warehouse")
    environ = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "PYTHONPATH": str(PACKAGES)}
    script = f"'{command}' --install-completion; exit $?"  # a shell of its own, whose name is found out
    done = subprocess.run(["bash", "-c", script], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "cbr-warehouse" in (tmp_path / ".bashrc").read_text()
    asked = {
        "_CBR_WAREHOUSE_COMPLETE": "complete_bash",
        "COMP_WORDS": "cbr-warehouse st",
        "COMP_CWORD": "1",
    }
    done = subprocess.run([str(command)], env=environ | asked, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["status"]


@pytest.mark.parametrize(
    ("written", "same"),
    [("1d12h", "36h"), ("2w", "14d"), ("90m", "1h30m"), ("1w1d", "8d")],
)
def test_durations_are_written_alike_on_the_command_line_and_in_the_file(
    workplace: Workplace, written: str, same: str
) -> None:
    """``--since 1d12h`` and ``history = "2w"`` were refused."""
    workplace.configure("http://127.0.0.1:9", history=written)
    plans = [workplace.run("plan", "--since", text, "--json") for text in (written, same)]
    assert [done.status for done in plans] == [0, 0], plans
    since = [done.out.partition('"since": "')[2][:16] for done in plans]
    assert since[0][:13] == since[1][:13]


def test_all_commands_are_those_of_the_application() -> None:
    assert get_command(app).list_commands(None) == list(COMMANDS)  # type: ignore[attr-defined]
    assert COMMAND[-1] == "cbr_warehouse.cli.main"


def test_views_are_listed_by_question_and_shown_in_full(stored: Workplace) -> None:
    listed = stored.run("views")
    assert "how many resources have a recent enough backup" in listed.out
    assert "analytics.protection_coverage" in listed.out
    shown = stored.run("views", "resource_day")
    assert shown.status == 0, shown.err
    for part in (
        "Question:",
        "Grain:",
        "Definition:",
        "Settings:",
        "Edge cases:",
        "Columns:",
        "Example rows:",
    ):
        assert f"\n{part}" in shown.out
    assert "2026-03-09" in shown.out.partition("Example rows:")[2]
    assert 'sql "FROM analytics.as_known_at(' in stored.run("views", "as_known_at").out


def test_a_view_needs_no_warehouse_and_an_unknown_one_is_refused(workplace: Workplace) -> None:
    assert "Example rows: none yet" in workplace.run("views", "analytics.resource_day").out
    unknown = workplace.run("views", "protection")
    assert unknown.status == 2
    assert "protection_coverage" in unknown.err
