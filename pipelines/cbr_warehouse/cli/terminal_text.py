"""Text for people: escapes control characters, supports any encoding, prints messages on stderr.

Tables are formatted in ``table``; CSV and JSON, which are for programs, in ``query_output``.
"""

import logging
import sys
from io import TextIOWrapper

from cbr_warehouse.contract.visible_text import escape_invisible
from cbr_warehouse.json_log import JsonFormatter, json_line


def visible(text: str) -> str:
    """A text with control characters shown as escapes, and its line breaks kept."""
    return escape_invisible(text, keep_line_breaks=True)


def say(sentence: str) -> None:
    """Prints a sentence about the run on stderr."""
    if logs_json():
        print(json_line("WARNING", sentence, logger="cbr_warehouse"), file=sys.stderr)
    else:
        print(f"cbr-warehouse: {visible(sentence)}", file=sys.stderr)


def logs_json() -> bool:
    """Whether stderr gets JSON, one object a line."""
    return any(isinstance(handler.formatter, JsonFormatter) for handler in logging.getLogger().handlers)


def show(line: str) -> None:
    """Prints a line of a result on stdout."""
    print(visible(line))


def prepare_streams() -> None:
    """Lets stdout and stderr print every character: what their encoding lacks becomes an escape."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def log_to_stderr(*, debug: bool, as_json: bool = False) -> None:
    """Sends log records to stderr: warnings, or with ``debug`` everything; as text or as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    form = "%(asctime)s %(levelname)s %(name)s: %(message)s" if debug else "cbr-warehouse: %(message)s"
    handler.setFormatter(JsonFormatter() if as_json else _VisibleFormatter(form))
    logging.basicConfig(level=logging.DEBUG if debug else logging.WARNING, handlers=[handler], force=True)


class _VisibleFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return visible(super().format(record))
