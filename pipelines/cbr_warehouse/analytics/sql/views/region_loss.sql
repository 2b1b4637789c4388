-- Question: had the region been lost at the end of a day, how much data would have gone with it?
-- Grain: one row per source and end of a backup day in the lookback.
-- Definition: for each resource enrolled, not removed and still loaded then, data loss is the age of the newest recovery point that
--   had been copied to another region by then.
-- Settings: lookback, timezone, day_anchor
-- Edge cases: resources without any copy by then would be lost whole; they are counted, not averaged in. Copies of
--   disks and file systems do not exist at all, by the service's rules.
-- Columns:
--   source: Name of the configured source.
--   lost_at: The moment of the supposed loss.
--   resources: Resources enrolled then.
--   with_copy: Of them with a copy elsewhere.
--   without_copy: Of them without.
--   with_copy_rate: with_copy / resources.
--   loss_p50_hours: Median age of the newest copy.
--   loss_p95_hours: 95th percentile.
--   loss_max_hours: Oldest.
WITH moment AS (
    SELECT timezone(s.timezone, c.day + s.day_anchor) AS lost_at
    FROM analytics.as_of AS o
    CROSS JOIN analytics.settings AS s
    CROSS JOIN generate_series(
        timezone(s.timezone, o.as_of - to_seconds(epoch(s.lookback)))::DATE::TIMESTAMP,
        timezone(s.timezone, o.as_of)::DATE::TIMESTAMP,
        INTERVAL 1 DAY
    ) AS c(day)
    WHERE timezone(s.timezone, c.day + s.day_anchor) <= o.as_of
),

asked AS (
    SELECT r.source, r.resource_id, m.lost_at
    FROM analytics.resource AS r
    CROSS JOIN moment AS m
    WHERE r.first_attempt_at < m.lost_at AND coalesce(least(r.removed_at, r.not_loaded_since) > m.lost_at, true)
),

story AS (
    -- Copies and questions on one line of time: each question sees the newest moment copied before it.
    SELECT source, resource_id, first_copied_at AS moment, rp_at, NULL::TIMESTAMPTZ AS lost_at
    FROM analytics.recovery_point
    WHERE first_copied_at IS NOT NULL AND resource_id IS NOT NULL
    UNION ALL
    SELECT source, resource_id, lost_at, NULL, lost_at FROM asked
),

told AS (
    SELECT
        source,
        lost_at,
        max(rp_at) OVER (
            PARTITION BY source, resource_id ORDER BY moment, lost_at NULLS FIRST ROWS UNBOUNDED PRECEDING
        ) AS newest_rp_at
    FROM story
),

loss AS (
    SELECT source, lost_at, (epoch(lost_at) - epoch(newest_rp_at)) / 3600 AS hours
    FROM told
    WHERE lost_at IS NOT NULL
)

SELECT
    source,
    lost_at,
    count(*) AS resources,
    count(hours) AS with_copy,
    count(*) - count(hours) AS without_copy,
    count(hours) / count(*) AS with_copy_rate,
    quantile_cont(hours, 0.5) AS loss_p50_hours,
    quantile_cont(hours, 0.95) AS loss_p95_hours,
    max(hours) AS loss_max_hours
FROM loss
GROUP BY source, lost_at
ORDER BY source, lost_at
