"""Tables, views and macros of a warehouse as objects: what each means, and its rows when it is called.

They are the attributes of a ``Warehouse``; notebooks complete their names and show their docstrings.
"""

from collections.abc import Callable
from html import escape
from typing import Any

from cbr_warehouse.analytics.catalogue import PARTS, Definition, base_tables
from cbr_warehouse.analytics.catalogue import views as read_views

Ask = Callable[..., Any]


class View:
    """A table or view; call it for its rows.

    Args:
        schema: Its schema.
        name: Its name.
        comment: What the warehouse says of it, where the catalogue does not.
        ask: Called as ``Warehouse.view`` without the name.
    """

    def __init__(self, schema: str, name: str, comment: str, ask: Ask) -> None:
        self._name = f"{schema}.{name}"
        self._ask = ask
        self.__doc__ = _explain(self._name, _definition(schema, name), comment, _CALL)

    def __call__(self, *words: Any, **options: Any) -> Any:
        """All rows, or those of a time and of values: ``(as_, *, since, until, column=value or list)``."""
        return self._ask(*words, **options)

    def __repr__(self) -> str:
        return str(self.__doc__)

    def _repr_html_(self) -> str:
        return f"<pre>{escape(str(self.__doc__))}</pre>"


class Macro(View):
    """A macro of the analytics; call it with its arguments for its rows.

    Args:
        schema: Its schema.
        name: Its name.
        arguments: Its arguments, as SQL has them.
        ask: Called with the arguments.
    """

    def __init__(self, schema: str, name: str, arguments: str, ask: Ask) -> None:
        super().__init__(schema, name, "", ask)
        call = f"Call it with its arguments ({arguments}) for a pandas DataFrame; as_ for other forms."
        self.__doc__ = _explain(self._name, _definition(schema, name), "", call)


_CALL = (
    "Call it for a pandas DataFrame; as_='polars', 'arrow' or 'duckdb' for other forms; since='7d', until=… "
    "and column=value or column=[values] for some of its rows."
)


def _definition(schema: str, name: str) -> Definition | None:
    known = {one.name: one for one in (*base_tables(), *read_views())} if schema == "analytics" else {}
    return known.get(name)


def _explain(name: str, definition: Definition | None, comment: str, call: str) -> str:
    """The docstring: what it answers, how that is defined, its columns, how to call it."""
    if definition is None:
        return "\n\n".join(filter(None, (name, comment, call)))
    parts = [f"{part}: {definition.parts[part]}" for part in PARTS]
    columns = "\n".join(f"    {column}: {text}" for column, text in definition.columns.items())
    return "\n\n".join((name, *parts, f"Columns:\n{columns}", call))
