-- Question: which failures were one incident, when, and how far did each reach?
-- Grain: one row per incident within the days of the plots that hit a resource of the report, the twelve that hit most.
-- Definition: analytics.failure_incidents: failures of one code in one source that follow each other within incident_gap and
--   hit at least incident_resources resources, or a whole vault that is full. hit: resources of the report among them.
-- Settings: incident_gap, incident_resources
-- Edge cases: incidents are found in whole sources; failures, resources and vaults are theirs, whatever the report is limited
--   to. Failures of an incident that goes on after the end of the period are counted.
WITH incident AS MATERIALIZED (
    SELECT *
    FROM analytics.failure_incidents
    WHERE last_failure_at >= $plot_from_at AND began_at < $to_at
),

hit AS (
    SELECT i.source, i.error_code, i.began_at, count(DISTINCT a.resource_id) AS hit
    FROM incident AS i
    JOIN analytics.attempt AS a
        ON a.source = i.source AND coalesce(a.error_code, '(none)') = i.error_code
        AND a.operation_type = 'backup' AND a.outcome = 'fail'
        AND a.created_at BETWEEN i.began_at AND i.last_failure_at
    GROUP BY ALL
)

SELECT
    i.source,
    i.error_code,
    i.began_at,
    i.ended_at,
    i.duration_hours,
    h.hit,
    i.resources,
    i.vaults,
    i.failures,
    i.failure_rate,
    e.text_en,
    e.text_zh
FROM incident AS i
JOIN hit AS h ON h.source = i.source AND h.error_code = i.error_code AND h.began_at = i.began_at
LEFT JOIN analytics.error_code AS e ON e.error_code = i.error_code
ORDER BY h.hit DESC, i.began_at DESC, i.source, i.error_code
LIMIT 12
