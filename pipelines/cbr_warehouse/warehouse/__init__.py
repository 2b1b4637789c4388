"""The warehouse: all tables and views in one DuckDB file, replaced atomically, readable at any time.

Built from ``tables`` and the ledgers of ``raw``: a load writes a private copy, checks it and renames it
over the published file.
"""
