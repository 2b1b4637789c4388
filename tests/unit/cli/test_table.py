"""Tables on terminals of any width: every value whole, what is left out is said, and nothing steers."""

import re
from pathlib import Path

import pytest

from cbr_warehouse.cli.query_output import Format, print_answer
from cbr_warehouse.cli.status import show_status
from cbr_warehouse.cli.table import print_table
from cbr_warehouse.warehouse.query import query
from cbr_warehouse.warehouse.status import read_status
from support.small_log import SmallLog, at
from support.terminal import terminal_as_stdout

pytestmark = pytest.mark.fault("values cut or rounded")

WIDTHS = (40, 80, 120, 200)
TEXT = "disk Ä 中文 with a rather long name that is to be wrapped between its words and never within one"
README = Path(__file__).parents[3] / "README.md"
QUERIES = re.findall(r"^(?:FROM|SELECT)[^;]*;", README.read_text(), re.MULTILINE)
"""The queries that README shows."""

TABLES = [
    *QUERIES,
    "SELECT * FROM tasks",
    "FROM tasks LIMIT 3",
    "FROM tasks WHERE false",
    "FROM coverage",
    "SELECT task_id, 1 / 3 AS rate, 50055 AS tasks, created_at, error_message FROM tasks",
]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse of two sources, with more tasks than become records."""
    log = SmallLog()
    log.daily("disk", "2026-02-20 01:00", 15)
    for hour in range(24):
        log.backup(
            f"disk-{hour}", f"2026-03-09 {hour:02}:30", status="failed", error_code="BackupService.9910"
        )
    log.task("sync", "2026-03-08 12:00", status="failed", vault_name=TEXT, error_message=TEXT)
    log.cover("2026-03-08", "2026-03-09")
    log.load("2026-03-09 23:00", source="another-source", outcome="failed")
    log.tables["loads"][-1]["message"] = "https://cbr.example: 401, the token was refused."
    return log.publish(tmp_path_factory.mktemp("terminal") / "warehouse.duckdb")


@pytest.fixture(autouse=True)
def no_width_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)


def on_terminal(warehouse: Path, sql: str, columns: int, form: Format = Format.TABLE) -> str:
    answer = query(warehouse, sql)
    with terminal_as_stdout(columns) as read:
        print_answer(answer, form)
        return read()


def require_whole(seen: str, piped: str) -> None:
    """Holds that no word on the terminal is cut, and that what is left out is said."""
    known, titles = set(piped.split()), piped.splitlines()[0].split()
    table, _, note = seen.partition("\n(")
    words = set(table.split())
    if seen.startswith("-- 1 of "):
        words -= {"--", "of"} | {f"{title}:" for title in titles}
        words -= {word for word in words - known if word.isdecimal()}
        assert all(f"\n{title}:" in seen for title in titles)
    assert words - {"…"} <= known, words - known
    if note:
        assert "columns are not shown" in note
        assert "…" in words
    else:
        assert known - set(titles) <= words


def test_readme_shows_five_queries() -> None:
    assert len(QUERIES) == 5


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("sql", TABLES)
def test_no_value_is_cut_at_any_width(
    warehouse: Path, capsys: pytest.CaptureFixture[str], sql: str, columns: int
) -> None:
    """At 80 columns a rate was ``0.…``, and all columns of tasks were nothing but ``…``."""
    print_answer(query(warehouse, sql), Format.TABLE)
    piped = capsys.readouterr().out
    seen = on_terminal(warehouse, sql, columns)
    require_whole(seen, piped)
    if not seen.startswith("-- 1 of "):
        assert all(len(line) <= columns for line in seen.splitlines() if not line.startswith("("))


@pytest.mark.parametrize("columns", WIDTHS)
def test_status_shows_every_number_and_why_a_load_failed(warehouse: Path, columns: int) -> None:
    """At 80 columns 50,055 tasks were ``500…``; why the last load failed was in the JSON alone."""
    (failed, loaded) = read_status(warehouse, at("2026-02-10"))
    with terminal_as_stdout(columns) as read:
        show_status([failed, loaded])
        seen = read()
    assert re.search(rf"(^|\s){loaded.tasks}(\s|$)", seen)
    assert "2026-03-09T23:30:00.000000Z" in seen
    assert "…" not in seen
    assert "another-source: the last load (failed) reported: https://cbr.example: 401, the token was" in seen


def test_a_text_is_wrapped_between_words(warehouse: Path) -> None:
    seen = on_terminal(
        warehouse, "SELECT task_id, error_message FROM tasks ORDER BY 2 NULLS LAST LIMIT 20", 60
    )
    assert not seen.startswith("--")
    assert set(TEXT.split()) <= set(seen.split())


def test_a_width_that_the_user_names_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    with terminal_as_stdout(200) as read:
        print_table(["a", "b"], [["x" * 15, "y" * 15]])
        assert read() == f"-- 1 of 1 --\na: {'x' * 15}\nb: {'y' * 15}\n"


STEERING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.mark.parametrize("form", Format)
@pytest.mark.parametrize("columns", [40, 200])
def test_control_characters_are_shown_and_never_sent(warehouse: Path, form: Format, columns: int) -> None:
    hostile = "e'v\\x1b]0;owned\\x07' || chr(155) || chr(127) || chr(8238) || chr(13) || chr(9)"
    seen = on_terminal(warehouse, f'SELECT {hostile} AS "a\x1b[31m", {hostile} AS b, 1 AS c', columns, form)
    assert not STEERING.search(seen), seen
    assert "\\x1b]0;owned\\x07" in seen or "\\u001b]0;owned\\u0007" in seen
