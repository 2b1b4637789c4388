"""The forms in which a query's result can be had: pandas, polars, Arrow, or DuckDB's own relation."""

import warnings
from typing import Any, Literal, get_args

import duckdb
import pandas as pd

from cbr_warehouse.errors import UsageError

As = Literal["pandas", "polars", "arrow", "duckdb"]


def require_known_form(as_: str) -> None:
    """Fails for a form that there is not.

    Raises:
        UsageError: The message lists the forms.
    """
    if as_ not in get_args(As):
        raise UsageError(f"as_ {as_!r}: not known. Allowed: {', '.join(get_args(As))}.")


def convert(relation: duckdb.DuckDBPyRelation, as_: As) -> Any:
    """The rows of a relation in one of the forms.

    Args:
        relation: The query, not run yet.
        as_: The form.

    Raises:
        UsageError: polars is not installed.
    """
    match as_:
        case "duckdb":
            return relation
        case "arrow":
            return relation.to_arrow_table()
        case "polars":
            return _polars(relation)
        case "pandas":
            return _pandas(relation)


def _polars(relation: duckdb.DuckDBPyRelation) -> Any:
    try:
        import polars as pl  # noqa: PLC0415  optional
    except ImportError as error:
        raise UsageError(
            "as_ 'polars': polars is not installed. Install it with pip install 'cbr-warehouse[polars]', "
            "or take as_='arrow'."
        ) from error
    return pl.from_arrow(relation.to_arrow_table())


def _pandas(relation: duckdb.DuckDBPyRelation) -> pd.DataFrame:
    with warnings.catch_warnings():
        # DuckDB 1.5 makes frames with a dates column in a way that pandas 4 will have no more.
        warnings.simplefilter("ignore", pd.errors.Pandas4Warning)
        return relation.df()
