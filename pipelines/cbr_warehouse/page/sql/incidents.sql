-- Question: which failures belong together as one incident, and how far did it reach?
-- Grain: one row per incident, the newest first.
-- Definition: rows of failure_incidents.
-- Settings: incident_gap, incident_resources
-- Edge cases: over all history.
SELECT
    *,
    count(*) OVER () AS total
FROM analytics.failure_incidents
WHERE true
    AND source = $source -- if source
    AND error_code = $code -- if code
ORDER BY began_at DESC, source, error_code
LIMIT $limit
OFFSET $offset
