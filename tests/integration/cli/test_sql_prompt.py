"""The prompt of ``sql``: statements over lines, errors that do not end it, history and completion."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from cbr_warehouse.cli import sql_prompt
from cbr_warehouse.cli.query_output import Format
from cbr_warehouse.cli.sql_prompt import SqlPrompt, completer, history_file, read_statements
from cbr_warehouse.errors import WarehouseError
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


def test_ctrl_c_at_any_moment_leaves_the_prompt_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SqlPrompt, "_line_editing", lambda _self: nullcontext())
    monkeypatch.setattr(sql_prompt, "require_published", str)
    monkeypatch.setattr(sql_prompt, "stream_query", lambda _place, statement: nullcontext(statement))
    monkeypatch.setattr(sql_prompt, "print_answer", fail_for_nothing)
    for moment in count(1):
        prompt = SqlPrompt(Path(), Format.CSV, {})
        typed = iter(["SELECT 1", "AS one;", "nothing;", ".help"])
        monkeypatch.setattr("builtins.input", lambda _prompt, typed=typed: next(typed, ".quit"))
        if run_with_ctrl_c_at(moment, prompt.run) < moment:
            break
    assert moment > 50


def fail_for_nothing(statement: str, _output: Format) -> None:
    if statement == "nothing;":
        raise WarehouseError("nothing is known")


def run_with_ctrl_c_at(moment: int, run: Callable[[], None]) -> int:
    """Presses Ctrl-C before the n-th line of the prompt's module; returns how many lines it came to."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    passed = 0

    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal passed
        if frame.f_code.co_filename != sql_prompt.__file__:
            return None
        if event == "line" and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            passed += 1
            if passed == moment:
                signal.raise_signal(signal.SIGINT)
        return trace

    def in_a_generator() -> Iterator[None]:
        # CPython 3.11 may leave the exception that was handled set when tracing raises another one.
        # Of a generator that state is its own: nothing of it is left for the tests that follow.
        run()
        yield

    tracing = sys.gettrace()  # of the measurement of coverage
    sys.settrace(trace)
    try:
        next(in_a_generator())
    finally:
        sys.settrace(tracing)
        assert signal.signal(signal.SIGINT, before) is signal.SIG_IGN
    assert sys.exception() is None
    return passed


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
