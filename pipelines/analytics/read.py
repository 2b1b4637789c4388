"""Reads the ``.sql`` files that travel with the package."""

from importlib.resources import files


def read_sql(name: str) -> str:
    """The text of a query.

    Args:
        name: Its file's name, without ``.sql``.
    """
    return files("pipelines.analytics").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
