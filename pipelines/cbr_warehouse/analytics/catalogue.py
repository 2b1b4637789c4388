"""The catalogue of the analytics: each table, view and macro with its header, in the order to build them.

A definition is explained in the header of its ``.sql`` file only; the comments in the warehouse and the
generated documentation are read from there. Text that several definitions share is in ``sql/fragments``,
included by a line ``-- include NAME``.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from graphlib import TopologicalSorter
from importlib.resources import files
from pathlib import Path
from typing import Any

BASE = (
    "day_state",
    "source_load",
    "finished_load",
    "attempt",
    "open_task_progress",
    "schedule_run",
    "schedule_slot",
    "schedule_interval",
    "resource_day",
    "recovery_point",
    "streak",
    "deletion",
    "inventory_list",
    "inventory_vault",
    "inventory_member",
    "inventory_protectable",
    "inventory_backup",
    "inventory_policy_period",
    "inventory_policy",
    "inventory_schedule",
    "inventory_size",
    "resource",
)
"""The materialized tables, in the order to build them."""

PARTS = ("Question", "Grain", "Definition", "Settings", "Edge cases")
"""What the header of a definition says, in this order, before its columns."""

_ROOM = "cbr_warehouse.analytics"
_REFERENCE = re.compile(r"\banalytics\.(\w+)")
_COLUMN = re.compile(r"(\w+): (.+)")
_INCLUDE = re.compile(r"^-- include (\w+)$", re.MULTILINE)
_QUALIFIED = re.compile(r"(?<![\w.])(?:main|analytics)\.\w+")


@dataclass(frozen=True)
class Definition:
    """One table, view or macro of schema ``analytics``.

    Attributes:
        name: Its name.
        kind: ``table``, ``view`` or ``macro``.
        parts: What its header says, by part.
        columns: Description of each column.
        arguments: (macros) Arguments with their types, as SQL.
        body: The query.
    """

    name: str
    kind: str
    parts: dict[str, str]
    columns: dict[str, str]
    arguments: str
    body: str

    @property
    def comment(self) -> str:
        """Its comment in the warehouse."""
        return " ".join(f"{part}: {self.parts[part]}" for part in PARTS)

    @property
    def qualified_body(self) -> str:
        """The query with each table and view qualified by the database name ``warehouse`` as well.

        Macros are created with it: DuckDB binds the names in a macro in the session that calls it, where a
        name without a database could be a table of that session.
        """
        return _QUALIFIED.sub(lambda found: f"warehouse.{found[0]}", self.body)

    @cached_property
    def needs(self) -> frozenset[str]:
        """Names in schema ``analytics`` that its query reads."""
        return frozenset(_REFERENCE.findall(self.body)) - {self.name}


@cache
def base_tables() -> tuple[Definition, ...]:
    """The materialized tables, in the order to build them."""
    return tuple(_read("base", name, "table") for name in BASE)


@cache
def views() -> tuple[Definition, ...]:
    """All views and macros, each after those it reads."""
    found = {one.name: one for one in [*_all("views", "view"), *_all("macros", "macro")]}
    order = TopologicalSorter({name: sorted(one.needs & found.keys()) for name, one in sorted(found.items())})
    return tuple(found[name] for name in order.static_order())


def definition_file(definition: Definition) -> Path:
    """The file that a definition was read from."""
    folder = {"table": "base", "view": "views", "macro": "macros"}[definition.kind]
    return Path(str(files(_ROOM).joinpath("sql", folder, f"{definition.name}.sql")))


def read_statement(folder: str, name: str) -> str:
    """The text of a statement that is no definition, such as ``touched``, ``touched_day``."""
    return _text(folder, name)


def read_error_codes() -> dict[str, dict[str, str]]:
    """The vendor's error codes: texts and advice in English (``en``, ``en_action``) and Chinese (``zh``…)."""
    text = files(_ROOM).joinpath("error_codes.json").read_text(encoding="utf-8")
    codes: dict[str, dict[str, str]] = json.loads(text)["codes"]
    return codes


def read_fragment(name: str) -> str:
    """A part of a query that several definitions include, without the comments above it."""
    return "\n".join(line for line in _text("fragments", name).splitlines() if not line.startswith("--"))


def parse_definition(name: str, kind: str, text: str) -> Definition:
    """Reads a definition from the text of its file.

    Args:
        name: Its name.
        kind: ``table``, ``view`` or ``macro``.
        text: A header of comments, then the query.

    Raises:
        ValueError: The header lacks a part, or a line under its columns is not a column.
    """
    parts, body = parse_header(text, (*PARTS, "Columns", "Arguments"))
    columns = {}
    for line in joined_lines(parts.pop("Columns", [])):
        found = _COLUMN.fullmatch(line)
        if not found:
            raise ValueError(f"{name}.sql: not a column with its description: {line}")
        columns[found[1]] = found[2]
    found_parts = {part: " ".join(word.strip() for word in words) for part, words in parts.items()}
    if missing := [part for part in PARTS if not found_parts.get(part)]:
        raise ValueError(f"{name}.sql: the header lacks {', '.join(missing)}")
    arguments = found_parts.pop("Arguments", "")
    return Definition(name, kind, found_parts, columns, arguments, body)


def parse_header(text: str, names: Iterable[str]) -> tuple[dict[str, list[str]], str]:
    """Splits the text of a ``.sql`` file into the parts of its header and its query.

    Args:
        text: A header of comments, then the query.
        names: The parts that a header may have; each begins a line with its name and a colon.

    Returns:
        The lines of each part, without the marks of a comment, and the query without a semicolon.
    """
    lines = text.splitlines()
    header = [line[2:] for line in _leading(lines)]
    return _parts(header, "|".join(names)), "\n".join(lines[len(header) :]).strip().rstrip(";")


def joined_lines(lines: Iterable[str]) -> Iterator[str]:
    """Lines of a list in a header, those that are indented more joined to the one before."""
    whole = ""
    for line in lines:
        if line.startswith("      "):
            whole += " " + line.strip()
            continue
        if whole:
            yield whole
        whole = line.strip()
    if whole:
        yield whole


def _leading(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        if not line.startswith("--"):
            return
        yield line


def _parts(header: Iterable[str], names: str) -> dict[str, list[str]]:
    parts: dict[str, list[str]] = {}
    current: list[str] = []
    for line in header:
        begin = re.match(rf" ({names}):(.*)", line)
        if begin:
            current = parts.setdefault(begin[1], [])
        text = begin[2] if begin else line
        if text.strip():
            current.append(text)
    return parts


def _all(folder: str, kind: str) -> Iterator[Definition]:
    place = files(_ROOM).joinpath("sql", folder)
    for name in sorted(_names(place)):
        yield _read(folder, name, kind)


def _names(place: Any) -> Iterator[str]:
    if place.is_dir():
        for entry in place.iterdir():
            if entry.name.endswith(".sql"):
                yield entry.name.removesuffix(".sql")


def _read(folder: str, name: str, kind: str) -> Definition:
    text = _INCLUDE.sub(lambda found: _text("fragments", found[1]).rstrip(), _text(folder, name))
    return parse_definition(name, kind, text)


def _text(folder: str, name: str) -> str:
    return files(_ROOM).joinpath("sql", folder, f"{name}.sql").read_text(encoding="utf-8")
