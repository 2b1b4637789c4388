-- Question: which failures belong together as one incident, and how far did it reach?
-- Grain: one row per cluster of backup failures of one source and error code that hit enough resources.
-- Definition: failures ordered by creation belong to one cluster while each follows the one before within
--   incident_gap; it is an incident from incident_resources resources on.
-- Settings: incident_gap, incident_resources
-- Edge cases: over all history. A source is one project of one region. Two codes of one outage are two incidents
--   whose times overlap.
-- Columns:
--   source: Name of the configured source.
--   error_code: Code, or (none).
--   began_at: When the first of its failures was created.
--   last_failure_at: When the last was created.
--   ended_at: When the last of them had ended.
--   duration_hours: From began_at to ended_at.
--   failures: Failures.
--   resources: Resources hit: the blast radius.
--   vaults: Vaults hit.
--   share_of_failures: Of all backup failures of the source on the UTC days it touches.
--   attempts: Backup attempts of the source with a verdict between began_at and last_failure_at.
--   failure_rate: failures / attempts.
WITH failure AS (
    SELECT
        a.source,
        coalesce(a.error_code, '(none)') AS error_code,
        a.resource_id,
        a.vault_id,
        a.created_at,
        coalesce(a.ended_at, a.updated_at, a.created_at) AS over_at,
        a.created_at - lag(a.created_at) OVER (
            PARTITION BY a.source, coalesce(a.error_code, '(none)') ORDER BY a.created_at
        ) AS gap
    FROM analytics.attempt AS a
    WHERE a.operation_type = 'backup' AND a.outcome = 'fail'
),

numbered AS (
    SELECT
        f.*,
        count(*) FILTER (f.gap > to_seconds(epoch(s.incident_gap))) OVER (
            PARTITION BY f.source, f.error_code ORDER BY f.created_at ROWS UNBOUNDED PRECEDING
        ) AS cluster
    FROM failure AS f
    CROSS JOIN analytics.settings AS s
),

incident AS (
    SELECT
        source,
        error_code,
        cluster,
        min(created_at) AS began_at,
        max(created_at) AS last_failure_at,
        max(over_at) AS ended_at,
        count(*) AS failures,
        count(DISTINCT resource_id) AS resources,
        count(DISTINCT vault_id) AS vaults
    FROM numbered
    GROUP BY ALL
    HAVING count(DISTINCT resource_id) >= (SELECT incident_resources FROM analytics.settings)
),

around AS (
    SELECT
        i.source,
        i.error_code,
        i.cluster,
        count(*) FILTER (a.outcome = 'fail') AS failures_around,
        count(*) FILTER (a.created_at BETWEEN i.began_at AND i.last_failure_at) AS attempts
    FROM incident AS i
    JOIN analytics.attempt AS a
        ON a.source = i.source AND a.operation_type = 'backup' AND a.outcome IN ('ok', 'fail')
        AND a.day BETWEEN timezone('UTC', i.began_at)::DATE AND timezone('UTC', i.last_failure_at)::DATE
    GROUP BY ALL
)

SELECT
    i.source,
    i.error_code,
    i.began_at,
    i.last_failure_at,
    i.ended_at,
    (epoch(i.ended_at) - epoch(i.began_at)) / 3600 AS duration_hours,
    i.failures,
    i.resources,
    i.vaults,
    i.failures / nullif(a.failures_around, 0) AS share_of_failures,
    a.attempts,
    i.failures / nullif(a.attempts, 0) AS failure_rate
FROM incident AS i
LEFT JOIN around AS a USING (source, error_code, cluster)
ORDER BY i.began_at DESC, i.error_code
