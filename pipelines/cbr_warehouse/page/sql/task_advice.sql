-- Question: what does the vendor say of the error code of one task?
-- Grain: one row; none for a code that it does not document.
-- Definition: the row of error_code.
-- Settings: none
-- Edge cases: none
SELECT e.*
FROM analytics.error_code AS e
WHERE e.error_code = (
    SELECT a.error_code FROM analytics.attempt AS a WHERE a.source = $source AND a.task_id = $id
)
