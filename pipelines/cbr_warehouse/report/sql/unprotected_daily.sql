-- Question: on which days were resources without a recent enough recovery point, and for how long?
-- Grain: one row per backup day of the plots, by the report's clock.
-- Definition: unprotected resource-hours of the day, and the resources that were unprotected in it; see
--   analytics.exposure. The days of the period sum to the key figure.
-- Settings: timezone, day_anchor, rpo_grace, default_interval, [[schedules]]
-- Edge cases: a day is 23 or 25 hours long when clocks change.
WITH asked AS (
    SELECT c.source, $plot_from_at::TIMESTAMPTZ AS from_at, $to_at::TIMESTAMPTZ AS to_at
    FROM analytics.source_clock AS c
),

backup_day AS (
    SELECT
        g.day::DATE AS backup_day,
        timezone($timezone, g.day::TIMESTAMP + $day_anchor) AS begins_at,
        timezone($timezone, g.day::TIMESTAMP + INTERVAL 1 DAY + $day_anchor) AS ends_at
    FROM (SELECT unnest(generate_series($plot_from_day::DATE, $to_day::DATE - 1, INTERVAL 1 DAY)) AS day) AS g
),

-- include exposure

SELECT
    d.backup_day,
    -- Without a stretch, least and greatest would give the whole day.
    coalesce(
        sum(epoch_us(least(u.ends_at, d.ends_at)) - epoch_us(greatest(u.begins_at, d.begins_at)))
            FILTER (u.resource_id IS NOT NULL), 0
    )::BIGINT / 3600000000 AS unprotected_hours,
    count(DISTINCT (u.source, u.resource_id)) FILTER (u.resource_id IS NOT NULL) AS resources
FROM backup_day AS d
LEFT JOIN (SELECT * FROM unprotected WHERE ends_at > begins_at) AS u
    ON u.begins_at < d.ends_at AND u.ends_at > d.begins_at
GROUP BY d.backup_day
ORDER BY d.backup_day
