-- Question: which columns does a table or view have, and what do they mean?
-- Grain: one row per column.
-- Definition: name, type and comment.
-- Settings: none
-- Edge cases: none
SELECT column_name AS name, data_type AS type, comment
FROM duckdb_columns()
WHERE database_name = 'warehouse' AND schema_name || '.' || table_name = $id
ORDER BY column_index
