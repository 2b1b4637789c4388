"""Evidence packs: raw records, the SQL from them to the controls, and its results, in one archive.

Whoever has a pack and DuckDB can run all of it again. ``write`` makes a pack, ``verify`` checks one.
"""
