-- Question: did the causes of failed backups change since last week?
-- Grain: one row per source and error code of backups that failed in the 14 days before analytics.as_of.
-- Definition: failed and timed-out backup attempts created in the last 7 days against those of the 7 days before. change:
--   new (none before), gone (none now), rising or falling where the two counts differ by more than twice the square root of
--   their sum, else same. js_divergence is the Jensen-Shannon divergence of the two mixes, to base 2: 0 for the same mix, 1
--   for no code in common.
-- Settings: none
-- Edge cases: with few failures the divergence is large by chance: see n_now and n_before. It is NULL where a week has no
--   failure; so are the shares of that week. A code that came back after two weeks is new; see first_seen_at. Where the source's
--   first backup attempt is less than 14 days old, is_comparable is false and new means little.
-- Columns:
--   source: Name of the configured source.
--   error_code: Error code, or (none).
--   failures_now: Failed attempts in the last 7 days.
--   failures_before: Failed attempts in the 7 days before.
--   share_now: failures_now / n_now.
--   share_before: failures_before / n_before.
--   change: new, gone, rising, falling or same.
--   resources_now: Resources hit in the last 7 days.
--   first_seen_at: When the code first failed a backup, in all history.
--   n_now: Failed attempts of all codes in the last 7 days.
--   n_before: Failed attempts of all codes in the 7 days before.
--   js_divergence: Divergence of the two mixes of the source, 0 to 1.
--   is_comparable: Whether the source's backup attempts go back 14 days.
WITH history AS (
    SELECT r.source, min(r.first_attempt_at) <= any_value(o.as_of) - INTERVAL 336 HOUR AS is_comparable
    FROM analytics.resource AS r
    CROSS JOIN analytics.as_of AS o
    GROUP BY r.source
),

cause AS (
    SELECT
        a.source,
        coalesce(a.error_code, '(none)') AS error_code,
        count(*) FILTER (a.created_at >= o.as_of - INTERVAL 168 HOUR) AS failures_now,
        count(*) FILTER (
            a.created_at >= o.as_of - INTERVAL 336 HOUR AND a.created_at < o.as_of - INTERVAL 168 HOUR
        ) AS failures_before,
        count(DISTINCT a.resource_id) FILTER (a.created_at >= o.as_of - INTERVAL 168 HOUR) AS resources_now,
        min(a.created_at) AS first_seen_at
    FROM analytics.attempt AS a
    CROSS JOIN analytics.as_of AS o
    WHERE a.operation_type = 'backup' AND a.outcome = 'fail' AND a.created_at < o.as_of
    GROUP BY ALL
    HAVING failures_now + failures_before > 0
),

mix AS (
    SELECT
        *,
        sum(failures_now) OVER (PARTITION BY source)::BIGINT AS n_now,
        sum(failures_before) OVER (PARTITION BY source)::BIGINT AS n_before,
        failures_now / nullif(n_now, 0) AS share_now,
        failures_before / nullif(n_before, 0) AS share_before
    FROM cause
)

SELECT
    m.source,
    m.error_code,
    m.failures_now,
    m.failures_before,
    m.share_now,
    m.share_before,
    CASE
        WHEN m.failures_before = 0 THEN 'new'
        WHEN m.failures_now = 0 THEN 'gone'
        WHEN abs(m.failures_now - m.failures_before) <= 2 * sqrt(m.failures_now + m.failures_before) THEN 'same'
        WHEN m.failures_now > m.failures_before THEN 'rising'
        ELSE 'falling'
    END AS change,
    m.resources_now,
    m.first_seen_at,
    m.n_now,
    m.n_before,
    CASE
        WHEN m.n_now > 0 AND m.n_before > 0
            -- A sum of decimals, the same in whatever order they are added.
            THEN least(1, greatest(0, sum((
                CASE WHEN m.share_now > 0
                    THEN 0.5 * m.share_now * log2(2 * m.share_now / (m.share_now + m.share_before)) ELSE 0 END
                + CASE WHEN m.share_before > 0
                    THEN 0.5 * m.share_before * log2(2 * m.share_before / (m.share_now + m.share_before)) ELSE 0 END
            )::DECIMAL(18, 15)) OVER (PARTITION BY m.source)))::DOUBLE
    END AS js_divergence,
    h.is_comparable
FROM mix AS m
LEFT JOIN history AS h USING (source)
