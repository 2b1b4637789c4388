"""Text for people: escapes control characters, supports any encoding, prints messages on stderr.

Tables are formatted in ``table``; CSV and JSON, which are for programs, in ``query_output``.
"""

import logging
import sys
import unicodedata
from io import TextIOWrapper

_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories that move the cursor, reorder the line or end it: a name with such characters could
rewrite what the terminal shows."""


def visible(text: str) -> str:
    r"""Shows control characters as escapes; line breaks are kept.

    >>> visible("\x1b[2Jvault\r\n")
    '\\x1b[2Jvault\\x0d\n'
    """
    if text.isprintable():
        return text
    return "".join(_escaped(one) if unicodedata.category(one) in _INVISIBLE else one for one in text)


def _escaped(character: str) -> str:
    if character == "\n":
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def say(sentence: str) -> None:
    """Prints a sentence about the run on stderr."""
    print(f"cbr-warehouse: {visible(sentence)}", file=sys.stderr)


def show(line: str) -> None:
    """Prints a line of a result on stdout."""
    print(visible(line))


def prepare_streams() -> None:
    """Lets stdout and stderr print every character: what their encoding lacks becomes an escape."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def log_to_stderr(*, debug: bool) -> None:
    """Sends log records to stderr: warnings, or with ``debug`` everything."""
    handler = logging.StreamHandler(sys.stderr)
    form = "%(asctime)s %(levelname)s %(name)s: %(message)s" if debug else "cbr-warehouse: %(message)s"
    handler.setFormatter(_VisibleFormatter(form))
    logging.basicConfig(level=logging.DEBUG if debug else logging.WARNING, handlers=[handler], force=True)


class _VisibleFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return visible(super().format(record))
