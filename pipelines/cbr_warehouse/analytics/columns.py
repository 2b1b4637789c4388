"""The columns of schema ``analytics``: types, descriptions and what each is derived from.

They are read from a file that ``make docs`` writes: types are known to the database alone and the lineage
to a parser of SQL, and each process of Dagster would wait for both.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

FILE = "columns.json"


@dataclass(frozen=True)
class AnalyticsColumn:
    """A column of a base table or view.

    Attributes:
        name: Its name.
        type: Its type in DuckDB.
        description: What it holds.
        derived_from: The columns that it is computed from, as ``schema.table.column``.
    """

    name: str
    type: str
    description: str
    derived_from: tuple[str, ...]


@cache
def analytics_columns() -> Mapping[str, tuple[AnalyticsColumn, ...]]:
    """The columns of every base table and view, by its name, in order."""
    text = files(__package__).joinpath(FILE).read_text(encoding="utf-8")
    return {
        table: tuple(
            AnalyticsColumn(name, one["type"], one["description"], tuple(one["derived_from"]))
            for name, one in columns.items()
        )
        for table, columns in json.loads(text).items()
    }
