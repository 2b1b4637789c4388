"""Texts as received, such as names and error codes, made safe to show on a terminal, in a page or a chart."""

import unicodedata


def escape_invisible(text: str, *, keep_line_breaks: bool = False) -> str:
    r"""Shows control characters and others that cannot be seen as escapes.

    They could move the cursor, reorder the line or make a name look like another one. Those that XML does
    not allow would end the process that draws charts.

    Args:
        text: Any text.
        keep_line_breaks: Whether ``\n`` stays a line break instead of ``\x0a``.

    >>> escape_invisible("\x1b[2Jvault\r\n")
    '\\x1b[2Jvault\\x0d\\x0a'
    """
    if text.isprintable():
        return text
    kept = "\n" if keep_line_breaks else ""
    return "".join(one if one in kept or not is_hidden(one) else _escaped(one) for one in text)


def is_hidden(character: str) -> bool:
    """Whether a character is shown as an escape."""
    # Spaces of other scripts, such as U+3000, are not "printable" in Python.
    return not character.isprintable() and unicodedata.category(character) != "Zs"


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
