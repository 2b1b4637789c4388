"""Storage: where files are, and every operation on those of the data directory.

``layout`` makes all paths, ``atomic_write`` writes, moves and removes whole files, ``staged_files`` has
what DuckDB writes before it is put in place, ``files`` and ``parquet_files`` read and list, ``checked_json``
adds checksums, ``lock`` locks, ``disk_errors`` turns what the disk refuses into sentences, and
``sql_text`` names files to DuckDB. What the files contain is defined in ``raw``, ``tables`` and
``warehouse``.

``raw``, ``tables`` and ``load`` touch files by these operations alone (docs/adr/0026). Not behind them:
the published database file, which ``warehouse`` copies, links and renames, and reports;
``tests/architecture/test_file_access.py`` lists each call.
"""
