-- Question: how many tasks a day are to be expected in the coming week?
-- Grain: one row per source with a task or a finished load, and each of the seven UTC days after that of analytics.as_of.
-- Definition: linear trend of the tasks per UTC day (by created_at) over the days of the lookback before that of the
--   watermark, plus the mean deviation of the weekday from it; the interval is 1.96 standard deviations of what trend and
--   weekday leave unexplained. Negative values become 0.
-- Settings: lookback
-- Edge cases: a day without tasks counts with 0, unless its state is incomplete or lost: then it is left out, as are the days
--   before the first task of the lookback. A source with fewer than 14 days, or excluded from analytics.as_of, has its seven
--   rows with NULL, and reason says why. The log has no sizes, so storage cannot be forecast.
-- Columns:
--   source: Name of the configured source.
--   day: Day to come, UTC.
--   days_seen: Days that the forecast is based on.
--   tasks: Expected tasks; NULL without a forecast.
--   tasks_low: Lower end of the 95 % interval.
--   tasks_high: Upper end.
--   reason: Why there is no forecast; NULL where there is one.
WITH span AS (
    -- Once, not for each task: time zones and intervals are slow to compute.
    SELECT timezone('UTC', o.as_of - to_seconds(epoch(s.lookback)))::DATE AS from_day, timezone('UTC', o.as_of)::DATE AS to_day
    FROM analytics.as_of AS o
    CROSS JOIN analytics.settings AS s
),

counted AS (
    SELECT a.source, a.day, count(*) AS n
    FROM analytics.attempt AS a
    CROSS JOIN span AS p
    WHERE a.day < p.to_day AND a.day >= p.from_day
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
    ANTI JOIN (FROM analytics.day_state WHERE state IN ('incomplete', 'lost')) AS v
        ON v.source = f.source AND v.day = c.day::DATE
),

numbered AS (
    SELECT source, day, n, day - min(day) OVER (PARTITION BY source) AS x
    FROM daily
),

-- Sums of whole numbers and of decimals are the same in whatever order they are added.
line AS (
    SELECT
        source,
        min(day) AS first_day,
        count(*) AS days_seen,
        (count(*) * sum(x * n) - sum(x) * sum(n)) / nullif(count(*) * sum(x * x) - sum(x) * sum(x), 0) AS slope,
        sum(n) / count(*) - slope * (sum(x) / count(*)) AS base
    FROM numbered
    GROUP BY source
),

rest AS (
    SELECT d.source, isodow(d.day) AS weekday, (d.n - (l.base + l.slope * d.x))::DECIMAL(18, 9) AS off
    FROM numbered AS d
    JOIN line AS l ON l.source = d.source
),

season AS (
    SELECT source, weekday, (sum(off)::DOUBLE / count(*))::DECIMAL(18, 9) AS off
    FROM rest
    GROUP BY source, weekday
),

noise AS (
    SELECT
        r.source,
        coalesce(sqrt(sum((r.off - s.off) * (r.off - s.off))::DOUBLE / nullif(count(*) - 1, 0)), 0) AS spread
    FROM rest AS r
    JOIN season AS s ON s.source = r.source AND s.weekday = r.weekday
    GROUP BY r.source
),

ahead AS (
    SELECT
        k.source,
        coalesce(l.days_seen, 0) AS days_seen,
        l.slope,
        l.base,
        l.first_day,
        timezone('UTC', o.as_of)::DATE + g.n::INTEGER AS day
    FROM (SELECT source FROM analytics.source_watermark UNION SELECT source FROM analytics.attempt) AS k
    CROSS JOIN analytics.as_of AS o
    CROSS JOIN range(1, 8) AS g(n)
    LEFT JOIN line AS l ON l.source = k.source
    WHERE o.as_of IS NOT NULL
),

expected AS (
    SELECT
        a.source,
        a.day,
        a.days_seen,
        CASE
            WHEN a.days_seen >= 14 AND coalesce(w.is_included, false)
                THEN greatest(0, a.base + a.slope * (a.day - a.first_day) + coalesce(s.off, 0)::DOUBLE)
        END AS tasks,
        1.96 * n.spread AS margin,
        coalesce(w.is_included, false) AS is_included
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
FROM expected
ORDER BY source, day
