"""What a warehouse shows of itself on a prompt and in a notebook: where it is, how new, how much, of whom."""

from html import escape

import duckdb

from cbr_warehouse.storage.sql_text import identifier
from cbr_warehouse.warehouse.open_published import PublishedWarehouse
from cbr_warehouse.warehouse.query import read_watermark

_HINT = "wh.names() lists tables, views and macros; each is an attribute, such as wh.protection_coverage"


def describe(opened: PublishedWarehouse) -> str:
    """One line for a prompt; a closed or damaged warehouse is described too."""
    facts = ", ".join(f"{name} {value}" for name, value in _facts(opened).items())
    return f"<Warehouse {opened.place}: {facts}>"


def describe_as_html(opened: PublishedWarehouse) -> str:
    """A small table for a notebook; names from the data are escaped."""
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td style='text-align:left'>{escape(value)}</td></tr>"
        for name, value in {"warehouse": str(opened.place), **_facts(opened)}.items()
    )
    return f"<table>{rows}</table><p>{escape(_HINT)}</p>"


def _facts(opened: PublishedWarehouse) -> dict[str, str]:
    try:
        as_of = read_watermark(opened.connection)
        tasks = _count(opened.connection, "main", "tasks")
        sources, first, last = opened.connection.execute(
            "SELECT string_agg(DISTINCT source, ', ' ORDER BY source), min(day), max(day) FROM coverage"
        ).fetchall()[0]
    except duckdb.ConnectionException:
        return {"state": "closed"}
    except duckdb.Error as error:
        return {"state": f"cannot be read ({type(error).__name__})"}
    return {
        "as of": "never loaded" if as_of is None else f"{as_of:%Y-%m-%d %H:%M} UTC",
        "tasks": f"{tasks:,}",
        "days": "none" if first is None else f"{first} to {last}",
        "sources": sources or "none",
    }


def _count(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> int:
    query = f"SELECT count(*) FROM {identifier(schema)}.{identifier(table)}"
    return int(connection.execute(query).fetchall()[0][0])
