-- Question: which UTC days of the log are complete, and why are the others not?
-- Grain: one row per source and UTC day of the period, the newest first.
-- Definition: rows of coverage.
-- Settings: none
-- Edge cases: today is open. A day that no load has asked for has no row.
FROM main.coverage
WHERE day BETWEEN $from_day::DATE AND $to_day::DATE + 1
    AND source = $source -- if source
ORDER BY day DESC, source
