-- Question: where did scheduled backups stop although nobody removed the resource?
-- Grain: one row per source, schedule and run after which backups of one or more of its resources stopped.
-- Definition: of each resource, the scheduled backup attempts of any outcome, skipped ones included, ordered by created_at.
--   Its usual wait is the median, its long wait the 90th percentile, of the up to 28 waits before, at least 3. Backups
--   stopped where the wait to the next attempt, or without one to the source's observed_until, exceeds stopped_after times
--   the usual wait, twice the long wait and twice default_interval, each plus rpo_grace: then the alarm is raised.
--   Resources that stopped after the same run of the same schedule (schedule_run) are one row. A resource that was removed
--   counts up to then.
-- Settings: stopped_after, rpo_grace, default_interval, signal_window, schedule_window
-- Edge cases: a resource that another schedule goes on backing up has not stopped. Waits that touch a UTC day that is lost
--   or was never loaded are not judged. A policy that begins to run daily instead of every few hours, and misses a run,
--   has not stopped: hence default_interval.
-- Columns:
--   source: Name of the configured source.
--   schedule_id: Schedule of the last attempt: policy id, or "vault:ID".
--   vault_id: Vault of the last attempt.
--   vault_name: Its name.
--   resources: Resources that stopped after this run.
--   resource_ids: Their ids.
--   resource_name: Newest name of one of them.
--   is_whole_schedule: Whether they are all that the run tried.
--   last_run_at: Start of the last run.
--   last_attempt_at: When the last attempt of them was created.
--   usual_hours: Their median usual wait.
--   raised_at: When the first of them had waited too long.
--   resumed_at: When the last of them was tried again; NULL while one of them is not.
WITH scheduled AS MATERIALIZED (
    SELECT
        a.source,
        a.resource_id,
        a.task_id,
        a.schedule_id,
        a.vault_id,
        a.vault_name,
        a.created_at,
        -- Half of the shortest wait that can be too long.
        floor(epoch(a.created_at) / (epoch(s.default_interval) + epoch(s.rpo_grace) / 2)) AS bucket
    FROM analytics.attempt AS a
    CROSS JOIN analytics.as_of AS o
    CROSS JOIN analytics.settings AS s
    WHERE a.operation_type = 'backup' AND a.is_scheduled AND a.resource_id IS NOT NULL AND a.schedule_id IS NOT NULL
        AND a.created_at >= o.as_of - to_seconds(epoch(s.signal_window) + epoch(s.schedule_window))
),

-- Where every bucket but the last has an attempt, no wait is as long as two buckets: nearly all resources.
waited AS (
    SELECT b.source, b.resource_id
    FROM (
        SELECT
            t.*,
            floor(epoch(least(r.removed_at, coalesce(w.observed_until, o.as_of)))
                / (epoch(s.default_interval) + epoch(s.rpo_grace) / 2)) AS last_bucket
        FROM (SELECT DISTINCT source, resource_id, bucket FROM scheduled) AS t
        CROSS JOIN analytics.as_of AS o
        CROSS JOIN analytics.settings AS s
        JOIN analytics.resource AS r ON r.source = t.source AND r.resource_id = t.resource_id
        LEFT JOIN analytics.source_watermark AS w ON w.source = t.source
    ) AS b
    GROUP BY b.source, b.resource_id
    HAVING count(*) FILTER (b.bucket < b.last_bucket) <> any_value(b.last_bucket) - min(b.bucket)
),

attempted AS (
    SELECT
        *,
        row_number() OVER attempts AS place,
        lead(created_at) OVER attempts AS next_at,
        ((epoch_us(lead(created_at) OVER attempts) - epoch_us(created_at)) / 1000000)::BIGINT AS wait
    FROM scheduled
    SEMI JOIN waited USING (source, resource_id)
    WINDOW attempts AS (PARTITION BY source, resource_id ORDER BY created_at ASC, task_id ASC)
),

-- Only a wait that stands out from the shortest can stand out from the median.
candidate AS (
    SELECT a.*, least(a.next_at, r.removed_at, coalesce(w.observed_until, o.as_of)) AS judged_until
    FROM (
        SELECT *, min(wait) OVER (PARTITION BY source, resource_id) AS shortest
        FROM attempted
    ) AS a
    CROSS JOIN analytics.as_of AS o
    CROSS JOIN analytics.settings AS s
    JOIN analytics.resource AS r ON r.source = a.source AND r.resource_id = a.resource_id
    LEFT JOIN analytics.source_watermark AS w ON w.source = a.source
    WHERE a.place > 3 AND (epoch_us(judged_until) - epoch_us(a.created_at)) / 1000000
            > greatest(greatest(s.stopped_after, 2) * a.shortest, 2 * epoch(s.default_interval)) + epoch(s.rpo_grace)
),

usual AS (
    SELECT
        c.source,
        c.task_id,
        median(b.wait) AS usual_wait,
        quantile_disc(b.wait, 0.9) AS long_wait
    FROM candidate AS c
    JOIN attempted AS b
        ON b.source = c.source AND b.resource_id = c.resource_id AND b.place < c.place AND b.place >= c.place - 28
    GROUP BY c.source, c.task_id
),

stopped AS (
    SELECT
        c.*,
        u.usual_wait,
        c.created_at + to_seconds(greatest(
            s.stopped_after * u.usual_wait, 2 * u.long_wait, 2 * epoch(s.default_interval)
        ) + epoch(s.rpo_grace)) AS raised_at
    FROM candidate AS c
    CROSS JOIN analytics.as_of AS o
    CROSS JOIN analytics.settings AS s
    JOIN usual AS u ON u.source = c.source AND u.task_id = c.task_id
    WHERE raised_at < c.judged_until AND raised_at >= o.as_of - to_seconds(epoch(s.signal_window))
),

judged AS (
    SELECT s.*
    FROM stopped AS s
    WHERE NOT EXISTS (
        SELECT 1
        FROM analytics.day_state AS d
        WHERE d.source = s.source AND (d.state = 'lost' OR d.checked_at IS NULL)
            AND d.day >= timezone('UTC', s.created_at)::DATE AND d.day <= timezone('UTC', s.raised_at)::DATE
    )
),

run_size AS (
    SELECT a.source, a.schedule_id, r.run_started_at, count(DISTINCT a.resource_id) AS resources
    FROM (
        SELECT source, schedule_id, resource_id, created_at
        FROM scheduled
        SEMI JOIN (SELECT DISTINCT source, schedule_id FROM judged) AS j USING (source, schedule_id)
    ) AS a
    ASOF JOIN analytics.schedule_run AS r
        ON r.source = a.source AND r.schedule_id = a.schedule_id AND a.created_at >= r.run_started_at
    GROUP BY ALL
),

last_run AS (
    SELECT j.*, r.run_started_at
    FROM judged AS j
    ASOF JOIN analytics.schedule_run AS r
        ON r.source = j.source AND r.schedule_id = j.schedule_id AND j.created_at >= r.run_started_at
)

SELECT
    l.source,
    l.schedule_id,
    arg_max(l.vault_id, (l.created_at, l.task_id)) AS vault_id,
    arg_max(l.vault_name, (l.created_at, l.task_id)) AS vault_name,
    count(*) AS resources,
    list_sort(list(l.resource_id), 'ASC', 'NULLS LAST') AS resource_ids,
    min(r.resource_name) AS resource_name,
    count(*) >= any_value(z.resources) AS is_whole_schedule,
    l.run_started_at AS last_run_at,
    max(l.created_at) AS last_attempt_at,
    median(l.usual_wait) / 3600 AS usual_hours,
    min(l.raised_at) AS raised_at,
    CASE WHEN count(l.next_at) = count(*) THEN max(l.next_at) END AS resumed_at
FROM last_run AS l
JOIN analytics.resource AS r ON r.source = l.source AND r.resource_id = l.resource_id
JOIN run_size AS z
    ON z.source = l.source AND z.schedule_id = l.schedule_id AND z.run_started_at = l.run_started_at
GROUP BY l.source, l.schedule_id, l.run_started_at
