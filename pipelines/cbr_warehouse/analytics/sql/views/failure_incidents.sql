-- Question: which failures belong together as one incident, and how far did it reach?
-- Grain: one row per cluster of backup failures of one source and error code that hit enough resources.
-- Definition: failures of one code ordered by created_at belong to one cluster while each follows the one before within
--   incident_gap. A cluster is an incident if it hit at least incident_resources resources. Where the code says that the
--   vault is full (BackupService.6114, "used capacity exceeds the maximum capacity"), it is also one if it hit a whole
--   vault: at least 2 resources of one vault, and at least half of those that were tried in it from incident_gap before
--   the first failure to incident_gap after the last.
-- Settings: incident_gap, incident_resources
-- Edge cases: over all history. A source is one project of one region. Two codes of one outage are two incidents whose times
--   overlap. A vault that is full for several nights is one incident per night, where the nights are further apart than
--   incident_gap.
-- Columns:
--   source: Name of the configured source.
--   error_code: Code, or (none).
--   began_at: When the first of its failures was created.
--   last_failure_at: When the last was created.
--   ended_at: Latest end (updated_at, else created_at, where that is missing) of them.
--   duration_hours: From began_at to ended_at.
--   failures: Failures.
--   resources: Resources hit: the blast radius.
--   vaults: Vaults hit.
--   share_of_failures: Of all backup failures of the source on the UTC days from began_at to last_failure_at.
--   attempts: Backup attempts of the source that were ok or failed, created from began_at to last_failure_at.
--   failure_rate: failures / attempts.
--   whole_vaults: Vaults that it hit as a whole, as in the definition; 0 of any other code.
WITH failure AS (
    SELECT
        a.source,
        coalesce(a.error_code, '(none)') AS error_code,
        a.resource_id,
        a.vault_id,
        a.created_at,
        coalesce(a.ended_at, a.updated_at, a.created_at) AS over_at,
        a.created_at - lag(a.created_at) OVER (
            PARTITION BY a.source, coalesce(a.error_code, '(none)') ORDER BY a.created_at ASC
        ) AS gap
    FROM analytics.attempt AS a
    WHERE a.operation_type = 'backup' AND a.outcome = 'fail'
),

numbered AS (
    SELECT
        f.*,
        count(*) FILTER (f.gap > to_seconds(epoch(s.incident_gap))) OVER (
            PARTITION BY f.source, f.error_code ORDER BY f.created_at ASC ROWS UNBOUNDED PRECEDING
        ) AS cluster
    FROM failure AS f
    CROSS JOIN analytics.settings AS s
),

cluster AS (
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
),

vault_hit AS (
    SELECT f.source, f.error_code, f.cluster, f.vault_id, count(DISTINCT f.resource_id) AS hit
    FROM numbered AS f
    WHERE f.vault_id IS NOT NULL AND f.error_code = 'BackupService.6114'
    GROUP BY ALL
    HAVING hit >= 2
),

whole_vault AS (
    SELECT h.source, h.error_code, h.cluster, count(*) AS vaults
    FROM (
        SELECT h.source, h.error_code, h.cluster, h.vault_id, any_value(h.hit) AS hit, count(DISTINCT a.resource_id) AS tried
        FROM vault_hit AS h
        JOIN cluster AS i ON i.source = h.source AND i.error_code = h.error_code AND i.cluster = h.cluster
        CROSS JOIN analytics.settings AS s
        JOIN analytics.attempt AS a
            ON a.source = h.source AND a.vault_id = h.vault_id AND a.operation_type = 'backup'
            AND a.outcome IN ('ok', 'fail')
            AND a.created_at >= i.began_at - to_seconds(epoch(s.incident_gap))
            AND a.created_at <= i.last_failure_at + to_seconds(epoch(s.incident_gap))
        GROUP BY h.source, h.error_code, h.cluster, h.vault_id
    ) AS h
    WHERE h.hit >= 0.5 * h.tried
    GROUP BY h.source, h.error_code, h.cluster
),

incident AS (
    SELECT i.*, coalesce(w.vaults, 0) AS whole_vaults
    FROM cluster AS i
    LEFT JOIN whole_vault AS w ON w.source = i.source AND w.error_code = i.error_code AND w.cluster = i.cluster
    WHERE i.resources >= (SELECT incident_resources FROM analytics.settings) OR w.vaults > 0
),

incident_day AS (
    -- Joined by the day and not by a range of days: each task is compared with the incidents of its day alone.
    SELECT source, error_code, cluster, began_at, last_failure_at, unnest(generate_series(
        timezone('UTC', began_at)::DATE, timezone('UTC', last_failure_at)::DATE, INTERVAL 1 DAY
    ))::DATE AS day
    FROM incident
),

around AS (
    SELECT
        i.source,
        i.error_code,
        i.cluster,
        count(*) FILTER (a.outcome = 'fail') AS failures_around,
        count(*) FILTER (a.created_at BETWEEN i.began_at AND i.last_failure_at) AS attempts
    FROM incident_day AS i
    JOIN analytics.attempt AS a
        ON a.source = i.source AND a.day = i.day AND a.operation_type = 'backup' AND a.outcome IN ('ok', 'fail')
    GROUP BY ALL
)

SELECT
    i.source,
    i.error_code,
    i.began_at,
    i.last_failure_at,
    i.ended_at,
    (epoch_us(i.ended_at) - epoch_us(i.began_at)) / 3600000000 AS duration_hours,
    i.failures,
    i.resources,
    i.vaults,
    i.failures / nullif(a.failures_around, 0) AS share_of_failures,
    a.attempts,
    i.failures / nullif(a.attempts, 0) AS failure_rate,
    i.whole_vaults
FROM incident AS i
LEFT JOIN around AS a USING (source, error_code, cluster)
ORDER BY i.began_at DESC, i.source, i.error_code
