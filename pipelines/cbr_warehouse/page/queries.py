"""The page's queries: ``.sql`` files with the same headers as those of the analytics.

A line that ends with ``-- if NAME`` is part of the statement only where the parameter NAME is given.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib.resources import files

from cbr_warehouse.analytics.catalogue import parse_definition
from cbr_warehouse.contract.visible_text import is_hidden
from cbr_warehouse.storage.sql_text import literal

Value = str | int | date | datetime
Parameters = Mapping[str, Value | None]

_OPTIONAL = re.compile(r"(.*?) *-- if (\w+)")
_PARAMETER = re.compile(r"\$(\w+)")
_VIEW = re.compile(r"\b((?:analytics|main)\.\w+)")


@dataclass(frozen=True)
class PageQuery:
    """One query and its documentation.

    Attributes:
        name: Name of its file.
        sql: The query with its optional lines and named parameters.
        header: What its header says: Question, Grain, Definition, Settings, Edge cases.
    """

    name: str
    sql: str
    header: Mapping[str, str]

    @property
    def views(self) -> tuple[str, ...]:
        """The views and tables that it reads, with their schema, in the order in which it names them."""
        return tuple(dict.fromkeys(_VIEW.findall(self.sql)))

    def statement(self, parameters: Parameters) -> str:
        """The query without the optional lines whose parameter is not given."""
        kept = []
        for line in self.sql.splitlines():
            optional = _OPTIONAL.fullmatch(line)
            if optional is None:
                kept.append(line)
            elif parameters.get(optional[2]) is not None:
                kept.append(optional[1])
        return "\n".join(kept)

    def used(self, parameters: Parameters) -> dict[str, Value | None]:
        """The parameters that its statement names, with their values; None for one that is not given."""
        return {name: parameters.get(name) for name in _PARAMETER.findall(self.statement(parameters))}

    def filled(self, parameters: Parameters) -> str:
        """The statement with the values in place of the parameters, for a reader to run again."""
        return _PARAMETER.sub(lambda found: sql_value(parameters.get(found[1])), self.statement(parameters))


def sql_value(value: Value | None) -> str:
    r"""A value as SQL that can be copied: characters that cannot be seen are written by their number.

    >>> sql_value("it's \x1b")
    "('it''s ' || chr(27) || '')"
    """
    if value is None:
        return "NULL"
    if isinstance(value, datetime):
        return f"TIMESTAMPTZ {literal(value.isoformat())}"
    if isinstance(value, date):
        return f"DATE {literal(value.isoformat())}"
    if isinstance(value, int):
        return str(value)
    hidden = [one for one in value if is_hidden(one)]
    text = literal(value)
    for one in dict.fromkeys(hidden):
        text = text.replace(one, f"' || chr({ord(one)}) || '")
    return f"({text})" if hidden else text


@cache
def read_query(name: str) -> PageQuery:
    """Reads a query from its file."""
    text = files("cbr_warehouse.page").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
    found = parse_definition(name, "query", text)
    return PageQuery(name, found.body, found.parts)
