-- Question: how many tasks a day are to be expected in the coming week?
-- Grain: one row per source and each of the seven UTC days after the watermark's.
-- Definition: linear trend over the days of the lookback that were over, plus the mean deviation of the weekday;
--   the interval is 1.96 standard deviations of what the two leave unexplained.
-- Settings: lookback
-- Edge cases: a day without tasks counts as one with none, unless coverage says that it is incomplete or lost; days
--   before the first task are left out. With fewer than 14 days, or of a source that is left out of
--   analytics.as_of, there is no forecast, and reason says so. Storage cannot be forecast: the log has no sizes.
-- Columns:
--   source: Name of the configured source.
--   day: Day to come, UTC.
--   days_seen: Days it rests on.
--   tasks: Expected tasks.
--   tasks_low: Lower end of the 95 % interval.
--   tasks_high: Upper end.
--   reason: Why there is none; NULL where there is one.
WITH counted AS (
    SELECT a.source, a.day, count(*) AS n
    FROM analytics.attempt AS a
    CROSS JOIN analytics.as_of AS o
    CROSS JOIN analytics.settings AS s
    WHERE a.day < timezone('UTC', o.as_of)::DATE
        AND a.day >= timezone('UTC', o.as_of - to_seconds(epoch(s.lookback)))::DATE
    GROUP BY ALL
),

daily AS (
    SELECT f.source, c.day::DATE AS day, coalesce(n.n, 0) AS n
    FROM (SELECT source, min(day)::TIMESTAMP AS first_day FROM counted GROUP BY source) AS f
    CROSS JOIN analytics.as_of AS o
    LEFT JOIN analytics.source_watermark AS w ON w.source = f.source
    CROSS JOIN generate_series(
        f.first_day, timezone('UTC', coalesce(w.observed_until, o.as_of))::DATE - INTERVAL 1 DAY, INTERVAL 1 DAY
    ) AS c(day)
    LEFT JOIN counted AS n ON n.source = f.source AND n.day = c.day::DATE
    ANTI JOIN (FROM coverage WHERE state IN ('incomplete', 'lost')) AS v
        ON v.source = f.source AND v.day = c.day::DATE
),

line AS (
    SELECT
        source,
        min(day) AS first_day,
        count(*) AS days_seen,
        regr_slope(n, epoch(day::TIMESTAMP) / 86400) AS slope,
        regr_intercept(n, epoch(day::TIMESTAMP) / 86400) AS base
    FROM daily
    GROUP BY source
),

rest AS (
    SELECT d.source, isodow(d.day) AS weekday, d.n - (l.base + l.slope * epoch(d.day::TIMESTAMP) / 86400) AS off
    FROM daily AS d
    JOIN line AS l USING (source)
),

season AS (
    SELECT source, weekday, avg(off) AS off FROM rest GROUP BY ALL
),

noise AS (
    SELECT r.source, coalesce(stddev_samp(r.off - s.off), 0) AS spread
    FROM rest AS r
    JOIN season AS s USING (source, weekday)
    GROUP BY r.source
),

ahead AS (
    SELECT l.*, timezone('UTC', o.as_of)::DATE + k.n::INTEGER AS day
    FROM line AS l
    CROSS JOIN analytics.as_of AS o
    CROSS JOIN range(1, 8) AS k(n)
),

told AS (
    SELECT
        a.source,
        a.day,
        a.days_seen,
        CASE
            WHEN a.days_seen >= 14 AND coalesce(w.is_included, true)
                THEN greatest(0, a.base + a.slope * epoch(a.day::TIMESTAMP) / 86400 + coalesce(s.off, 0))
        END AS tasks,
        1.96 * n.spread AS margin,
        coalesce(w.is_included, true) AS is_included
    FROM ahead AS a
    LEFT JOIN analytics.source_watermark AS w ON w.source = a.source
    LEFT JOIN season AS s ON s.source = a.source AND s.weekday = isodow(a.day)
    LEFT JOIN noise AS n ON n.source = a.source
)

SELECT
    source,
    day,
    days_seen,
    round(tasks, 2) AS tasks,
    CASE WHEN tasks IS NOT NULL THEN round(greatest(0, tasks - margin), 2) END AS tasks_low,
    round(tasks + margin, 2) AS tasks_high,
    CASE
        WHEN NOT is_included THEN 'not loaded any more'
        WHEN tasks IS NULL THEN 'fewer than 14 days seen'
    END AS reason
FROM told
ORDER BY source, day
