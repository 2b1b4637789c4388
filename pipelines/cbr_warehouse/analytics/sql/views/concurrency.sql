-- Question: when do how many tasks run at once, overall and in each vault?
-- Grain: one row per source, vault (NULL: all together) and local hour of the day, in the lookback.
-- Definition: a task runs in [started, ended), an open one until the watermark. Mean: running time within that hour
--   of all days, divided by the time observed in it: from the first task held or day proved complete, within the
--   lookback, to the watermark (its source's, where that is left out). Peak: the most in one minute, those that ran at its begin and those that
--   started in it.
-- Settings: lookback, timezone
-- Edge cases: waiting tasks do not run. Tasks without a start have no running time. An hour without a start or end
--   keeps the number that ran into it. A task that ends and one that starts within the same minute both count.
--   A task counts however long before the lookback it was created, for as long as it runs in it.
-- Columns:
--   source: Name of the configured source.
--   vault_id: Vault; NULL for all together.
--   vault_name: Its newest name.
--   local_hour: Hour of the day, 0 to 23, in the set time zone.
--   mean_running: Mean number of tasks running; NULL of an hour that is not observed.
--   peak_running: Most in one minute.
--   starts: Tasks that started in that hour.
WITH first_task AS (
    SELECT source, min(least(created_at, started_at)) AS first_at FROM analytics.attempt GROUP BY source
),

first_day AS (
    SELECT source, timezone('UTC', min(day)::TIMESTAMP) AS first_at FROM coverage WHERE state = 'complete' GROUP BY source
),

span AS (
    SELECT
        t.source,
        greatest(least(t.first_at, d.first_at), o.as_of - to_seconds(epoch(s.lookback))) AS from_at,
        coalesce(w.observed_until, o.as_of) AS to_at,
        epoch(from_at) AS from_s,
        epoch(to_at) AS to_s
    FROM first_task AS t
    CROSS JOIN analytics.as_of AS o
    CROSS JOIN analytics.settings AS s
    LEFT JOIN first_day AS d USING (source)
    LEFT JOIN analytics.source_watermark AS w USING (source)
    WHERE o.as_of IS NOT NULL AND from_at < to_at
),

-- Seconds, minutes and quarters of an hour as whole numbers: a quarter lies in one hour in every time zone.
task AS (
    SELECT
        a.source,
        a.vault_id,
        greatest(epoch(a.started_at), p.from_s) AS begins_s,
        least(coalesce(CASE WHEN a.outcome <> 'open' THEN epoch(a.ended_at) END, p.to_s), p.to_s) AS ends_s,
        a.started_at >= p.from_at AS is_start
    FROM analytics.attempt AS a
    JOIN span AS p ON p.source = a.source
    WHERE a.started_at < p.to_at AND (a.outcome = 'open' OR (a.ended_at > p.from_at AND a.ended_at > a.started_at))
),

changed AS (
    SELECT source, vault_id, begins_s::BIGINT // 60 AS minute, count(*) AS starts, 0 AS ends,
        count(*) FILTER (is_start) AS counted
    FROM task GROUP BY ALL
    UNION ALL
    SELECT source, vault_id, ends_s::BIGINT // 60, 0, count(*), 0 FROM task GROUP BY ALL
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
    WINDOW through AS (PARTITION BY source, vault_id ORDER BY minute ROWS UNBOUNDED PRECEDING)
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
    SELECT source, vault_id, begins_s::BIGINT // 900 AS quarter,
        sum((least(ends_s, (begins_s::BIGINT // 900 + 1) * 900) - begins_s)::DECIMAL(18, 6)) AS seconds
    FROM task
    GROUP BY ALL
    UNION ALL
    SELECT t.source, t.vault_id, t.quarter + k.n, sum(least(900, t.ends_s - (t.quarter + k.n) * 900)::DECIMAL(18, 6))
    FROM (
        SELECT *, begins_s::BIGINT // 900 AS quarter, ends_s::BIGINT // 900 AS until_quarter
        FROM task WHERE ends_s::BIGINT // 900 > begins_s::BIGINT // 900
    ) AS t, unnest(range(1, t.until_quarter - t.quarter + 1)) AS k(n)
    GROUP BY ALL
),

watched AS (
    SELECT source, quarter, least((quarter + 1) * 900, to_s) - greatest(quarter * 900, from_s) AS seconds
    FROM (SELECT *, unnest(range(from_s::BIGINT // 900, to_s::BIGINT // 900 + 1)) AS quarter FROM span)
),

clock AS (
    SELECT c.quarter, hour(timezone(s.timezone, to_timestamp(c.quarter * 900))) AS local_hour
    FROM (SELECT quarter FROM peak UNION SELECT quarter FROM piece UNION SELECT quarter FROM watched) AS c
    CROSS JOIN analytics.settings AS s
),

observed AS (
    SELECT w.source, c.local_hour, sum(w.seconds::DECIMAL(18, 6)) AS seconds
    FROM watched AS w
    JOIN clock AS c USING (quarter)
    GROUP BY ALL
),

topped AS (
    SELECT p.source, p.vault_id, c.local_hour, max(p.peak)::BIGINT AS peak_running, sum(p.counted)::BIGINT AS starts
    FROM peak AS p
    JOIN clock AS c USING (quarter)
    GROUP BY ALL
),

spent AS (
    SELECT p.source, p.vault_id, c.local_hour, sum(p.seconds) AS seconds
    FROM piece AS p
    JOIN clock AS c USING (quarter)
    WHERE p.vault_id IS NOT NULL
    GROUP BY ALL
    UNION ALL
    SELECT p.source, NULL, c.local_hour, sum(p.seconds)
    FROM piece AS p
    JOIN clock AS c USING (quarter)
    GROUP BY ALL
),

named AS (
    SELECT source, vault_id, arg_max(vault_name, last_created_at) AS vault_name FROM analytics.resource_day GROUP BY ALL
)

SELECT
    t.source,
    t.vault_id,
    v.vault_name,
    t.local_hour,
    coalesce(p.seconds, 0) / nullif(b.seconds, 0) AS mean_running,
    t.peak_running,
    t.starts
FROM topped AS t
LEFT JOIN observed AS b ON b.source = t.source AND b.local_hour = t.local_hour
LEFT JOIN spent AS p
    ON p.source = t.source AND coalesce(p.vault_id, '') = coalesce(t.vault_id, '') AND p.local_hour = t.local_hour
LEFT JOIN named AS v ON v.source = t.source AND v.vault_id = t.vault_id
