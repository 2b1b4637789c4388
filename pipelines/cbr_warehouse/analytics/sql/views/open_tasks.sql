-- Question: which tasks are running, queued, stuck, or were stopped by a time limit?
-- Grain: one row per task that was created before analytics.as_of and is open, and per task with status timeout created in
--   the lookback.
-- Definition: kind is timed_out, stuck, or the status (running, waiting). p99_hours is the 99th percentile of the durations
--   of successful tasks of the same source, operation type and kind of backup (full, incremental, not stated) in the lookback.
--   Stuck: open, older than stuck_after and than three times p99_hours, and without progress for at least stuck_after: since
--   progress_since (open_task_progress) or, as long as loads have seen no other progress of it, since updated_at.
-- Settings: stuck_after, lookback
-- Edge cases: an ongoing backup cannot be stopped: report a stuck one to the vendor. progress_since is as precise as loads are
--   frequent. Without a successful task of the kind stuck_after alone decides. Tasks of a source excluded from
--   analytics.as_of are not listed, since it is not known how they ended.
-- Columns:
--   source: Name of the configured source.
--   task_id: Task.
--   operation_type: Task type.
--   kind: running, waiting, stuck or timed_out.
--   status: Status as received.
--   resource_id: Resource.
--   resource_name: Its name.
--   vault_id: Vault.
--   vault_name: Its name.
--   created_at: When it was created.
--   started_at: When it started.
--   age_hours: From created_at to analytics.as_of, of a timed-out one to its end.
--   progress: Percent.
--   progress_since: When the present progress was first seen.
--   p99_hours: 99th percentile of the durations of successful tasks of its kind; NULL without any.
--   is_stuck: Whether it is stuck.
WITH span AS (
    -- Once, not for each task: time zones and intervals are slow to compute.
    SELECT o.as_of - to_seconds(epoch(s.lookback)) AS from_at, o.as_of AS to_at, epoch(s.stuck_after) / 3600 AS stuck_hours
    FROM analytics.as_of AS o
    CROSS JOIN analytics.settings AS s
),

usual AS (
    SELECT a.source, a.operation_type, a.is_full,
        round(quantile_cont((a.duration_seconds * 1000000)::BIGINT, 0.99), 2) / 3600000000 AS p99_hours
    FROM analytics.attempt AS a
    CROSS JOIN span AS p
    WHERE a.outcome = 'ok' AND a.created_at > p.from_at AND a.created_at < p.to_at
    GROUP BY ALL
),

asked AS (
    SELECT a.*, p.to_at AS as_of, p.stuck_hours
    FROM analytics.attempt AS a
    CROSS JOIN span AS p
    ANTI JOIN (FROM analytics.source_watermark WHERE NOT is_included) AS w ON w.source = a.source
    WHERE coalesce(a.created_at < p.to_at, true)
        AND (a.outcome = 'open' OR (a.status = 'timeout' AND a.created_at > p.from_at))
),

judged AS (
    SELECT
        a.*,
        u.p99_hours,
        v.progress_since,
        coalesce(v.has_moved, false) AS has_moved,
        (epoch_us(CASE WHEN a.outcome = 'open' THEN a.as_of ELSE coalesce(a.ended_at, a.as_of) END)
            - epoch_us(a.created_at)) / 3600000000 AS age_hours
    FROM asked AS a
    LEFT JOIN usual AS u
        ON u.source = a.source AND u.operation_type = a.operation_type AND u.is_full IS NOT DISTINCT FROM a.is_full
    LEFT JOIN analytics.open_task_progress AS v ON v.source = a.source AND v.task_id = a.task_id
)

SELECT
    source,
    task_id,
    operation_type,
    CASE
        WHEN outcome <> 'open' THEN 'timed_out'
        WHEN age_hours > greatest(stuck_hours, coalesce(3 * p99_hours, 0))
            AND (progress_since IS NULL OR (epoch_us(as_of) - epoch_us(progress_since)) / 3600000000 >= stuck_hours
                OR (NOT has_moved AND (epoch_us(as_of) - epoch_us(updated_at)) / 3600000000 >= stuck_hours))
            THEN 'stuck'
        ELSE status
    END AS kind,
    status,
    resource_id,
    resource_name,
    vault_id,
    vault_name,
    created_at,
    started_at,
    age_hours,
    progress,
    progress_since,
    p99_hours,
    kind = 'stuck' AS is_stuck
FROM judged
ORDER BY is_stuck DESC, age_hours DESC
