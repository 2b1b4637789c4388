"""The warehouse: all tables in one DuckDB file, published whole, read by anyone at any time.

Made from ``tables`` and the ledgers of ``raw``; the loader writes a copy that nobody else
opens, checks it and renames it over the published one.
"""
