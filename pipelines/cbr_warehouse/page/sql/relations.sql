-- Question: which tables and views does the warehouse have besides those of the catalogue?
-- Grain: one row per table.
-- Definition: name and comment.
-- Settings: none
-- Edge cases: none
SELECT schema_name || '.' || table_name AS name, comment
FROM duckdb_tables()
WHERE database_name = 'warehouse' AND schema_name IN ('main', 'analytics')
ORDER BY schema_name DESC, table_name
