-- Question: which causes cost the most unprotected hours, rather than the most failures?
-- Grain: one row per source and error code.
-- Definition: rows of exposure_pareto.
-- Settings: lookback, rpo_grace, default_interval, [[schedules]]
-- Edge cases: none
FROM analytics.exposure_pareto
WHERE true
    AND source = $source -- if source
    AND error_code = $code -- if code
ORDER BY unprotected_hours DESC, source, error_code
