-- Question: how much is held of each source?
-- Grain: one row per source.
-- Definition: rows of each table; a resource is counted once however many tasks name it.
SELECT
    source,
    count(*) AS tasks,
    min(created_at)::DATE AS first_day,
    max(created_at)::DATE AS last_day,
    (SELECT count(DISTINCT resource_id) FROM resources AS r WHERE r.source = t.source) AS resources,
    (SELECT count(*) FROM replications AS p WHERE p.source = t.source) AS replications
FROM tasks AS t
GROUP BY source
ORDER BY source;
