"""Reads the queries that ``demo`` runs on the warehouse: the ``.sql`` files of ``cli/sql``."""

from importlib.resources import files


def read_sql(name: str) -> str:
    """The text of a query.

    Args:
        name: Its file's name, without ``.sql``.
    """
    return files("cbr_warehouse.cli").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
