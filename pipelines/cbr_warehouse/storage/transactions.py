"""Transactions of a database file that is being built, which no reader opens before it is whole."""

import duckdb


def commit(connection: duckdb.DuckDBPyConnection) -> None:
    """Ends a transaction and begins the next.

    What a transaction replaces is kept in memory until it ends: many small ones take less than a large one.
    """
    connection.execute("COMMIT")
    connection.execute("BEGIN")
