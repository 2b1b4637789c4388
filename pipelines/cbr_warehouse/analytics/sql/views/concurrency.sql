-- Question: how many tasks run at once at which hour, overall and in each vault?
-- Grain: one row per source, vault (NULL: all together) and local hour of the day, in the lookback.
-- Definition: a task runs in [started_at, ended_at), an open one until the watermark. mean_running: running time within that
--   hour of all days, divided by the time observed in it: from the first task stored or the first complete day, within the
--   lookback, to the watermark (of the source, where that is excluded from analytics.as_of). peak_running: the most in one
--   minute, counting those that run at its start and those that start in it.
-- Settings: lookback, timezone (of the source, else the global one)
-- Edge cases: waiting tasks do not run; tasks without started_at have no running time. An hour without a start or an end
--   keeps the number of tasks that run through it. A task that ends and one that starts within the same minute both count
--   in its peak. Times are exact to the microsecond; a minute begins with its second 0. A task counts however long before
--   the lookback it was created, for as long as it runs in it.
-- Columns:
--   source: Name of the configured source.
--   vault_id: Vault; NULL for all together.
--   vault_name: Its newest name.
--   local_hour: Hour of the day, 0 to 23, on the source's local clock.
--   mean_running: Mean number of tasks running; NULL of an hour that is not observed.
--   peak_running: Most in one minute.
--   starts: Tasks that started in that hour.
WITH first_task AS (
    SELECT source, min(least(created_at, started_at)) AS first_at FROM analytics.attempt GROUP BY source
),

first_day AS (
    SELECT source, timezone('UTC', min(day)::TIMESTAMP) AS first_at FROM analytics.day_state WHERE state = 'complete' GROUP BY source
),

span AS (
    SELECT
        t.source,
        greatest(least(t.first_at, d.first_at), o.as_of - to_seconds(epoch(s.lookback))) AS from_at,
        coalesce(w.observed_until, o.as_of) AS to_at,
        epoch_us(from_at) AS from_us,
        epoch_us(to_at) AS to_us
    FROM first_task AS t
    CROSS JOIN analytics.as_of AS o
    CROSS JOIN analytics.settings AS s
    LEFT JOIN first_day AS d USING (source)
    LEFT JOIN analytics.source_watermark AS w USING (source)
    WHERE o.as_of IS NOT NULL AND from_at < to_at
),

-- Microseconds, minutes and quarters of an hour as whole numbers: a quarter lies in one hour in every time zone.
task AS (
    SELECT
        a.source,
        a.vault_id,
        greatest(epoch_us(a.started_at), p.from_us) AS begins_us,
        least(coalesce(CASE WHEN a.outcome <> 'open' THEN epoch_us(a.ended_at) END, p.to_us), p.to_us) AS ends_us,
        a.started_at >= p.from_at AS is_start
    FROM analytics.attempt AS a
    JOIN span AS p ON p.source = a.source
    WHERE a.started_at < p.to_at AND (a.outcome = 'open' OR (a.ended_at > p.from_at AND a.ended_at > a.started_at))
),

changed AS (
    SELECT source, vault_id, begins_us // 60000000 AS minute, count(*) AS starts, 0 AS ends,
        count(*) FILTER (is_start) AS counted
    FROM task GROUP BY ALL
    UNION ALL
    SELECT source, vault_id, ends_us // 60000000, 0, count(*), 0 FROM task GROUP BY ALL
),

minute AS (
    SELECT source, vault_id, minute, sum(starts) AS starts, sum(ends) AS ends, sum(counted) AS counted
    FROM changed WHERE vault_id IS NOT NULL GROUP BY ALL
    UNION ALL
    SELECT source, NULL, minute, sum(starts), sum(ends), sum(counted) FROM changed GROUP BY ALL
),

running AS (
    SELECT
        source,
        vault_id,
        minute // 15 AS quarter,
        counted,
        sum(starts) OVER through - sum(ends) OVER through + ends AS peak,
        sum(starts) OVER through - sum(ends) OVER through AS left_running,
        lead(minute) OVER through // 15 AS until_quarter
    FROM minute
    WINDOW through AS (PARTITION BY source, vault_id ORDER BY minute ASC ROWS UNBOUNDED PRECEDING)
),

peak AS (
    SELECT source, vault_id, quarter, max(peak) AS peak, sum(counted) AS counted FROM running GROUP BY ALL
    UNION ALL
    -- Quarters that begin while tasks run.
    SELECT r.source, r.vault_id, r.quarter + k.n, max(r.left_running), 0
    FROM (SELECT * FROM running WHERE left_running > 0 AND until_quarter > quarter) AS r,
        unnest(range(1, r.until_quarter - r.quarter + 1)) AS k(n)
    GROUP BY ALL
),

piece AS (
    SELECT source, vault_id, begins_us // 900000000 AS quarter,
        sum(least(ends_us, (begins_us // 900000000 + 1) * 900000000) - begins_us) AS microseconds
    FROM task
    GROUP BY ALL
    UNION ALL
    SELECT t.source, t.vault_id, t.quarter + k.n, sum(least(900000000, t.ends_us - (t.quarter + k.n) * 900000000))
    FROM (
        SELECT *, begins_us // 900000000 AS quarter, ends_us // 900000000 AS until_quarter
        FROM task WHERE ends_us // 900000000 > begins_us // 900000000
    ) AS t, unnest(range(1, t.until_quarter - t.quarter + 1)) AS k(n)
    GROUP BY ALL
),

watched AS (
    SELECT source, quarter, least((quarter + 1) * 900000000, to_us) - greatest(quarter * 900000000, from_us) AS microseconds
    FROM (SELECT *, unnest(range(from_us // 900000000, to_us // 900000000 + 1)) AS quarter FROM span)
),

clock AS (
    SELECT c.source, c.quarter, hour(timezone(s.timezone, make_timestamptz(c.quarter * 900000000))) AS local_hour
    FROM (
        SELECT source, quarter FROM peak
        UNION SELECT source, quarter FROM piece
        UNION SELECT source, quarter FROM watched
    ) AS c
    JOIN analytics.source_clock AS s ON s.source = c.source
),

observed AS (
    SELECT w.source, c.local_hour, sum(w.microseconds) AS microseconds
    FROM watched AS w
    JOIN clock AS c ON c.source = w.source AND c.quarter = w.quarter
    GROUP BY ALL
),

topped AS (
    SELECT p.source, p.vault_id, c.local_hour, max(p.peak)::BIGINT AS peak_running, sum(p.counted)::BIGINT AS starts
    FROM peak AS p
    JOIN clock AS c ON c.source = p.source AND c.quarter = p.quarter
    GROUP BY ALL
),

spent AS (
    SELECT p.source, p.vault_id, c.local_hour, sum(p.microseconds) AS microseconds
    FROM piece AS p
    JOIN clock AS c ON c.source = p.source AND c.quarter = p.quarter
    WHERE p.vault_id IS NOT NULL
    GROUP BY ALL
    UNION ALL
    SELECT p.source, NULL, c.local_hour, sum(p.microseconds)
    FROM piece AS p
    JOIN clock AS c ON c.source = p.source AND c.quarter = p.quarter
    GROUP BY ALL
),

named AS (
    SELECT source, vault_id, arg_max(vault_name, (last_created_at, vault_name)) AS vault_name
    FROM analytics.resource_day
    GROUP BY ALL
)

SELECT
    t.source,
    t.vault_id,
    v.vault_name,
    t.local_hour,
    coalesce(p.microseconds, 0) / nullif(b.microseconds, 0) AS mean_running,
    t.peak_running,
    t.starts
FROM topped AS t
LEFT JOIN observed AS b ON b.source = t.source AND b.local_hour = t.local_hour
LEFT JOIN spent AS p
    ON p.source = t.source AND coalesce(p.vault_id, '') = coalesce(t.vault_id, '') AND p.local_hour = t.local_hour
LEFT JOIN named AS v ON v.source = t.source AND v.vault_id = t.vault_id
