-- Question: why do tasks fail, and which few causes make most of the failures?
-- Grain: one row per source, operation type and error code with a failure in the lookback.
-- Definition: rows of failure_causes.
-- Settings: lookback
-- Edge cases: failures without a code are the row (none).
FROM analytics.failure_causes
WHERE true
    AND source = $source -- if source
    AND error_code = $code -- if code
ORDER BY operation_type <> 'backup', operation_type, failures DESC, source, error_code
