"""cbr-warehouse: CBR operation logs, from the API to tables that answer questions.

The public Python API is ``open_warehouse``. The rooms, in the order a record passes them:
``settings`` (what to load), ``source`` (the API's client), ``extract`` (which requests to make),
``raw`` (verbatim records), ``contract`` (what a record may hold), ``tables`` (flattened),
``warehouse`` (published), ``analytics`` (views), ``reader`` and ``report``. ``load`` runs them;
``cli`` and ``defs`` call ``load``.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cbr_warehouse.reader.warehouse import open_warehouse

__version__ = "0.1.0"
__all__ = ["__version__", "open_warehouse"]


def __getattr__(name: str) -> Any:
    """Imports the reader, and pandas and DuckDB with it, when it is first used."""
    if name != "open_warehouse":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from cbr_warehouse.reader.warehouse import open_warehouse  # noqa: PLC0415

    return open_warehouse
