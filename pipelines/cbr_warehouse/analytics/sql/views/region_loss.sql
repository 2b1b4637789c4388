-- Question: had the home region been lost at the end of a backup day, how much data would have been lost with it?
-- Grain: one row per source, end of a backup day within the lookback, and destination region that any backup of the source
--   had been replicated to by then, with whatever result; and one row with destination_region NULL for the newest copy in
--   any region.
-- Definition: for each resource enrolled, not removed and still loaded at lost_at, data loss is lost_at minus rp_at of the
--   newest recovery point of which a copy to the destination (NULL: to any) was finished by then.
-- Settings: lookback, timezone, day_anchor (of the source, else the global ones)
-- Edge cases: resources without a copy there by then would be lost entirely; they are in without_copy and in no percentile.
--   Every row counts all resources of the source, also those that are not meant to be copied to that destination, and disks
--   and file systems, which the service never copies. Percentiles interpolate.
-- Columns:
--   source: Name of the configured source.
--   lost_at: The moment of the assumed loss.
--   resources: Resources enrolled then.
--   with_copy: Of them with a copy in the destination.
--   without_copy: Of them without.
--   with_copy_rate: with_copy / resources.
--   loss_p50_hours: Median age of the newest copy.
--   loss_p95_hours: 95th percentile.
--   loss_max_hours: Oldest.
--   destination_region: Region whose copies are left; NULL for the newest copy in any region.
WITH moment AS (
    SELECT c.source, timezone(c.timezone, g.day + c.day_anchor) AS lost_at
    FROM analytics.as_of AS o
    CROSS JOIN analytics.settings AS s
    CROSS JOIN analytics.source_clock AS c
    CROSS JOIN LATERAL (
        SELECT unnest(generate_series(
            timezone(c.timezone, o.as_of - to_seconds(epoch(s.lookback)))::DATE::TIMESTAMP - INTERVAL 1 DAY,
            timezone(c.timezone, o.as_of)::DATE::TIMESTAMP,
            INTERVAL 1 DAY
        )) AS day
    ) AS g
    WHERE lost_at <= o.as_of AND lost_at >= o.as_of - to_seconds(epoch(s.lookback))
),

-- include point_copy
,

tried AS (
    SELECT source, resource_id, rp_at, destination_region, first_created_at, first_copied_at
    FROM point_copy
    WHERE resource_id IS NOT NULL
),

destination AS (
    SELECT source, destination_region, min(first_created_at) AS since
    FROM tried
    GROUP BY source, destination_region
    UNION ALL
    SELECT source, NULL, NULL FROM analytics.source_clock
),

-- Numbers in place of names: the rows below are sorted by them.
resource AS (
    SELECT
        source,
        resource_id,
        row_number() OVER () AS resource_no,
        first_attempt_at,
        least(removed_at, not_loaded_since) AS left_at
    FROM analytics.resource
),

asked AS (
    SELECT r.source, r.resource_no, m.lost_at, d.destination_region
    FROM resource AS r
    JOIN moment AS m ON m.source = r.source
    JOIN destination AS d ON d.source = r.source AND coalesce(d.since <= m.lost_at, true)
    WHERE r.first_attempt_at < m.lost_at AND coalesce(r.left_at > m.lost_at, true)
),

copied AS (
    SELECT t.source, r.resource_no, t.destination_region, t.first_copied_at, t.rp_at, f.first_lost_at
    FROM tried AS t
    JOIN resource AS r ON r.source = t.source AND r.resource_id = t.resource_id
    JOIN (SELECT source, min(lost_at) AS first_lost_at FROM moment GROUP BY source) AS f ON f.source = t.source
    WHERE t.first_copied_at IS NOT NULL
),

-- Of the copies finished between two losses, the newest moment: far fewer rows than copies.
between_losses AS (
    SELECT source, resource_no, destination_region, first_lost_at AS lost_at, max(rp_at) AS rp_at
    FROM copied
    WHERE first_copied_at <= first_lost_at
    GROUP BY ALL
    UNION ALL
    SELECT c.source, c.resource_no, c.destination_region, m.lost_at, max(c.rp_at)
    FROM (SELECT * FROM copied WHERE first_copied_at > first_lost_at) AS c
    ASOF JOIN moment AS m ON m.source = c.source AND c.first_copied_at <= m.lost_at
    GROUP BY ALL
),

story AS (
    SELECT source, resource_no, destination_region, lost_at, max(rp_at) AS rp_at, bool_or(is_asked) AS is_asked
    FROM (
        SELECT source, resource_no, destination_region, lost_at, rp_at, false AS is_asked FROM between_losses
        UNION ALL
        SELECT source, resource_no, NULL, lost_at, rp_at, false FROM between_losses
        UNION ALL
        SELECT source, resource_no, destination_region, lost_at, NULL, true FROM asked
    )
    GROUP BY ALL
),

newest AS (
    SELECT
        source,
        destination_region,
        lost_at,
        is_asked,
        max(rp_at) OVER (
            PARTITION BY resource_no, destination_region ORDER BY lost_at ASC ROWS UNBOUNDED PRECEDING
        ) AS newest_rp_at
    FROM story
),

loss AS (
    SELECT source, destination_region, lost_at, epoch_us(lost_at) - epoch_us(newest_rp_at) AS age_us
    FROM newest
    WHERE is_asked
)

SELECT
    source,
    lost_at,
    count(*) AS resources,
    count(age_us) AS with_copy,
    count(*) - count(age_us) AS without_copy,
    count(age_us) / count(*) AS with_copy_rate,
    round(quantile_cont(age_us, 0.5), 2) / 3600000000 AS loss_p50_hours,
    round(quantile_cont(age_us, 0.95), 2) / 3600000000 AS loss_p95_hours,
    max(age_us) / 3600000000 AS loss_max_hours,
    destination_region
FROM loss
GROUP BY source, lost_at, destination_region
ORDER BY source, lost_at, destination_region NULLS FIRST
