"""The prompt of ``sql``: statements over lines, errors that do not end it, history and completion."""

from collections.abc import Iterator

import pytest

from cbr_warehouse.cli.sql_prompt import completer, history_file, read_statements
from support.command_line import Workplace
from support.small_log import SmallLog
from support.terminal import CTRL_C, converse


@pytest.fixture
def stored(workplace: Workplace) -> Workplace:
    workplace.data.mkdir()
    log = SmallLog()
    log.backup("disk", "2026-03-09 01:00")
    log.publish(workplace.data / "warehouse.duckdb")
    return workplace


def test_statements_run_until_the_user_leaves(stored: Workplace) -> None:
    status, screen = converse(
        stored,
        [
            ("cbr> ", "SELECT 40 +\n"),
            ("  -> ", "2 AS answer;\n"),
            ("42", "DELETE FROM tasks;\n"),
            ("DELETE statements are not permitted", "SELECT nothing;\n"),
            ("The query failed", ".names\n"),
            ("analytics.protection_coverage", "FROM analytics.protection_cov\t;\n"),
            ("resources", ".quit\n"),
        ],
        "sql",
    )
    assert status == 0, screen
    assert "Traceback" not in screen
    assert "answer" in screen
    history = (stored.folder / ".local/state/cbr-warehouse/sql_history").read_text()
    assert "SELECT nothing;" in history
    assert "FROM analytics.protection_coverage;" in history.replace("coverage ;", "coverage;")
    assert stored.sql("SELECT count(*) AS n FROM tasks") == [{"n": 1}]


def test_ctrl_c_discards_a_statement_and_stops_a_query_but_not_the_prompt(stored: Workplace) -> None:
    status, screen = converse(
        stored,
        [
            ("cbr> ", "SELECT 'never\n"),
            ("  -> ", CTRL_C),
            ("cbr> ", "SELECT sum(a.range * b.range % 7) FROM range(10000000) a, range(10000000) b;\n"),
            ("range(10000000) b;", CTRL_C),
            ("cbr> ", "SELECT 'still ' || 'here';\n"),
            ("still here", ""),
            ("cbr> ", "\x04"),
        ],
        "sql",
    )
    assert status == 0, screen


def test_without_a_warehouse_it_says_what_to_do(workplace: Workplace) -> None:
    status, screen = converse(workplace, [], "sql")
    assert status == 1
    assert "There is no warehouse yet" in screen


def lines(*typed: str | type[BaseException]) -> Iterator[str]:
    prompts: list[str] = []
    waiting = iter(typed)

    def ask(prompt: str) -> str:
        prompts.append(prompt)
        line = next(waiting, EOFError)
        if isinstance(line, str):
            return line
        raise line

    yield from read_statements(ask)


@pytest.mark.parametrize(
    ("typed", "statements"),
    [
        (("SELECT 1;",), ["SELECT 1;"]),
        (("SELECT", "1", ""), ["SELECT\n1"]),
        (("", "", "SELECT 1 ;  "), ["SELECT 1 ;"]),
        (("SELECT", KeyboardInterrupt, "SELECT 2;"), ["SELECT 2;"]),
        ((".names", "SELECT 1;"), [".names", "SELECT 1;"]),
        (("quit", "SELECT 1;"), []),
        (("EXIT;", "SELECT 1;"), []),
        (("SELECT 1",), []),
    ],
)
def test_a_statement_ends_with_a_semicolon_or_an_empty_line(
    typed: tuple[str, ...], statements: list[str]
) -> None:
    assert list(lines(*typed)) == statements


def test_names_are_completed_in_any_case() -> None:
    complete = completer(["analytics.attempt", "SELECT", "status"])
    assert [complete("s", number) for number in range(3)] == ["SELECT", "status", None]
    assert complete("ANALYTICS.", 0) == "analytics.attempt"


def test_the_history_is_where_xdg_has_it() -> None:
    assert str(history_file({"XDG_STATE_HOME": "/var/x"})) == "/var/x/cbr-warehouse/sql_history"
