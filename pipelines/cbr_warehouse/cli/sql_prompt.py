"""The prompt of ``cbr-warehouse sql``: statements over several lines, with history and completion of names.

Each statement runs as ``sql`` runs it: read-only, on the warehouse as it is published then.
"""

import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cbr_warehouse.cli.query_output import Format, print_answer
from cbr_warehouse.cli.terminal_text import say
from cbr_warehouse.errors import CbrWarehouseError
from cbr_warehouse.warehouse.open_published import require_published
from cbr_warehouse.warehouse.place import WarehousePlace
from cbr_warehouse.warehouse.query import query, stream_query

HISTORY = 1000
"""Lines that are kept."""

_FIRST, _FURTHER = "cbr> ", "  -> "
_WELCOME = (
    "Read-only SQL on {path}. End a statement with ; or an empty line. Tab completes names; "
    ".names lists them, .help explains, .quit or Ctrl-D leaves."
)
_HELP = (
    "A statement may have several lines and ends with ; or an empty line. Ctrl-C discards it, or stops a "
    "query that runs. Views are in schema analytics: FROM analytics.protection_coverage. "
    "'cbr-warehouse views NAME' explains one; 'cbr-warehouse schema' explains the columns of tables."
)
_LEAVING = frozenset((".quit", ".exit", "quit", "exit"))

_NAMES = """
SELECT if(schema_name = 'main', '', 'analytics.') || name FROM (
    SELECT schema_name, table_name AS name FROM duckdb_tables()
    UNION ALL SELECT schema_name, view_name FROM duckdb_views()
) WHERE schema_name IN ('main', 'analytics') AND NOT starts_with(name, 'duckdb_') ORDER BY ALL
"""
_WORDS = """
SELECT DISTINCT column_name FROM duckdb_columns() WHERE schema_name IN ('main', 'analytics')
UNION SELECT upper(keyword_name) FROM duckdb_keywords() WHERE keyword_category = 'reserved' ORDER BY ALL
"""


class CtrlC:
    """Lets Ctrl-C end a statement and never the prompt.

    Python raises KeyboardInterrupt wherever it happens to be. Between two statements nobody would catch it,
    so there it waits for the next line or query.
    """

    def __init__(self) -> None:
        self._interrupts = False
        self._waits = False

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Takes Ctrl-C while the block runs."""
        before: Any = signal.signal(signal.SIGINT, self._press)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    @contextmanager
    def interrupting(self) -> Iterator[None]:
        """Raises KeyboardInterrupt if Ctrl-C is pressed in the block, or was since the one before.

        The caller catches it around the whole ``with`` statement: it may come as the block begins or ends.
        """
        try:
            self._interrupts = True
            if self._waits:
                raise KeyboardInterrupt
            yield
        finally:
            self._interrupts = self._waits = False

    def _press(self, *_: object) -> None:
        if self._interrupts:
            raise KeyboardInterrupt
        self._waits = True


class SqlPrompt:
    """A prompt for statements on a terminal.

    Args:
        published: The published warehouse.
        output: How to print rows.
        environ: The environment variables, for where the history is.
    """

    def __init__(self, published: WarehousePlace, output: Format, environ: Mapping[str, str]) -> None:
        self._published = published
        self._output = output
        self._history = history_file(environ)
        self._keys = CtrlC()

    def run(self) -> None:
        """Reads and runs statements until the user leaves.

        Raises:
            WarehouseError: There is no warehouse.
        """
        require_published(self._published)
        with self._keys.handled(), self._line_editing():
            say(_WELCOME.format(path=self._published))
            for statement in read_statements(self._ask):
                self._run(statement)

    def _ask(self, prompt: str) -> str:
        with self._keys.interrupting():
            return input(prompt)

    def _run(self, statement: str) -> None:
        try:
            with self._keys.interrupting():
                self._answer(statement)
        except CbrWarehouseError as error:
            say(str(error))
        except (KeyboardInterrupt, RuntimeError) as error:  # DuckDB raises the latter for Ctrl-C
            if isinstance(error, RuntimeError) and "interrupted" not in str(error).lower():
                raise
            say("Stopped.")

    def _answer(self, statement: str) -> None:
        match statement:
            case ".help":
                say(_HELP)
            case ".names":
                print("\n".join(self._column(_NAMES)))
            case _:
                with stream_query(self._published, statement) as answer:
                    print_answer(answer, self._output)

    def _column(self, statement: str) -> list[str]:
        return [str(row[0]) for row in query(self._published, statement).rows]

    @contextmanager
    def _line_editing(self) -> Iterator[None]:
        """History and completion while the block runs, where Python has readline."""
        try:
            import readline
        except ImportError:  # a Python built without it: the prompt works all the same
            yield
            return
        with suppress(OSError):  # there is none yet, or it cannot be read: begin without
            readline.read_history_file(self._history)
        readline.set_history_length(HISTORY)
        readline.set_completer(completer([*self._column(_NAMES), *self._column(_WORDS)]))
        is_libedit = "libedit" in (readline.__doc__ or "")
        readline.parse_and_bind("bind ^I rl_complete" if is_libedit else "tab: complete")
        try:
            yield
        finally:
            try:
                self._history.parent.mkdir(parents=True, exist_ok=True)
                readline.write_history_file(self._history)
            except OSError as error:
                say(f"The history was not kept: {self._history}: {error.strerror}.")


def read_statements(ask: Callable[[str], str]) -> Iterator[str]:
    """The statements that a user types, each whole.

    Args:
        ask: Shows a prompt and returns the next line; raises EOFError at the end.
    """
    lines: list[str] = []
    while True:
        try:
            line = ask(_FURTHER if lines else _FIRST)
        except EOFError:
            print(file=sys.stderr)
            return
        except KeyboardInterrupt:
            print(file=sys.stderr)
            lines = []
            continue
        if not lines and line.strip().rstrip(";").lower() in _LEAVING:
            return
        is_command = not lines and line.strip().startswith(".")
        if line.strip():
            lines.append(line.rstrip())
        if lines and (is_command or not line.strip() or line.rstrip().endswith(";")):
            yield "\n".join(lines).strip()
            lines = []


def completer(names: list[str]) -> Callable[[str, int], str | None]:
    """What readline calls for the n-th name that begins with a text, whatever its case."""

    def complete(text: str, number: int) -> str | None:
        found = [name for name in names if name.lower().startswith(text.lower())]
        return found[number] if number < len(found) else None

    return complete


def history_file(environ: Mapping[str, str]) -> Path:
    """Where the history is kept, as XDG has it."""
    state = environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(state).expanduser() / "cbr-warehouse" / "sql_history"
