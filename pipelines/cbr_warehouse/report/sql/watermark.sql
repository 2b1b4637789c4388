-- Question: how recent is the data of each source, and which records failed validation?
-- Grain: one row per source.
-- Definition: up to when it was loaded; whether it is left out of what is judged now, since that is more than 30
--   days behind the newest; records in quarantine without a valid version of their task; tasks
--   still running or waiting; tasks in an unknown status.
-- Settings: none
-- Edge cases: a source whose loads all failed has no watermark.
SELECT
    l.source,
    any_value(w.watermark) AS watermark,
    coalesce(bool_or(NOT w.is_included), false) AS is_left_out,
    coalesce(any_value(q.n), 0) AS quarantined,
    coalesce(any_value(t.open), 0) AS open,
    coalesce(any_value(t.unknown), 0) AS unknown,
    coalesce(any_value(t.tasks), 0) AS tasks
FROM loads AS l
LEFT JOIN analytics.source_watermark AS w USING (source)
LEFT JOIN (
    SELECT source, count(*) AS n FROM quarantine WHERE resolved_at IS NULL GROUP BY ALL
) AS q USING (source)
LEFT JOIN (
    SELECT source, count(*) AS tasks, count(*) FILTER (outcome = 'open') AS open,
        count(*) FILTER (outcome = 'unknown') AS unknown
    FROM analytics.attempt GROUP BY ALL
) AS t USING (source)
GROUP BY l.source
ORDER BY l.source
