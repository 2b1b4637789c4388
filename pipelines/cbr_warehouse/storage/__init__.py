"""Storage: where files are, and every write to the data directory.

``layout`` makes all paths, ``atomic_write`` writes, moves and removes whole files, ``checked_json``
adds checksums, ``lock`` locks, ``disk_errors`` turns what the disk refuses into sentences, and
``sql_text`` names files to DuckDB. What the files contain is defined in ``raw``, ``tables`` and
``warehouse``.

Not behind this package, and what another kind of store would have to replace besides: reading
(``raw.files`` opens Parquet files, ``tables`` and ``warehouse`` hand paths to DuckDB), listing by
``glob`` in ``raw``, and the copy of the published database file in ``warehouse.working_file``.
"""
