"""What tests of other things do without: threads of the engine, and the comments of a warehouse.

Two threads take a fifth more CPU for tables of some rows, comments a quarter of a first load, views a
fifth.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import duckdb

VARIABLE = "FRUGAL_COMMANDS"
"""Of the environment of commands that ``support.command_server`` forks: if set, they do without."""

READ_BY_LOADS = ("lateness", "day_finality")
"""Views that a load reads."""

Replacement = tuple[Any, str, Any]
"""A module, a name in it, and the value that it gets."""


def import_less() -> None:
    """Lets ``jsonschema``, which plots import, do without a grammar that takes a second to compile.

    It comes with Jupyter, for the formats ``iri`` and ``iri-reference``, which no schema here has.
    """
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # importing it fails then


def one_thread() -> Replacement:
    """An engine of one thread where no other number is asked for."""
    return duckdb, "connect", partial(_connect, duckdb.connect)


def no_comments() -> Iterator[Replacement]:
    """A warehouse is made without comments on tables, views and columns."""
    from cbr_warehouse.warehouse import update

    tables, analytics = update.create_statements, update.bring_up
    yield (
        update,
        "create_statements",
        lambda contract: (one for one in tables(contract) if not one.startswith("COMMENT")),
    )
    yield update, "bring_up", partial(analytics, has_comments=False)


def few_views(*names: str) -> Iterator[Replacement]:
    """Of the views, a warehouse gets these and what they read, by default those of ``READ_BY_LOADS``."""
    from cbr_warehouse.analytics import create_schema

    needed = _needed(names or READ_BY_LOADS)
    chosen = tuple(view for view in create_schema.views() if view.name in needed)
    yield create_schema, "views", lambda: chosen


def _needed(names: Iterable[str]) -> set[str]:
    """Definitions of the analytics with all that they read."""
    from cbr_warehouse.analytics.catalogue import base_tables, views

    known = {one.name: one for one in (*base_tables(), *views())}
    found, rest = set[str](), [*names]
    while rest:
        name = rest.pop()
        if name in known and name not in found:
            found.add(name)
            rest += known[name].needs
    return found


def become_frugal() -> None:
    """Makes this process do without."""
    for module, name, value in (one_thread(), *no_comments()):
        setattr(module, name, value)


def _connect(
    connect: Callable[..., duckdb.DuckDBPyConnection], /, *words: Any, **options: Any
) -> duckdb.DuckDBPyConnection:
    return connect(*words, **options | {"config": {"threads": 1} | options.get("config", {})})
